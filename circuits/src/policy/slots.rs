//! A policy as the circuit reads it: eight slots, evaluated in order.

use super::{COMPARE_BITS, ClaimRef, SET_SIZE};
use crate::credential::{Credential, SchemaId};
use crate::field::{self, Fr};
use ark_ff::AdditiveGroup;

/// Slots of a policy.
pub const SLOTS: usize = 8;

/// Bits of the word that all slots' selectors and flags take; the schema stands above them.
pub(crate) const SCHEMA_SHIFT: u32 = 96;

/// Bits of a claim selector.
pub(crate) const SELECTOR_BITS: u32 = 5;

/// Which operators a slot has besides equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotClass {
    /// Set membership.
    Set,
    /// Comparisons of 40 bits.
    Compare,
    /// Comparisons and masks of 40 bits.
    Narrow,
    /// Comparisons and masks of 64 bits, and in-mask.
    Wide,
}

impl SlotClass {
    /// The class of each slot.
    pub const OF_SLOT: [Self; SLOTS] = [
        Self::Set,
        Self::Compare,
        Self::Set,
        Self::Narrow,
        Self::Set,
        Self::Narrow,
        Self::Set,
        Self::Wide,
    ];

    /// Bits of the claims that the slot compares or masks.
    pub fn bits(self) -> u32 {
        match self {
            Self::Set => 0,
            Self::Compare | Self::Narrow => COMPARE_BITS,
            Self::Wide => 64,
        }
    }
}

/// What a slot tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotOperator {
    /// Nothing: it holds.
    Unused,
    /// claim = operand.
    Eq,
    /// claim ≠ operand.
    Neq,
    /// The claim is in the set.
    InSet,
    /// The claim is not in the set.
    NotInSet,
    /// claim ≤ base + operand.
    Le {
        /// The base is the claim of the comparison before, else zero.
        relative: bool,
    },
    /// claim ≥ base + operand.
    Ge {
        /// The base is the claim of the comparison before, else zero.
        relative: bool,
    },
    /// claim ⊇ operand.
    Contains,
    /// claim ∩ operand = ∅.
    Excludes,
    /// The bit that the claim numbers is set in the operand.
    InMask,
}

/// How a slot joins the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// Starts a clause.
    NewClause,
    /// Starts an alternative.
    Or,
    /// Continues the alternative.
    And,
}

/// One slot of a compiled policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The claim that it reads.
    pub claim: ClaimRef,
    /// How it joins the ones before it.
    pub connector: Connector,
    /// The test.
    pub operator: SlotOperator,
    /// What the claim is held against.
    pub operand: Fr,
}

impl Slot {
    /// A slot that changes nothing.
    pub(crate) fn unused() -> Self {
        Self {
            claim: ClaimRef(0),
            connector: Connector::And,
            operator: SlotOperator::Unused,
            operand: Fr::ZERO,
        }
    }

    /// The slot's selector and flags, least significant first, as the class has them.
    pub(crate) fn flags(&self, class: SlotClass) -> Vec<bool> {
        use SlotOperator as Op;
        let operator = self.operator;
        let mut flags: Vec<bool> = (0..SELECTOR_BITS).map(|i| self.claim.0 >> i & 1 == 1).collect();
        flags.push(self.connector == Connector::And);
        flags.push(self.connector == Connector::Or);
        flags.push(matches!(operator, Op::Eq | Op::InSet));
        flags.push(matches!(operator, Op::Neq | Op::NotInSet));
        if class == SlotClass::Set {
            flags.push(matches!(operator, Op::InSet | Op::NotInSet));
            return flags;
        }
        flags.push(matches!(operator, Op::Le { .. } | Op::Ge { .. }));
        flags.push(matches!(operator, Op::Le { .. }));
        flags.push(matches!(operator, Op::Le { relative: true } | Op::Ge { relative: true }));
        if class == SlotClass::Compare {
            return flags;
        }
        flags.push(operator == Op::Contains);
        flags.push(operator == Op::Excludes);
        if class == SlotClass::Wide {
            flags.push(operator == Op::InMask);
        }
        flags
    }
}

/// A policy laid out on the slots: what the statement carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledPolicy {
    /// The schema asked for.
    pub schema: SchemaId,
    /// The slots, in order.
    pub slots: [Slot; SLOTS],
    /// The shared set; the last value repeated to fill it.
    pub set: [Fr; SET_SIZE],
}

/// Why the claims do not satisfy a compiled policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyViolation {
    /// A claim that is compared or masked does not fit the slot.
    ClaimRange,
    /// A clause does not hold.
    Clause,
}

impl CompiledPolicy {
    /// Σ flags·2^i + schema·2^96: the first public input of the policy.
    pub fn word(&self) -> Fr {
        let mut word = u128::from(self.schema.as_u32()) << SCHEMA_SHIFT;
        let flags = self.slots.iter().zip(SlotClass::OF_SLOT).flat_map(|(s, c)| s.flags(c));
        for (i, flag) in flags.enumerate() {
            word |= u128::from(flag) << i;
        }
        Fr::from(word)
    }

    /// Whether each slot's test holds.
    ///
    /// # Errors
    /// [`PolicyViolation::ClaimRange`] if a claim that is compared or masked is too wide.
    pub(crate) fn truth(&self, credential: &Credential) -> Result<[bool; SLOTS], PolicyViolation> {
        let mut truth = [false; SLOTS];
        let mut base = 0;
        for ((slot, class), holds) in self.slots.iter().zip(SlotClass::OF_SLOT).zip(&mut truth) {
            let value = self.value(slot.claim, credential);
            *holds = self.slot_holds(slot, class, value, base)?;
            if class != SlotClass::Set {
                base = match slot.operator {
                    SlotOperator::Le { .. } | SlotOperator::Ge { .. } => bounded(value, class)?,
                    _ => 0,
                };
            }
        }
        Ok(truth)
    }

    /// Evaluates the policy.
    ///
    /// # Errors
    /// [`PolicyViolation`] if it does not hold.
    pub fn evaluate(&self, credential: &Credential) -> Result<(), PolicyViolation> {
        let truth = self.truth(credential)?;
        // Any alternative of the clause that was complete held; the current one holds so far.
        let (mut any, mut current) = (false, true);
        for (slot, holds) in self.slots.iter().zip(truth) {
            match slot.connector {
                Connector::And => current &= holds,
                Connector::Or => {
                    any |= current;
                    current = holds;
                }
                Connector::NewClause => {
                    if !(any || current) {
                        return Err(PolicyViolation::Clause);
                    }
                    (any, current) = (false, holds);
                }
            }
        }
        if any || current { Ok(()) } else { Err(PolicyViolation::Clause) }
    }

    pub(crate) fn value(&self, claim: ClaimRef, credential: &Credential) -> Fr {
        let issuer = || credential.header.issuer_id.as_field();
        credential.claims.0.get(claim.index()).copied().unwrap_or_else(issuer)
    }

    fn slot_holds(
        &self,
        slot: &Slot,
        class: SlotClass,
        value: Fr,
        base: u64,
    ) -> Result<bool, PolicyViolation> {
        use SlotOperator as Op;
        let base = |relative| Fr::from(if relative { base } else { 0 });
        let mask = || field::to_u64(&slot.operand).unwrap_or_default();
        Ok(match slot.operator {
            Op::Unused => true,
            Op::Eq => value == slot.operand,
            Op::Neq => value != slot.operand,
            Op::InSet => self.set.contains(&value),
            Op::NotInSet => !self.set.contains(&value),
            Op::Le { relative } => {
                bounded(value, class)?;
                fits(base(relative) + slot.operand - value, class)
            }
            Op::Ge { relative } => {
                bounded(value, class)?;
                fits(value - base(relative) - slot.operand, class)
            }
            Op::Contains => bounded(value, class)? & mask() == mask(),
            Op::Excludes => bounded(value, class)? & mask() == 0,
            Op::InMask => {
                let bit = field::to_u64(&value).filter(|&bit| bit < 64);
                mask() >> bit.ok_or(PolicyViolation::ClaimRange)? & 1 == 1
            }
        })
    }
}

fn fits(value: Fr, class: SlotClass) -> bool {
    bounded(value, class).is_ok()
}

fn bounded(value: Fr, class: SlotClass) -> Result<u64, PolicyViolation> {
    field::to_u64(&value)
        .filter(|&v| class.bits() == 64 || v >> class.bits() == 0)
        .ok_or(PolicyViolation::ClaimRange)
}
