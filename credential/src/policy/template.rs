//! The policy as a contract keeps it: known before the day and the holder are.

use attestry_circuits::{
    Fr,
    field::{hash_to_field, to_u64},
    policy::{CompiledPolicy, OperandSource, PolicyTemplate, Slot, SlotOperator},
};
use serde_json::{Map, Value};

use super::{Disclosures, Parameters, PolicyDocument, parameters};
use crate::{
    error::{CredentialError, Rule},
    schema::values::Day,
};

/// Days since 1900-01-01 at which the policy is laid out, to see what depends on the day.
const SAMPLE_DAYS: [u32; 2] = [45_000, 46_234];
/// The most days by which a contract lets a bound differ from the day.
const MAX_OFFSET: i16 = 25_567;

pub(super) fn of(
    document: &PolicyDocument,
    given: &Map<String, Value>,
) -> Result<PolicyTemplate, CredentialError> {
    let refuse = |rule| Rule::new(rule).at("require");
    let predicates = document.require.iter().flatten().flatten();
    let mut references = predicates.flat_map(|predicate| predicate.operand.parameters());
    if references.any(|name| name.name == parameters::TODAY && name.is_shifted_by_months()) {
        return Err(refuse("shifts today by months or years, which a contract does not count"));
    }
    // No claim has this encoding: it marks where disclosed values go.
    let open = hash_to_field("attestry/open-operand/v1", &[]);
    let on = |day: u32| -> Result<CompiledPolicy, CredentialError> {
        let day = Day::from_number(day).map_err(|rule| rule.at("today"))?;
        document.compile(&Parameters::new(day).with_all(given), Disclosures::Open(open))
    };
    let [first, second] = [on(SAMPLE_DAYS[0])?, on(SAMPLE_DAYS[1])?];
    let word = first.word();
    if second.word() != word || second.set != first.set {
        return Err(refuse("uses today otherwise than as a bound, which a contract cannot"));
    }
    let mut operands = [OperandSource::Disclosed; _];
    for ((source, first), second) in operands.iter_mut().zip(&first.slots).zip(&second.slots) {
        if first.operator == SlotOperator::Eq && first.operand == open {
            continue;
        }
        *source = match (offset(first, SAMPLE_DAYS[0]), offset(second, SAMPLE_DAYS[1])) {
            _ if first.operand == second.operand => OperandSource::Fixed(first.operand),
            (Some(offset), Some(same)) if offset == same => OperandSource::Day { offset },
            _ => return Err(refuse("shifts today by more than 70 years")),
        };
    }
    Ok(PolicyTemplate { word, operands, set: first.set })
}

/// By how many days the slot's operand differs from the day.
fn offset(slot: &Slot, day: u32) -> Option<i16> {
    let difference = slot.operand - Fr::from(day);
    let within = |days: u64| i16::try_from(days).ok().filter(|days| *days <= MAX_OFFSET);
    match (to_u64(&difference), to_u64(&-difference)) {
        (Some(days), _) => within(days),
        (_, Some(days)) => within(days).map(|days| -days),
        _ => None,
    }
}
