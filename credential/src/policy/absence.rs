//! A claim that a credential does not state must never satisfy a policy by its encoding.
//!
//! `neq`, `not-in-set`, `mask-excludes` and upper bounds can hold for the encoding of an absent
//! claim. They may stand only beside a predicate on the same claim that absence fails.

use attestry_circuits::{
    Fr,
    field::to_u64,
    policy::{Alternative, Operator, Policy, Predicate},
};

use crate::{
    error::CredentialError,
    schema::{ClaimSpec, Schema},
};

pub(super) fn check(schema: Schema, policy: &Policy) -> Result<(), CredentialError> {
    let always: Vec<&Predicate> = policy
        .clauses
        .iter()
        .filter_map(|clause| match clause.as_slice() {
            [only] => Some(only),
            _ => None,
        })
        .flatten()
        .collect();
    for alternative in policy.clauses.iter().flatten() {
        for spec in mentioned(schema, alternative) {
            let Some(absent) = spec.absent else { continue };
            let beside = alternative.iter().chain(always.iter().copied());
            let mut on_claim = beside.filter(|predicate| mentions(predicate, spec));
            if on_claim.all(|predicate| holds_when_absent(predicate, spec, absent, &policy.set)) {
                return Err(CredentialError::invalid(
                    spec.name,
                    "would satisfy the policy when absent: add a predicate that it must be stated",
                ));
            }
        }
    }
    Ok(())
}

fn mentioned(schema: Schema, alternative: &Alternative) -> Vec<&'static ClaimSpec> {
    let claims = schema.claims().iter();
    claims.filter(|spec| alternative.iter().any(|predicate| mentions(predicate, spec))).collect()
}

fn mentions(predicate: &Predicate, spec: &ClaimSpec) -> bool {
    let other = match predicate.operator {
        Operator::LeClaim { other, .. } | Operator::GeClaim { other, .. } => Some(other.index()),
        _ => None,
    };
    predicate.claim.index() == spec.slot || other == Some(spec.slot)
}

/// Whether the predicate can hold with the claim's absent encoding. Of two compared claims, the
/// other is taken to be stated, which its own check ensures.
fn holds_when_absent(predicate: &Predicate, spec: &ClaimSpec, absent: u64, set: &[Fr]) -> bool {
    let is_left = predicate.claim.index() == spec.slot;
    let element = Fr::from(absent);
    match predicate.operator {
        Operator::Eq(value) => value == element,
        Operator::Neq(value) => value != element,
        Operator::Lt(bound) => absent < bound,
        Operator::Le(bound) => absent <= bound,
        Operator::Gt(bound) => absent > bound,
        Operator::Ge(bound) => absent >= bound,
        Operator::LeClaim { .. } => is_left == (absent == 0),
        Operator::GeClaim { .. } => is_left != (absent == 0),
        Operator::InSet => set.contains(&element),
        Operator::NotInSet => !set.contains(&element),
        Operator::MaskContains { mask, .. } => absent & mask == mask,
        Operator::MaskExcludes { mask, .. } => absent & mask == 0,
        Operator::InMask(mask) => {
            to_u64(&element).is_some_and(|bit| bit < 64 && mask >> bit & 1 == 1)
        }
    }
}
