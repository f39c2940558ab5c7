//! Claims and conditions on them in words.

use super::values::{Words, and, or, shifted};
use crate::{
    policy::document::{Operand, Operator, Predicate, Subject},
    schema::{ClaimKind, ClaimSpec},
};

/// What the claim is called.
pub(super) fn noun(subject: Subject) -> String {
    let Subject::Claim(spec) = subject else { return "issuer".to_owned() };
    let said = match spec.name {
        "npi" => "NPI",
        "compact_id" => "compact",
        "standing_mask" => "encumbrances",
        "taxonomy_prefix" => "specialty code starting with",
        "taxonomy_suffix" => "specialty code ending with",
        "board_status" => "board status",
        "dea_mask" => "DEA schedules",
        "dea_state" => "DEA state",
        "psv_method" => "verification",
        "issued_on" => "day of issue",
        "renewed_on" => "day of renewal",
        "expires_on" => "day of expiry",
        "psv_on" => "day of verification at the source",
        "next_check_on" => "day of the next check",
        "exclusion_checked_on" => "day of the exclusion check",
        "decided_on" => "day of the decision",
        "form_hash" => "form digest",
        "ethics_hash" => "ethics approval digest",
        "ethics_expires_on" => "last day of the ethics approval",
        "purpose_mask" => "purposes",
        "duo_permission" => "data use permission",
        "duo_modifiers" => "data use modifiers",
        "data_mask" => "data classes",
        "action_mask" => "permitted actions",
        "sensitive_allowed" => "permitted sensitive classes",
        "data_from" => "first day of the period",
        "data_to" => "last day of the period",
        "performer" => "consenting party",
        "majority_on" => "day of coming of age",
        "previous" => "digest of the consent before",
        name => return name.replace('_', " "),
    };
    said.to_owned()
}

/// One predicate.
pub(super) fn condition(words: &Words<'_>, predicate: &Predicate) -> String {
    let subject = predicate.subject;
    let noun = noun(subject);
    if predicate.operand.is_disclosed() {
        return format!("disclosing the {noun}");
    }
    if let Operand::Claim(other, days) = &predicate.operand {
        return compared(predicate, other, *days);
    }
    if let Operand::Covering(item) = &predicate.operand {
        let state = words.covered(item);
        return format!("with a {noun} whose nurse licensure compact covers {state}");
    }
    let values = words.values(predicate);
    let kind = subject.spec().map(|spec| spec.kind);
    match kind {
        Some(ClaimKind::Day) => on_day(&noun, predicate.operator, &values),
        Some(ClaimKind::Mask(_)) => of_mask(&noun, predicate.operator, &values),
        Some(ClaimKind::Recipients) => match predicate.operator {
            Operator::Eq => format!("given to exactly {}", and(&values)),
            _ => format!("not given to exactly {}", and(&values)),
        },
        _ => match subject.spec().map(|spec| spec.name) {
            None => by(predicate.operator, "issued", &values),
            Some("performer") => by(predicate.operator, "given", &values),
            Some(_) => of_value(&noun, predicate.operator, &values),
        },
    }
}

/// Who did it.
fn by(operator: Operator, verb: &str, who: &[String]) -> String {
    let who = or(who);
    match operator {
        Operator::Eq => format!("{verb} by {who}"),
        Operator::Neq => format!("not {verb} by {who}"),
        Operator::NotInSet => format!("{verb} by none of {who}"),
        _ => format!("{verb} by one of {who}"),
    }
}

fn on_day(noun: &str, operator: Operator, values: &[String]) -> String {
    let days = or(values);
    let relation = match operator {
        Operator::Eq => "on",
        Operator::Neq => "not on",
        Operator::Lt => "before",
        Operator::Le => "on or before",
        Operator::Gt => "after",
        Operator::Ge => "on or after",
        Operator::NotInSet => "on none of",
        _ => "on one of",
    };
    format!("with the {noun} {relation} {days}")
}

fn of_mask(noun: &str, operator: Operator, values: &[String]) -> String {
    match operator {
        Operator::Eq if values.is_empty() => format!("with no {noun}"),
        Operator::Neq if values.is_empty() => format!("with some {noun}"),
        Operator::Eq => format!("with the {noun} exactly {}", and(values)),
        Operator::Neq => format!("with the {noun} other than exactly {}", and(values)),
        Operator::MaskContains => format!("with the {noun} including {}", and(values)),
        _ => format!("with the {noun} excluding {}", and(values)),
    }
}

fn of_value(noun: &str, operator: Operator, values: &[String]) -> String {
    match operator {
        Operator::Eq => format!("with {noun} {}", or(values)),
        Operator::Neq => format!("with {noun} not {}", or(values)),
        Operator::Lt => format!("with {noun} before {}", or(values)),
        Operator::Le => format!("with {noun} {} or earlier", or(values)),
        Operator::Gt => format!("with {noun} after {}", or(values)),
        Operator::Ge => format!("with {noun} {} or later", or(values)),
        Operator::NotInSet => format!("with {noun} none of {}", or(values)),
        Operator::InMask => format!("with {noun} among {}", or(values)),
        _ => format!("with {noun} one of {}", or(values)),
    }
}

fn compared(predicate: &Predicate, other: &'static ClaimSpec, days: i64) -> String {
    let relation = if predicate.operator == Operator::Ge { "on or after" } else { "on or before" };
    let (this, other) = (noun(predicate.subject), noun(Subject::Claim(other)));
    format!("with the {this} {relation} the {other}{}", shifted(days, "day"))
}
