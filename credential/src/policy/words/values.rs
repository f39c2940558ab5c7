//! Values, parameters and shifted days in words.

use serde_json::{Map, Value};

use crate::{
    policy::{
        document::{Item, Operand, Predicate, Subject},
        parameters::{Reference, Shift, TODAY},
    },
    schema::ClaimKind,
    vocabulary::{Coded, PsvProcess, PsvSource, State},
};

/// Says values, with the parameters that are known.
pub(super) struct Words<'a> {
    parameters: &'a Map<String, Value>,
}

impl<'a> Words<'a> {
    pub(super) fn new(parameters: &'a Map<String, Value>) -> Self {
        Self { parameters }
    }

    /// The values of an operand, each in words.
    pub(super) fn values(&self, predicate: &Predicate) -> Vec<String> {
        let subject = predicate.subject;
        match &predicate.operand {
            Operand::Value(value) => vec![say(subject, value)],
            Operand::Parameter(reference) => self.reference(subject, reference),
            Operand::List(items) => {
                items.iter().flat_map(|item| self.item(subject, item)).collect()
            }
            Operand::Disclosed | Operand::Claim(..) | Operand::Covering(_) => Vec::new(),
        }
    }

    fn item(&self, subject: Subject, item: &Item) -> Vec<String> {
        match item {
            Item::Value(value) => vec![say(subject, value)],
            Item::Parameter(reference) => self.reference(subject, reference),
        }
    }

    /// The state that a compact covers.
    pub(super) fn covered(&self, item: &Item) -> String {
        match item {
            Item::Value(value) => say_state(value),
            Item::Parameter(reference) => match self.parameters.get(&reference.name) {
                Some(value) => say_state(value),
                None => placeholder(&reference.name),
            },
        }
    }

    fn reference(&self, subject: Subject, reference: &Reference) -> Vec<String> {
        let shift = match reference.shift {
            None => String::new(),
            Some(Shift::Days(days)) => shifted(days, "day"),
            Some(Shift::Months(months)) => shifted(months, "month"),
        };
        let name = match self.parameters.get(&reference.name) {
            _ if reference.name == TODAY => TODAY.to_owned(),
            None => placeholder(&reference.name),
            Some(Value::Array(items)) => {
                return items.iter().map(|item| say(subject, item)).collect();
            }
            Some(value) => say(subject, value),
        };
        vec![format!("{name}{shift}")]
    }
}

fn placeholder(name: &str) -> String {
    format!("[{name}]")
}

/// A number of days or months more or less; nothing for none.
pub(super) fn shifted(amount: i64, unit: &str) -> String {
    let sign = if amount < 0 { "minus" } else { "plus" };
    match amount.unsigned_abs() {
        0 => String::new(),
        1 => format!(" {sign} 1 {unit}"),
        more => format!(" {sign} {more} {unit}s"),
    }
}

/// One value of a claim. A list of a list-valued claim is said item by item by the caller.
fn say(subject: Subject, value: &Value) -> String {
    let Some(text) = value.as_str() else { return value.to_string() };
    match subject.spec().map(|spec| spec.kind) {
        Some(ClaimKind::Code(vocabulary) | ClaimKind::Mask(vocabulary)) => {
            vocabulary.say(text).into_owned()
        }
        Some(ClaimKind::Scope) => match text.split_once(':') {
            Some((scope, default)) => {
                format!("{} (default {default})", scope.replace('-', " "))
            }
            None => text.to_owned(),
        },
        Some(ClaimKind::PsvMethod) => match text.split_once(':') {
            Some((process, source)) => format!(
                "{} with {}",
                PsvProcess::VOCABULARY.say(process),
                PsvSource::VOCABULARY.say(source)
            ),
            None => text.to_owned(),
        },
        Some(ClaimKind::Recipients) => Value::from(text).to_string(),
        Some(ClaimKind::Disease) if text == "any" => "any disease".to_owned(),
        _ => text.to_owned(),
    }
}

fn say_state(value: &Value) -> String {
    match value.as_str() {
        Some(text) => State::VOCABULARY.say(text).into_owned(),
        None => value.to_string(),
    }
}

/// `A, B and C`.
pub(super) fn and(items: &[String]) -> String {
    joined(items, "and")
}

/// `A, B or C`.
pub(super) fn or(items: &[String]) -> String {
    joined(items, "or")
}

fn joined(items: &[String], word: &str) -> String {
    match items {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
