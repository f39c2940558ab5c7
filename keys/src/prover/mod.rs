//! The prover: from a satisfied assignment to a proof that any Groth16 verifier accepts.

pub(crate) mod batch_affine;
pub(crate) mod msm;
mod points;
mod quotient;

use crate::parallel::join;
use crate::proving_key::{Bases, OutputMatrix, ProvingKey, Shape};
use crate::{KeyError, Proof};
use ark_bn254::{Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{BigInt, Field, One, PrimeField, UniformRand};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::r1cs::Assignment;
use attestry_lanes::{Curve, Engine};
use msm::{Plan, Tables};
use points::Points;
use quotient::Quotient;
use std::hint::black_box;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A proving key made ready for proving.
///
/// Time depends on the assignment (arkworks' arithmetic and sums by buckets are not constant
/// time): do not let others time single proofs.
pub struct Prover {
    shape: Shape,
    quotient: Quotient,
    alpha_g1: G1Affine,
    beta_g2: G2Affine,
    delta_g2: G2Affine,
    a: Multiplier<g1::Config>,
    b: Multiplier<g2::Config>,
    c: Multiplier<g1::Config>,
    output: OutputMatrix,
}

/// Time that the parts of one proof take one after the other.
#[derive(Clone, Copy, Debug)]
pub struct ProvingTimes {
    /// Checking the assignment.
    pub check: Duration,
    /// The four FFTs and the product on the coset.
    pub fft: Duration,
    /// The two sums in G1.
    pub msm_g1: Duration,
    /// The sum in G2.
    pub msm_g2: Duration,
}

/// How much a prover adds and transforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProverSizes {
    /// Elements of the domain.
    pub domain: usize,
    /// Points of each sum in G1.
    pub g1: [usize; 2],
    /// Points of the sum in G2.
    pub g2: usize,
}

impl Prover {
    /// Makes a prover that needs no memory beyond the key.
    ///
    /// # Errors
    /// [`KeyError::CircuitTooLarge`] if the field has too few roots of unity for the circuit.
    pub fn new(key: ProvingKey) -> Result<Self, KeyError> {
        Self::with_plans(key, Plan::without_tables, Engine::detect())
    }

    /// Makes a prover that holds multiples of the key's bases: about 17 times the key's size in
    /// memory, for proofs in about two thirds of the time. Worth its making from about the
    /// thirtieth proof on.
    ///
    /// # Errors
    /// [`KeyError::CircuitTooLarge`] if the field has too few roots of unity for the circuit.
    pub fn with_tables(key: ProvingKey) -> Result<Self, KeyError> {
        Self::with_plans(key, Plan::with_full_tables, Engine::detect())
    }

    /// As [`with_tables`](Self::with_tables), on arkworks' arithmetic whatever the processor has:
    /// to test and to measure what other processors do.
    ///
    /// # Errors
    /// [`KeyError::CircuitTooLarge`] if the field has too few roots of unity for the circuit.
    pub fn with_tables_without_lanes(key: ProvingKey) -> Result<Self, KeyError> {
        Self::with_plans(key, Plan::with_full_tables, None)
    }

    fn with_plans(
        key: ProvingKey,
        plan: fn(usize, u32) -> Plan,
        engine: Option<Engine>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            quotient: Quotient::new(&key.shape, engine)?,
            shape: key.shape,
            alpha_g1: key.alpha_g1,
            beta_g2: key.beta_g2,
            delta_g2: key.delta_g2,
            a: Multiplier::new(key.a, plan, engine),
            b: Multiplier::new(key.b, plan, engine),
            c: Multiplier::new(key.c, plan, engine),
            output: key.output,
        })
    }

    /// Bytes of memory that the bases and their multiples take.
    pub fn size_in_bytes(&self) -> usize {
        self.a.tables.size_in_bytes()
            + self.b.tables.size_in_bytes()
            + self.c.tables.size_in_bytes()
    }

    /// Sizes of the sums and transforms of one proof.
    pub fn sizes(&self) -> ProverSizes {
        ProverSizes {
            domain: (self.shape.constraints + self.shape.instance).next_power_of_two(),
            g1: [self.a.scalars.len(), self.c.scalars.len()],
            g2: self.b.scalars.len(),
        }
    }

    /// Proves `assignment`, which is checked first: nothing is ever proven of an assignment that
    /// breaks a constraint. The assignment's products A·z and B·z are taken as they are; false
    /// ones give a proof that no verifier accepts.
    ///
    /// # Errors
    /// [`KeyError::AssignmentShape`] if the assignment is not one of this circuit;
    /// [`KeyError::Unsatisfied`] if it breaks a constraint.
    pub fn prove(
        &self,
        assignment: &Assignment,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Proof, KeyError> {
        self.check(assignment)?;
        let z = to_integers(&assignment.z);
        let (c, (a, b)) = join(
            || self.c.sum(&self.scalars_of_c(assignment, &z)),
            || join(|| self.a.sum(&z), || self.b.sum(&z)),
        );
        Ok(self.blind(a + self.alpha_g1, b + self.beta_g2, c, rng))
    }

    /// Runs the parts of a proof one after the other and says how long each took.
    ///
    /// # Errors
    /// Those of [`prove`](Self::prove).
    pub fn time_parts(&self, assignment: &Assignment) -> Result<ProvingTimes, KeyError> {
        let start = Instant::now();
        self.check(assignment)?;
        let check = start.elapsed();
        let z = to_integers(&assignment.z);
        let start = Instant::now();
        let scalars_of_c = self.scalars_of_c(assignment, &z);
        let fft = start.elapsed();
        let start = Instant::now();
        let _ = black_box([self.c.sum(&scalars_of_c), self.a.sum(&z)]);
        let msm_g1 = start.elapsed();
        let start = Instant::now();
        let _ = black_box(self.b.sum(&z));
        let msm_g2 = start.elapsed();
        Ok(ProvingTimes { check, fft, msm_g1, msm_g2 })
    }

    /// (A·z)ᵢ·(B·z)ᵢ = (C·z)ᵢ for every constraint.
    fn check(&self, assignment: &Assignment) -> Result<(), KeyError> {
        let Assignment { z, az, bz } = assignment;
        if z.len() != self.shape.variables() {
            return Err(KeyError::AssignmentShape("the number of variables is not the circuit's"));
        }
        if az.len() != self.shape.constraints || bz.len() != self.shape.constraints {
            return Err(KeyError::AssignmentShape("the number of rows is not the circuit's"));
        }
        if !z[0].is_one() {
            return Err(KeyError::AssignmentShape("the constant wire is not one"));
        }
        let mut rows = az.iter().zip(bz).zip(self.output.rows(z));
        match rows.position(|((a, b), c)| *a * b != c) {
            None => Ok(()),
            Some(constraint) => Err(KeyError::Unsatisfied { constraint }),
        }
    }

    /// The values of ab on the coset, then z.
    fn scalars_of_c(&self, assignment: &Assignment, z: &[BigInt<4>]) -> Zeroizing<Vec<BigInt<4>>> {
        let inputs = &assignment.z[..self.shape.instance];
        let mut scalars = Vec::with_capacity(self.sizes().domain + z.len());
        self.quotient.products_on_coset([&assignment.az, inputs], &assignment.bz, &mut scalars);
        scalars.extend_from_slice(z);
        Zeroizing::new(scalars)
    }

    /// Makes a proof that says nothing beside the statement out of one that has no randomness.
    ///
    /// e(A, B) = e(α, β)·e(IC, γ)·e(C, δ) still holds of A/ρ, ρ(B + ηδ) and C + ηA. With ρ ≠ 0
    /// and η random the first two are independent and uniform, as the A and B of Groth16's own
    /// prover are, and the third follows from them: the distributions are the same. But here B is
    /// needed in G2 alone.
    fn blind(
        &self,
        a: Projective<g1::Config>,
        b: Projective<g2::Config>,
        c: Projective<g1::Config>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Proof {
        let eta = Zeroizing::new(Fr::rand(rng));
        let (rho, inverse) = loop {
            let rho = Zeroizing::new(Fr::rand(rng));
            if let Some(inverse) = rho.inverse() {
                break (rho, Zeroizing::new(inverse));
            }
        };
        let (b, (a, c)) =
            join(|| (b + self.delta_g2 * *eta) * *rho, || (a * *inverse, c + a * *eta));
        Proof::from_inner(ark_groth16::Proof {
            a: a.into_affine(),
            b: b.into_affine(),
            c: c.into_affine(),
        })
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// Bases, their multiples, and the places of their scalars.
struct Multiplier<P: Curve> {
    scalars: Vec<u32>,
    tables: Tables<P>,
}

impl<P: Curve> Multiplier<P> {
    fn new(bases: Bases<Affine<P>>, plan: fn(usize, u32) -> Plan, engine: Option<Engine>) -> Self {
        let plan = plan(bases.points.len(), Fr::MODULUS_BIT_SIZE);
        Self {
            scalars: bases.scalars,
            tables: Tables::build(Points::new(bases.points, engine), plan),
        }
    }

    fn sum(&self, scalars: &[BigInt<4>]) -> Projective<P> {
        let chosen: Zeroizing<Vec<_>> =
            Zeroizing::new(self.scalars.iter().map(|&index| scalars[index as usize]).collect());
        self.tables.msm(&chosen)
    }
}

fn to_integers(elements: &[Fr]) -> Zeroizing<Vec<BigInt<4>>> {
    Zeroizing::new(elements.iter().map(|element| element.into_bigint()).collect())
}
