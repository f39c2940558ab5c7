//! A small circuit with everything that troubles provers: an input that no constraint uses, wires
//! whose columns are equal or exactly opposite, bits, inputs and constants on all three sides.

use ark_bn254::Fr;
use ark_ff::{Field, One, UniformRand, Zero};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_circuits::r1cs::{Assignment, ConstraintMatrices};

/// Public inputs; the last is used by no constraint.
pub(crate) const INPUTS: usize = 3;

type Row = Vec<(Fr, usize)>;

/// A satisfied instance of the toy circuit.
#[derive(Clone)]
pub(crate) struct Toy {
    pub(crate) matrices: ConstraintMatrices,
    pub(crate) z: Vec<Fr>,
}

struct Builder {
    matrices: ConstraintMatrices,
    z: Vec<Fr>,
}

impl Builder {
    fn witness(&mut self, value: Fr) -> usize {
        self.matrices.num_witness += 1;
        self.z.push(value);
        self.z.len() - 1
    }

    fn value(&self, row: &Row) -> Fr {
        row.iter().map(|&(coefficient, column)| coefficient * self.z[column]).sum()
    }

    fn constrain(&mut self, a: Row, b: Row, c: Row) {
        self.matrices.a.push(a);
        self.matrices.b.push(b);
        self.matrices.c.push(c);
    }

    fn product(&mut self, a: Row, b: Row) -> usize {
        let wire = self.witness(self.value(&a) * self.value(&b));
        self.constrain(a, b, vec![(Fr::ONE, wire)]);
        wire
    }
}

impl Toy {
    /// The circuit of this many rounds with a random satisfying assignment.
    pub(crate) fn new(rounds: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let one = Fr::ONE;
        let mut builder = Builder {
            matrices: ConstraintMatrices {
                num_instance: 1 + INPUTS,
                num_witness: 0,
                a: Vec::new(),
                b: Vec::new(),
                c: Vec::new(),
                sections: Vec::new(),
            },
            z: vec![one],
        };
        builder.z.extend((0..INPUTS).map(|_| Fr::rand(&mut rng)));
        let (x, y) = (1, 2);
        let mut last = x;
        for round in 0..rounds {
            // A bit, and a choice by it: u and v have opposite columns in A.
            let bit = builder.witness(Fr::from(rng.next_u32() % 2));
            builder.constrain(vec![(one, bit)], vec![(one, 0), (-one, bit)], vec![]);
            let u = builder.witness(Fr::rand(&mut rng));
            let v = builder.witness(Fr::rand(&mut rng));
            let chosen = builder.product(vec![(one, u), (-one, v)], vec![(one, bit)]);
            // p and q have equal columns everywhere.
            let p = builder.witness(Fr::rand(&mut rng));
            let q = builder.witness(-Fr::from(rng.next_u32()));
            let mixed = builder.product(
                vec![(one, p), (one, q), (Fr::from(round as u64), 0)],
                vec![(Fr::from(7u64), last), (one, chosen), (one, y)],
            );
            // An input, the constant and a wire on the right-hand side.
            let value = builder.z[mixed] * builder.z[mixed] - builder.z[x] - Fr::from(5u64);
            last = builder.witness(value);
            builder.constrain(
                vec![(one, mixed)],
                vec![(one, mixed)],
                vec![(one, last), (one, x), (Fr::from(5u64), 0)],
            );
        }
        Self { matrices: builder.matrices, z: builder.z }
    }

    pub(crate) fn inputs(&self) -> &[Fr] {
        &self.z[1..=INPUTS]
    }

    pub(crate) fn assignment(&self) -> Assignment {
        let times_z = |rows: &[Row]| {
            rows.iter()
                .map(|row| row.iter().map(|&(coefficient, column)| coefficient * self.z[column]))
                .map(|terms| terms.sum())
                .collect()
        };
        Assignment {
            az: times_z(&self.matrices.a),
            bz: times_z(&self.matrices.b),
            z: self.z.clone(),
        }
    }

    /// A witness wire that is a bit, and one whose change breaks a constraint.
    pub(crate) fn bit_wire(&self) -> usize {
        1 + INPUTS
    }
}

impl ConstraintSynthesizer<Fr> for Toy {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let instance = self.matrices.num_instance;
        for value in &self.z[1..instance] {
            let _ = system.new_input_variable(|| Ok(*value))?;
        }
        for value in &self.z[instance..] {
            let _ = system.new_witness_variable(|| Ok(*value))?;
        }
        let combination = |row: &Row| {
            let mut sum = LinearCombination::zero();
            for &(coefficient, column) in row {
                let variable = match column {
                    0 => Variable::One,
                    _ if column < instance => Variable::instance(column),
                    _ => Variable::witness(column - instance),
                };
                sum += (coefficient, variable);
            }
            sum
        };
        for ((a, b), c) in self.matrices.a.iter().zip(&self.matrices.b).zip(&self.matrices.c) {
            system.enforce_r1cs_constraint(
                || combination(a),
                || combination(b),
                || combination(c),
            )?;
        }
        Ok(())
    }
}

/// Whether the toy's own assignment satisfies it: the tests' starting point.
pub(crate) fn is_satisfied(toy: &Toy) -> bool {
    let assignment = toy.assignment();
    let outputs = toy.matrices.c.iter().map(|row| {
        row.iter().fold(Fr::zero(), |sum, &(coefficient, column)| sum + coefficient * toy.z[column])
    });
    toy.z[0].is_one()
        && assignment.az.iter().zip(&assignment.bz).zip(outputs).all(|((a, b), c)| *a * b == c)
}
