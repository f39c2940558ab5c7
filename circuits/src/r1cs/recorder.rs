//! The backend that records the constraint matrices.

use super::backend::{Backend, Linear};
use crate::field::{self, Fr};
use ark_ff::{AdditiveGroup, Zero};
use sha2::{Digest, Sha256};
use std::cmp::Ordering;

/// A row: coefficients and columns, by ascending column.
pub type Row = Vec<(Fr, usize)>;

/// Sparse rows of A, B and C. Column 0 is the constant one, then come the public inputs, then the
/// witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstraintMatrices {
    /// Columns of the one and the public inputs.
    pub num_instance: usize,
    /// Columns of the witness.
    pub num_witness: usize,
    /// Rows of A.
    pub a: Vec<Row>,
    /// Rows of B.
    pub b: Vec<Row>,
    /// Rows of C.
    pub c: Vec<Row>,
    /// Title and number of constraints of each paragraph, in order.
    pub sections: Vec<(&'static str, usize)>,
}

impl ConstraintMatrices {
    /// Number of constraints.
    pub fn num_constraints(&self) -> usize {
        self.a.len()
    }

    /// SHA-256 of the matrices: numbers as 8 bytes and elements as 32 bytes, big-endian; column
    /// counts and the number of constraints, then for A, B, C each row's length and entries.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let number = |hasher: &mut Sha256, n: usize| hasher.update((n as u64).to_be_bytes());
        for n in [self.num_instance, self.num_witness, self.num_constraints()] {
            number(&mut hasher, n);
        }
        for row in self.a.iter().chain(&self.b).chain(&self.c) {
            number(&mut hasher, row.len());
            for (coefficient, column) in row {
                hasher.update(field::to_be_bytes(coefficient));
                number(&mut hasher, *column);
            }
        }
        hasher.finalize().into()
    }
}

/// A sparse linear combination.
#[derive(Clone)]
pub(super) struct Combination(Row);

impl Combination {
    fn variable(column: usize) -> Self {
        Self(vec![(Fr::from(1u64), column)])
    }
}

impl Linear for Combination {
    fn constant(value: Fr) -> Self {
        Self(if value.is_zero() { vec![] } else { vec![(value, 0)] })
    }

    fn add_scaled(&mut self, other: &Self, factor: Fr) {
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (Some(a), Some(b)) => a.1.cmp(&b.1),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let (mut coefficient, mut column) = (Fr::ZERO, 0);
            if order != Ordering::Greater
                && let Some(term) = ours.next()
            {
                (coefficient, column) = *term;
            }
            if order != Ordering::Less
                && let Some(term) = theirs.next()
            {
                coefficient += term.0 * factor;
                column = term.1;
            }
            if !coefficient.is_zero() {
                merged.push((coefficient, column));
            }
        }
        self.0 = merged;
    }

    fn scale(&mut self, factor: Fr) {
        if factor.is_zero() {
            self.0.clear();
        }
        self.0.iter_mut().for_each(|(coefficient, _)| *coefficient *= factor);
    }
}

/// Records constraints; has no values.
pub(super) struct Recorder {
    matrices: ConstraintMatrices,
}

impl Recorder {
    /// A recorder with this many public inputs, and the inputs.
    pub(super) fn new<const INPUTS: usize>() -> (Self, [Combination; INPUTS]) {
        let matrices = ConstraintMatrices {
            num_instance: INPUTS + 1,
            num_witness: 0,
            a: vec![],
            b: vec![],
            c: vec![],
            sections: vec![],
        };
        (Self { matrices }, std::array::from_fn(|i| Combination::variable(i + 1)))
    }

    pub(super) fn finish(self) -> ConstraintMatrices {
        self.matrices
    }
}

impl Backend for Recorder {
    type Num = Combination;

    fn witness(&mut self, _: Fr) -> Combination {
        let column = self.matrices.num_instance + self.matrices.num_witness;
        self.matrices.num_witness += 1;
        Combination::variable(column)
    }

    fn enforce(&mut self, a: &Combination, b: &Combination, c: &Combination) {
        self.matrices.a.push(a.0.clone());
        self.matrices.b.push(b.0.clone());
        self.matrices.c.push(c.0.clone());
        if let Some((_, count)) = self.matrices.sections.last_mut() {
            *count += 1;
        }
    }

    fn value(&self, _: &Combination) -> Fr {
        Fr::ZERO
    }

    fn section(&mut self, title: &'static str) {
        self.matrices.sections.push((title, 0));
    }
}
