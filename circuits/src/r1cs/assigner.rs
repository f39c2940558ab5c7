//! The backend that fills in values, and A·z and B·z beside them.

use super::backend::{Backend, Linear};
use crate::field::Fr;
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
#[derive(Clone, Copy)]
pub(super) struct Value(Fr);

impl Linear for Value {
    fn constant(value: Fr) -> Self {
        Self(value)
    }

    fn add_scaled(&mut self, other: &Self, factor: Fr) {
        self.0 += other.0 * factor;
    }

    fn scale(&mut self, factor: Fr) {
        self.0 *= factor;
    }

    fn plus(&self, other: &Self) -> Self {
        Self(self.0 + other.0)
    }

    fn minus(&self, other: &Self) -> Self {
        Self(self.0 - other.0)
    }

    fn negated(&self) -> Self {
        Self(-self.0)
    }
}

/// Fills in values and notes whether every constraint holds.
pub(super) struct Assigner {
    assignment: Assignment,
    satisfied: bool,
}

impl Assigner {
    /// An assigner for these public inputs, and the inputs.
    pub(super) fn new<const INPUTS: usize>(inputs: &[Fr; INPUTS]) -> (Self, [Value; INPUTS]) {
        let mut z = Vec::with_capacity(1 << 13);
        z.push(Fr::from(1u64));
        z.extend_from_slice(inputs);
        let rows = || Vec::with_capacity(1 << 13);
        let assignment = Assignment { z, az: rows(), bz: rows() };
        (Self { assignment, satisfied: true }, inputs.map(Value))
    }

    /// The assignment, if every constraint holds.
    pub(super) fn finish(self) -> Option<Assignment> {
        self.satisfied.then_some(self.assignment)
    }
}

impl Backend for Assigner {
    type Num = Value;

    fn witness(&mut self, value: Fr) -> Value {
        self.assignment.z.push(value);
        Value(value)
    }

    fn enforce(&mut self, a: &Value, b: &Value, c: &Value) {
        self.satisfied &= a.0 * b.0 == c.0;
        self.assignment.az.push(a.0);
        self.assignment.bz.push(b.0);
    }

    fn value(&self, num: &Value) -> Fr {
        num.0
    }

    fn section(&mut self, _: &'static str) {}
}
