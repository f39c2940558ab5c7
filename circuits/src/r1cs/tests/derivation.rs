//! Which wires the constraints determine, and which are the prover's to choose.
//!
//! Starting from the public inputs, two rules derive wires from those already known:
//!
//! 1. a row in which one wire is unknown, and that one linearly with a factor that is not 0, has
//!    one solution for it;
//! 2. a row in which only booleans are unknown, linearly, with the factors ±2^i of different i
//!    and the sum of the 2^i below the modulus, has at most one solution for all of them. With
//!    i = 253 the sum is below the modulus only if a row forbids the two highest at once.
//!
//! Where neither applies, the next wire is called a choice. What is derived has no second value
//! under the same inputs and choices: a hint that a prover forges there breaks a constraint,
//! whatever else is forged.

use crate::credential::power_of_two;
use crate::field::Fr;
use crate::r1cs::{ConstraintMatrices, Row, matrices};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, Zero};
use std::collections::HashMap;
use std::sync::LazyLock;

const TOP_BIT: u32 = 253;

/// A circuit, indexed both ways.
pub(super) struct Circuit {
    matrices: ConstraintMatrices,
    /// The witness columns of each row, each once.
    columns: Vec<Vec<usize>>,
    /// The rows of each column.
    rows: Vec<Vec<usize>>,
    /// Whether a row holds the column to 0 and 1.
    pub(super) boolean: Vec<bool>,
    sections: Vec<&'static str>,
}

/// The presentation circuit.
pub(super) static CIRCUIT: LazyLock<Circuit> =
    LazyLock::new(|| Circuit::without_rows(|_, _| false));

/// One step of a derivation.
enum Step {
    /// The wire is free so far.
    Choice(usize),
    /// The row determines the wire.
    Linear { row: usize, wire: usize },
    /// The row determines the bits: wire, exponent, and whether the factor is negative.
    Bits { row: usize, bits: Vec<(usize, u32, bool)> },
}

/// How each wire follows from the public inputs and the choices.
pub(super) struct Derivation<'a> {
    circuit: &'a Circuit,
    steps: Vec<Step>,
    /// The satisfied assignment around which it was found.
    pub(super) honest: Vec<Fr>,
}

/// An assignment derived from choices.
pub(super) struct Derived {
    pub(super) z: Vec<Fr>,
    /// Wires that no row determined after all, since their factor was 0.
    pub(super) undetermined: Vec<usize>,
    /// Titles of the paragraphs that hold the broken rows.
    pub(super) broken: Vec<&'static str>,
}

/// a·b − c of a row, as a polynomial in its unknown wires; known ones have their values.
struct Sides {
    constants: [Fr; 3],
    unknown: [Vec<(Fr, usize)>; 3],
}

impl Sides {
    /// The constant and the linear factors, if no product of unknowns occurs.
    fn linear(&self) -> Option<(Fr, HashMap<usize, Fr>)> {
        let [a, b, c] = &self.unknown;
        if !a.is_empty() && !b.is_empty() {
            return None;
        }
        let [a0, b0, c0] = self.constants;
        let mut factors = HashMap::new();
        for (side, factor) in [(a, b0), (b, a0), (c, -Fr::ONE)] {
            for (coefficient, wire) in side {
                *factors.entry(*wire).or_insert_with(Fr::zero) += *coefficient * factor;
            }
        }
        Some((a0 * b0 - c0, factors))
    }
}

impl Circuit {
    /// The presentation circuit but for some rows, told by their paragraph and sides.
    pub(super) fn without_rows(drop: impl Fn(&str, [&Row; 3]) -> bool) -> Self {
        let mut matrices = matrices().clone();
        let sections: Vec<&'static str> =
            matrices.sections.iter().flat_map(|(title, count)| vec![*title; *count]).collect();
        let rows = matrices.a.iter().zip(&matrices.b).zip(&matrices.c).zip(&sections);
        let kept: Vec<bool> = rows.map(|(((a, b), c), title)| !drop(title, [a, b, c])).collect();
        let keep = |rows: &mut Vec<Row>| {
            let mut kept = kept.iter();
            rows.retain(|_| kept.next() == Some(&true));
        };
        keep(&mut matrices.a);
        keep(&mut matrices.b);
        keep(&mut matrices.c);
        let sections = sections.into_iter().zip(&kept).filter(|(_, kept)| **kept);
        Self::new(matrices, sections.map(|(title, _)| title).collect())
    }

    fn new(matrices: ConstraintMatrices, sections: Vec<&'static str>) -> Self {
        let first = matrices.num_instance;
        let all = first + matrices.num_witness;
        let mut circuit = Self {
            matrices,
            columns: Vec::new(),
            rows: vec![Vec::new(); all],
            boolean: vec![false; all],
            sections,
        };
        for row in 0..circuit.matrices.num_constraints() {
            let mut columns: Vec<usize> =
                circuit.sides_of(row).into_iter().flatten().map(|t| t.1).collect();
            columns.retain(|column| *column >= first);
            columns.sort_unstable();
            columns.dedup();
            columns.iter().for_each(|column| circuit.rows[*column].push(row));
            if let [wire] = columns[..]
                && circuit.is_booleanity(row, wire)
            {
                circuit.boolean[wire] = true;
            }
            circuit.columns.push(columns);
        }
        circuit
    }

    fn sides_of(&self, row: usize) -> [&Row; 3] {
        [&self.matrices.a[row], &self.matrices.b[row], &self.matrices.c[row]]
    }

    /// Whether the row is quadratic in its one wire with the roots 0 and 1, whatever the inputs.
    fn is_booleanity(&self, row: usize, wire: usize) -> bool {
        let sides = self.sides_of(row);
        if sides.iter().flat_map(|side| side.iter()).any(|term| term.1 != wire && term.1 != 0) {
            return false;
        }
        let at = |value: Fr| {
            let [a, b, c] = sides.map(|side| {
                side.iter()
                    .map(|(factor, column)| if *column == wire { *factor * value } else { *factor })
                    .sum::<Fr>()
            });
            a * b - c
        };
        at(Fr::ZERO).is_zero() && at(Fr::ONE).is_zero() && !at(Fr::from(2u64)).is_zero()
    }

    /// Whether a row forbids two booleans to be 1 at once.
    fn exclude_each_other(&self, first: usize, second: usize) -> bool {
        self.rows[first].iter().any(|row| {
            let [a, b, c] = self.sides_of(*row);
            matches!((&a[..], &b[..]), ([(_, x)], [(_, y)])
                if c.is_empty() && [(first, second), (second, first)].contains(&(*x, *y)))
        })
    }

    fn sides(&self, row: usize, z: &[Fr], known: impl Fn(usize) -> bool) -> Sides {
        let mut sides = Sides { constants: [Fr::ZERO; 3], unknown: Default::default() };
        for (i, side) in self.sides_of(row).into_iter().enumerate() {
            for (coefficient, column) in side {
                if known(*column) {
                    sides.constants[i] += *coefficient * z[*column];
                } else {
                    sides.unknown[i].push((*coefficient, *column));
                }
            }
        }
        sides
    }

    /// The one value of a wire, linear in a row, with which the row holds.
    fn solve_for(&self, row: usize, wire: usize, z: &[Fr]) -> Option<Fr> {
        let mut sums = [Fr::ZERO; 3];
        let mut factors = [Fr::ZERO; 3];
        for ((side, sum), factor) in self.sides_of(row).into_iter().zip(&mut sums).zip(&mut factors)
        {
            for (coefficient, column) in side {
                match *column == wire {
                    true => *factor = *coefficient,
                    false => *sum += *coefficient * z[*column],
                }
            }
        }
        let ([a, b, c], [in_a, in_b, in_c]) = (sums, factors);
        let (constant, factor) = (a * b - c, in_a * b + in_b * a - in_c);
        // Most rows define a product, for which an inversion is to be saved.
        if factor == -Fr::ONE { Some(constant) } else { factor.inverse().map(|f| -constant * f) }
    }

    fn touches(&self, row: usize, changed: &[bool]) -> bool {
        self.sides_of(row).into_iter().flatten().any(|(_, column)| changed[*column])
    }

    fn breaks(&self, row: usize, z: &[Fr]) -> bool {
        let [a, b, c] = self.sides(row, z, |_| true).constants;
        a * b != c
    }

    /// Titles of the paragraphs of all broken rows.
    pub(super) fn broken(&self, z: &[Fr]) -> Vec<&'static str> {
        let rows = 0..self.columns.len();
        rows.filter(|row| self.breaks(*row, z)).map(|row| self.sections[row]).collect()
    }

    /// The factors of sums of at least two booleans, and inputs, that a row squares: what a hash
    /// takes in.
    pub(super) fn squared_sums_of_booleans(&self) -> Vec<HashMap<usize, Fr>> {
        let is_square_of_booleans = |row: &usize| {
            let [a, b, _] = self.sides_of(*row);
            let wires = || a.iter().filter(|term| term.1 >= self.matrices.num_instance);
            a == b && wires().count() > 1 && wires().all(|term| self.boolean[term.1])
        };
        let wires = |row: usize| {
            let terms = self.sides_of(row)[0].iter().map(|(factor, wire)| (*wire, *factor));
            terms.filter(|term| term.0 >= self.matrices.num_instance).collect()
        };
        (0..self.columns.len()).filter(is_square_of_booleans).map(wires).collect()
    }

    /// The paragraph in which a wire is used first.
    pub(super) fn section_of(&self, wire: usize) -> &'static str {
        self.sections[self.rows[wire][0]]
    }

    /// Whether a choice is the inverse hint of a distance of 0 of which no inequality is asked.
    pub(super) fn is_unasked_inverse(&self, wire: usize, z: &[Fr]) -> bool {
        let [row] = self.rows[wire][..] else { return false };
        let sides = self.sides(row, z, |column| column != wire);
        let holds_wire = sides.unknown.iter().map(Vec::len).eq([1, 0, 0])
            || sides.unknown.iter().map(Vec::len).eq([0, 1, 0]);
        let [a, b, c] = sides.constants;
        holds_wire && a.is_zero() && b.is_zero() && c.is_zero()
    }

    /// Derives what can be, around a satisfied assignment.
    pub(super) fn derive(&self, z: &[Fr]) -> Derivation<'_> {
        let mut known = vec![false; z.len()];
        known[..self.matrices.num_instance].fill(true);
        let mut unknown: Vec<usize> = self.columns.iter().map(Vec::len).collect();
        let mut steps = Vec::new();
        let mut pending: Vec<usize> = (0..self.columns.len()).rev().collect();
        let mut next_choice = self.matrices.num_instance;
        loop {
            while let Some(row) = pending.pop() {
                let Some(step) = self.step(row, z, &known, unknown[row]) else { continue };
                let wires: Vec<usize> = match &step {
                    Step::Choice(wire) | Step::Linear { wire, .. } => vec![*wire],
                    Step::Bits { bits, .. } => bits.iter().map(|bit| bit.0).collect(),
                };
                steps.push(step);
                wires.iter().for_each(|w| self.learn(*w, &mut known, &mut unknown, &mut pending));
            }
            while next_choice < z.len() && known[next_choice] {
                next_choice += 1;
            }
            if next_choice == z.len() {
                return Derivation { circuit: self, steps, honest: z.to_vec() };
            }
            steps.push(Step::Choice(next_choice));
            self.learn(next_choice, &mut known, &mut unknown, &mut pending);
        }
    }

    fn learn(
        &self,
        wire: usize,
        known: &mut [bool],
        unknown: &mut [usize],
        pending: &mut Vec<usize>,
    ) {
        known[wire] = true;
        for row in &self.rows[wire] {
            unknown[*row] -= 1;
            pending.push(*row);
        }
    }

    fn step(&self, row: usize, z: &[Fr], known: &[bool], unknown: usize) -> Option<Step> {
        let open = || self.columns[row].iter().copied().filter(|column| !known[*column]);
        if unknown == 0 || (unknown > 1 && open().any(|column| !self.boolean[column])) {
            return None;
        }
        let (_, factors) = self.sides(row, z, |column| known[column]).linear()?;
        if let (1, Some(wire)) = (unknown, open().next()) {
            return (!factors[&wire].is_zero()).then_some(Step::Linear { row, wire });
        }
        let bits = signed_powers(&factors)?;
        let top = |exponent| bits.iter().find(|bit| bit.1 == exponent).map(|bit| bit.0);
        let unique = match (top(TOP_BIT), top(TOP_BIT - 1)) {
            (None, _) => bits.iter().all(|bit| bit.1 < TOP_BIT),
            (Some(first), Some(second)) => {
                bits.iter().all(|bit| bit.1 <= TOP_BIT && !bit.2)
                    && self.exclude_each_other(first, second)
            }
            (Some(_), None) => false,
        };
        unique.then_some(Step::Bits { row, bits })
    }
}

impl Derivation<'_> {
    /// The wires that were chosen, in order.
    pub(super) fn choices(&self) -> Vec<usize> {
        let choice = |step: &Step| if let Step::Choice(wire) = step { Some(*wire) } else { None };
        self.steps.iter().filter_map(choice).collect()
    }

    /// The bits of the one decomposition that is as wide as the field: wires and exponents.
    pub(super) fn bits_of_254(&self) -> Vec<(usize, u32)> {
        let wide = |step: &Step| match step {
            Step::Bits { bits, .. } if bits.len() == 254 => {
                Some(bits.iter().map(|bit| (bit.0, bit.1)).collect())
            }
            _ => None,
        };
        self.steps.iter().find_map(wide).unwrap_or_default()
    }

    /// Derives every other wire anew from the public inputs and the choices in `z`. What nothing
    /// changed leads to stays as it was.
    pub(super) fn derive_from(&self, z: Vec<Fr>) -> Derived {
        let circuit = self.circuit;
        let is_changed = |z: &[Fr], column: usize| z[column] != self.honest[column];
        let mut derived = Derived { z, undetermined: Vec::new(), broken: Vec::new() };
        let inputs = 0..circuit.matrices.num_instance;
        let mut changed: Vec<bool> = inputs.map(|column| is_changed(&derived.z, column)).collect();
        changed.resize(derived.z.len(), false);
        for step in &self.steps {
            let (row, wires): (usize, Vec<usize>) = match step {
                Step::Choice(wire) => {
                    changed[*wire] = is_changed(&derived.z, *wire);
                    continue;
                }
                Step::Linear { row, wire } => (*row, vec![*wire]),
                Step::Bits { row, bits } => (*row, bits.iter().map(|bit| bit.0).collect()),
            };
            if circuit.touches(row, &changed) {
                derived.solve(circuit, step);
            } else {
                wires.iter().for_each(|wire| derived.z[*wire] = self.honest[*wire]);
            }
            wires.iter().for_each(|wire| changed[*wire] = is_changed(&derived.z, *wire));
        }
        let broken = (0..circuit.columns.len())
            .filter(|row| circuit.touches(*row, &changed) && circuit.breaks(*row, &derived.z))
            .map(|row| circuit.sections[row]);
        derived.broken = broken.collect();
        derived
    }
}

impl Derived {
    fn solve(&mut self, circuit: &Circuit, step: &Step) {
        match step {
            Step::Choice(_) => {}
            Step::Linear { row, wire } => match circuit.solve_for(*row, *wire, &self.z) {
                Some(value) => self.z[*wire] = value,
                None => self.undetermined.push(*wire),
            },
            Step::Bits { row, bits } => {
                let among = |column| bits.iter().any(|bit| bit.0 == column);
                let sides = circuit.sides(*row, &self.z, |column| !among(column));
                let sum = sides.linear().and_then(|(constant, factors)| {
                    let (wire, exponent, negative) = bits[0];
                    let unit = factors[&wire] * signed_power(exponent, negative).inverse()?;
                    unit.inverse().map(|inverse| -constant * inverse)
                });
                let Some(sum) = sum else {
                    return self.undetermined.extend(bits.iter().map(|bit| bit.0));
                };
                // A negative factor counts what its bit leaves out.
                let negative = bits.iter().filter(|bit| bit.2);
                let offset: Fr = negative.map(|bit| power_of_two(bit.1)).sum();
                let integer = (sum + offset).into_bigint();
                for (wire, exponent, negative) in bits {
                    self.z[*wire] = Fr::from(integer.get_bit(*exponent as usize) != *negative);
                }
            }
        }
    }
}

fn signed_power(exponent: u32, negative: bool) -> Fr {
    if negative { -power_of_two(exponent) } else { power_of_two(exponent) }
}

/// The factors as ±2^i of different i, up to one common factor.
pub(super) fn signed_powers(factors: &HashMap<usize, Fr>) -> Option<Vec<(usize, u32, bool)>> {
    static POWERS: LazyLock<HashMap<Fr, (u32, bool)>> = LazyLock::new(|| {
        (0..=TOP_BIT)
            .flat_map(|i| [(power_of_two(i), (i, false)), (-power_of_two(i), (i, true))])
            .collect()
    });
    factors.values().find_map(|unit| {
        let inverse = unit.inverse()?;
        let mut bits = Vec::with_capacity(factors.len());
        let mut seen = [false; TOP_BIT as usize + 1];
        for (wire, factor) in factors {
            let (exponent, negative) = *POWERS.get(&(*factor * inverse))?;
            if std::mem::replace(&mut seen[exponent as usize], true) {
                return None;
            }
            bits.push((*wire, exponent, negative));
        }
        Some(bits)
    })
}
