//! The policy language: what a verifier asks of the claims.
//!
//! A policy is a conjunction of clauses; a clause is a disjunction of alternatives; an
//! alternative is a conjunction of predicates. It is numeric: names and vocabularies belong to
//! the schemas. [`Policy::compile`] lays it out on the circuit's eight slots.

mod compile;
mod slots;
mod template;

pub use slots::{CompiledPolicy, Connector, PolicyViolation, SLOTS, Slot, SlotClass, SlotOperator};
pub use template::{OperandSource, PolicyTemplate};

#[cfg(feature = "r1cs")]
pub(crate) use slots::{SCHEMA_SHIFT, SELECTOR_BITS};

use crate::credential::{CLAIM_COUNT, SchemaId};
use crate::field::Fr;

/// Values in a policy's shared set, at most.
pub const SET_SIZE: usize = 8;

/// Bits of an operand of a comparison.
pub const COMPARE_BITS: u32 = 40;

/// A claim of the credential, or its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimRef(u8);

impl ClaimRef {
    /// The credential's issuer id.
    pub const ISSUER: Self = Self(CLAIM_COUNT as u8);

    /// The claim in a slot of the schema.
    ///
    /// # Errors
    /// [`PolicyError::NoSuchClaim`] at or past [`CLAIM_COUNT`].
    pub fn claim(slot: usize) -> Result<Self, PolicyError> {
        if slot < CLAIM_COUNT { Ok(Self(slot as u8)) } else { Err(PolicyError::NoSuchClaim) }
    }

    /// 0 to 23 for claims, 24 for the issuer.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// How wide a mask claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskWidth {
    /// At most 40 bits.
    Narrow,
    /// At most 64 bits.
    Wide,
}

impl MaskWidth {
    /// The width in bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Narrow => COMPARE_BITS,
            Self::Wide => 64,
        }
    }
}

/// What a claim is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The claim equals the operand. A disclosed claim is an operand that the holder supplies.
    Eq(Fr),
    /// The claim differs from the operand.
    Neq(Fr),
    /// The claim is below the operand.
    Lt(u64),
    /// The claim is at most the operand.
    Le(u64),
    /// The claim is above the operand.
    Gt(u64),
    /// The claim is at least the operand.
    Ge(u64),
    /// The claim is at most another claim plus an offset.
    LeClaim {
        /// The other claim.
        other: ClaimRef,
        /// Added to the other claim.
        plus: i64,
    },
    /// The claim is at least another claim plus an offset.
    GeClaim {
        /// The other claim.
        other: ClaimRef,
        /// Added to the other claim.
        plus: i64,
    },
    /// The claim is in the policy's set.
    InSet,
    /// The claim is not in the policy's set.
    NotInSet,
    /// Every bit of the mask is set in the claim.
    MaskContains {
        /// The mask.
        mask: u64,
        /// The claim's width.
        width: MaskWidth,
    },
    /// No bit of the mask is set in the claim.
    MaskExcludes {
        /// The mask.
        mask: u64,
        /// The claim's width.
        width: MaskWidth,
    },
    /// The claim is the number, below 64, of a bit that is set in the mask.
    InMask(u64),
}

/// One test of one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicate {
    /// The claim.
    pub claim: ClaimRef,
    /// The test.
    pub operator: Operator,
}

/// Predicates that must all hold.
pub type Alternative = Vec<Predicate>;

/// Alternatives of which one must hold.
pub type Clause = Vec<Alternative>;

/// What is asked of a credential of one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The schema that gives the claims their meaning.
    pub schema: SchemaId,
    /// Values for [`Operator::InSet`] and [`Operator::NotInSet`], at most [`SET_SIZE`].
    pub set: Vec<Fr>,
    /// What must hold.
    pub clauses: Vec<Clause>,
}

/// Why a policy cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A claim past the schema's last.
    #[error("there is no such claim")]
    NoSuchClaim,
    /// A clause or an alternative without predicates.
    #[error("a clause or an alternative is empty")]
    Empty,
    /// A set operator without a set, or a set of more than eight.
    #[error("the set has not 1 to {SET_SIZE} values")]
    SetSize,
    /// An operand of a comparison does not fit 40 bits, or no value can satisfy it.
    #[error("a comparison's operand is out of range")]
    CompareRange,
    /// A mask is zero or wider than its claim.
    #[error("a mask is zero or wider than its claim")]
    MaskRange,
    /// More predicates than slots, or not enough slots with the comparators that are needed.
    #[error(
        "the policy does not fit {SLOTS} slots: at most 4 set tests, and at most 4 comparisons \
         and masks, of which 3 masks and of these 1 wider than 40 bits or an in-mask test"
    )]
    DoesNotFit,
}

impl Policy {
    /// Lays the policy out on the circuit's slots. The same policy has always the same layout.
    ///
    /// # Errors
    /// [`PolicyError`] naming the rule that the policy breaks.
    pub fn compile(&self) -> Result<CompiledPolicy, PolicyError> {
        compile::compile(self)
    }
}
