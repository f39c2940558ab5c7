//! A compiled policy that is known before the day and the holder are, as a contract keeps it.

use super::{CompiledPolicy, SET_SIZE, SLOTS};
use crate::field::Fr;

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandSource {
    /// The policy.
    Fixed(Fr),
    /// The holder, who discloses it.
    Disclosed,
    /// The day of the statement's time, as days since 1900-01-01, plus an offset in days.
    Day {
        /// Added to the day.
        offset: i16,
    },
}

/// A policy's public inputs with some operands left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTemplate {
    /// [`CompiledPolicy::word`].
    pub word: Fr,
    /// The operands, slot by slot.
    pub operands: [OperandSource; SLOTS],
    /// The shared set.
    pub set: [Fr; SET_SIZE],
}

impl PolicyTemplate {
    /// The operands that a holder discloses, in the slots' order, if this is the policy's template
    /// on that day (as days since 1900-01-01).
    pub fn disclosed(&self, policy: &CompiledPolicy, day: u32) -> Option<Vec<Fr>> {
        if policy.word() != self.word || policy.set != self.set {
            return None;
        }
        let mut disclosed = Vec::new();
        for (source, slot) in self.operands.iter().zip(&policy.slots) {
            let expected = match source {
                OperandSource::Fixed(operand) => *operand,
                OperandSource::Day { offset } => Fr::from(i64::from(day) + i64::from(*offset)),
                OperandSource::Disclosed => {
                    disclosed.push(slot.operand);
                    continue;
                }
            };
            if slot.operand != expected {
                return None;
            }
        }
        Some(disclosed)
    }
}
