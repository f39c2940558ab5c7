//! What is known of an operand before anybody is asked.

use attestry_circuits::field::hash_to_field;
use serde_json::{Map, Value};

use crate::{
    error::CredentialError,
    policy::{
        Disclosures, Parameters, PolicyDocument,
        document::{Item, Operand, Predicate},
        parameters::{Reference, TODAY},
    },
    schema::values::Day,
    vocabulary::{Code, NLC_PARTY_STATES, State},
};

/// A day on which questions are imagined. Only differences of days matter, so any will do.
const SAMPLE_DAY: u32 = 46_234;

/// What a predicate compares with.
pub(super) enum Known {
    /// These values, and no other.
    Values(Vec<Value>),
    /// A parameter that the asking party chooses.
    Free,
    /// The holder's own value, which is disclosed.
    Disclosed,
    /// Another claim of the credential.
    Claim,
}

pub(super) struct Operands {
    /// Absent only if the sample day were no day.
    parameters: Option<Parameters>,
    fixed: Vec<String>,
}

impl Operands {
    pub(super) fn new(fixed: &Map<String, Value>) -> Self {
        let day = Day::from_number(SAMPLE_DAY).ok();
        Self {
            parameters: day.map(|day| Parameters::new(day).with_all(fixed)),
            fixed: fixed.keys().cloned().collect(),
        }
    }

    /// Whether the asking party chooses the operand, or a part of it.
    pub(super) fn is_free(&self, operand: &Operand) -> bool {
        operand.parameters().iter().any(|reference| !self.is_fixed(reference))
    }

    fn is_fixed(&self, reference: &Reference) -> bool {
        reference.name == TODAY || self.fixed.contains(&reference.name)
    }

    pub(super) fn known(&self, predicate: &Predicate) -> Known {
        let operand = &predicate.operand;
        if self.is_free(operand) {
            return Known::Free;
        }
        let one = |item: &Item| match item {
            Item::Value(value) => Some(value.clone()),
            Item::Parameter(reference) => self.resolve(reference),
        };
        Known::Values(match operand {
            Operand::Disclosed => return Known::Disclosed,
            Operand::Claim(..) => return Known::Claim,
            Operand::Value(value) => vec![value.clone()],
            Operand::Parameter(reference) => match self.resolve(reference) {
                Some(Value::Array(items)) => items,
                value => value.into_iter().collect(),
            },
            Operand::List(items) => items.iter().filter_map(one).collect(),
            Operand::Covering(item) => {
                let state = one(item).and_then(|state| state.as_str()?.parse().ok());
                let covering = state.map(|state: Code<State>| NLC_PARTY_STATES.covering(state));
                let words = covering.iter().flat_map(|covering| covering.words());
                words.map(Value::from).collect()
            }
        })
    }

    fn resolve(&self, reference: &Reference) -> Option<Value> {
        self.parameters.as_ref()?.resolve(reference, "").ok()
    }

    /// The day that a bound stands for on the sample day.
    pub(super) fn day(&self, predicate: &Predicate) -> Option<i64> {
        let Known::Values(values) = self.known(predicate) else { return None };
        let [value] = values.as_slice() else { return None };
        let day: Day = value.as_str()?.parse().ok()?;
        Some(i64::from(day.number()))
    }

    /// Why the policy cannot be laid out on the sample day, if all parameters are known.
    pub(super) fn refusal(&self, document: &PolicyDocument) -> Option<CredentialError> {
        let open = hash_to_field("attestry/open-operand/v1", &[]);
        document.compile(self.parameters.as_ref()?, Disclosures::Open(open)).err()
    }
}

/// The sample day itself, as [`Operands::day`] counts.
pub(super) const TODAY_NUMBER: i64 = SAMPLE_DAY as i64;
