//! The backend that fills in values, and A·z and B·z beside them.

use super::backend::{Backend, Linear};
use crate::field::{Fr, dot};
use ark_ff::{AdditiveGroup, Field};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A satisfied assignment. Zeroized on drop, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Assignment {
    /// The one, the public inputs, the witness.
    pub z: Vec<Fr>,
    /// ⟨Aᵢ, z⟩ for each constraint.
    pub az: Vec<Fr>,
    /// ⟨Bᵢ, z⟩ for each constraint.
    pub bz: Vec<Fr>,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assignment(redacted)")
    }
}

/// A linear combination reduced to its value.
impl Linear for Fr {
    fn constant(value: Fr) -> Self {
        value
    }

    fn add_scaled(&mut self, other: &Self, factor: Fr) {
        *self += *other * factor;
    }

    fn scale(&mut self, factor: Fr) {
        *self *= factor;
    }

    fn plus(&self, other: &Self) -> Self {
        *self + other
    }

    fn minus(&self, other: &Self) -> Self {
        *self - other
    }

    fn negated(&self) -> Self {
        -*self
    }

    fn of_bits(bits: &[Self]) -> Self {
        bits.iter().rev().fold(Fr::ZERO, |sum, bit| sum.double() + bit)
    }

    fn dot(factors: &[Fr], terms: &[Self]) -> Self {
        dot(factors, terms)
    }
}

/// Room for the products and for the variables. A vector that grew would leave a copy of the
/// witness behind.
const ROWS: usize = 1 << 13;
const COLUMNS: usize = ROWS + 64;

/// Fills in values and notes whether every constraint holds.
pub(super) struct Assigner {
    assignment: Assignment,
    satisfied: bool,
}

impl Assigner {
    /// An assigner for these public inputs, and the inputs.
    pub(super) fn new<const INPUTS: usize>(inputs: &[Fr; INPUTS]) -> (Self, [Fr; INPUTS]) {
        let mut z = Vec::with_capacity(COLUMNS);
        z.push(Fr::ONE);
        z.extend_from_slice(inputs);
        let rows = || Vec::with_capacity(ROWS);
        let assignment = Assignment { z, az: rows(), bz: rows() };
        (Self { assignment, satisfied: true }, *inputs)
    }

    /// The assignment, if every constraint holds.
    pub(super) fn finish(self) -> Option<Assignment> {
        self.satisfied.then_some(self.assignment)
    }
}

impl Backend for Assigner {
    type Num = Fr;

    fn witness(&mut self, value: Fr) -> Fr {
        self.assignment.z.push(value);
        value
    }

    fn enforce(&mut self, a: &Fr, b: &Fr, c: &Fr) {
        self.satisfied &= *a * b == *c;
        self.assignment.az.push(*a);
        self.assignment.bz.push(*b);
    }

    fn value(&self, num: &Fr) -> Fr {
        *num
    }

    fn section(&mut self, _: &'static str) {}

    // What a constraint defines satisfies it: no need to multiply again.

    fn boolean(&mut self, value: bool) -> Fr {
        let (bit, less) = if value { (Fr::ONE, Fr::ZERO) } else { (Fr::ZERO, -Fr::ONE) };
        self.assignment.az.push(bit);
        self.assignment.bz.push(less);
        self.witness(bit)
    }

    fn product_less(&mut self, a: &Fr, b: &Fr, rest: &Fr) -> Fr {
        self.assignment.az.push(*a);
        self.assignment.bz.push(*b);
        self.witness(*a * b - rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r1cs::assign;
    use crate::sample::Sample;

    #[test]
    fn no_vector_grows() {
        let sample = Sample::new(1);
        let assignment = assign(&sample.statement, &sample.witness).unwrap();
        assert_eq!(assignment.z.capacity(), COLUMNS);
        assert_eq!(assignment.az.capacity(), ROWS);
        assert_eq!(assignment.bz.capacity(), ROWS);
    }
}
