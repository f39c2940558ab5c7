//! What a policy is bound to: the day, the verifier's parameters and the holder's disclosures.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    error::{CredentialError, Rule},
    schema::values::Day,
};

/// The parameter that every binding has.
pub(super) const TODAY: &str = "today";

/// Values of the parameters that a policy names as `$name`.
#[derive(Clone, Debug)]
pub struct Parameters {
    today: Day,
    values: BTreeMap<String, Value>,
}

impl Parameters {
    /// Only the day.
    pub fn new(today: Day) -> Self {
        Self { today, values: BTreeMap::new() }
    }

    /// One more parameter, written as policies write values.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// These parameters as well.
    #[must_use]
    pub fn with_all<'a>(self, values: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        let add = |all: Self, (name, value): (&'a String, &'a Value)| all.with(name, value.clone());
        values.into_iter().fold(self, add)
    }

    /// The value of a reference, which may be a shifted day.
    pub(super) fn resolve(
        &self,
        reference: &Reference,
        path: &str,
    ) -> Result<Value, CredentialError> {
        let missing = || CredentialError::invalid(path, "names a parameter that is not given");
        if reference.shift.is_none() && reference.name != TODAY {
            return self.values.get(&reference.name).cloned().ok_or_else(missing);
        }
        let day = if reference.name == TODAY {
            self.today
        } else {
            let value = self.values.get(&reference.name).ok_or_else(missing)?;
            let text = value.as_str().unwrap_or_default();
            text.parse().map_err(|rule: Rule| rule.at(path))?
        };
        let shifted = match reference.shift {
            None => Ok(day),
            Some(Shift::Days(days)) => day.plus_days(days),
            Some(Shift::Months(months)) => day.plus_months(months),
        };
        let shifted = shifted.map_err(|rule| rule.at(path))?;
        Ok(Value::from(shifted.to_string()))
    }
}

/// Values that the holder discloses, by claim name, written as policies write values.
#[derive(Clone, Default, PartialEq)]
pub struct Disclosed(BTreeMap<String, Value>);

impl std::fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Disclosed {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// One more value.
    #[must_use]
    pub fn with(mut self, claim: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(claim.into(), value.into());
        self
    }

    /// The value of a claim.
    pub fn get(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim)
    }

    /// The claims and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(claim, value)| (claim.as_str(), value))
    }
}

/// A parameter as a policy names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) shift: Option<Shift>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shift {
    Days(i64),
    Months(i64),
}

impl Reference {
    /// Reads `$name`, or for a day `$name±Nd`, `±Nm`, `±Ny`. None if it starts with no `$`.
    pub(super) fn read(text: &str) -> Option<Result<Self, Rule>> {
        text.strip_prefix('$').map(|rest| {
            Self::read_name_and_shift(rest)
                .ok_or(Rule::new("is not a parameter: $name, or $name+N or $name-N and d, m or y"))
        })
    }

    fn read_name_and_shift(rest: &str) -> Option<Self> {
        let sign = rest.find(['+', '-']);
        let (name, shift) = rest.split_at(sign.unwrap_or(rest.len()));
        let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if name.is_empty() || !letters {
            return None;
        }
        let shift = if shift.is_empty() { None } else { Some(Shift::read(shift)?) };
        Some(Self { name: name.to_owned(), shift })
    }

    pub(super) fn is_shifted(&self) -> bool {
        self.shift.is_some()
    }

    pub(super) fn is_shifted_by_months(&self) -> bool {
        matches!(self.shift, Some(Shift::Months(_)))
    }
}

impl Shift {
    fn read(text: &str) -> Option<Self> {
        let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let magnitude = amount.get(1..)?;
        let plain =
            (1..=5).contains(&magnitude.len()) && magnitude.bytes().all(|b| b.is_ascii_digit());
        let amount: i64 = amount.parse().ok().filter(|_| plain)?;
        match unit {
            "d" => Some(Self::Days(amount)),
            "m" => Some(Self::Months(amount)),
            "y" => Some(Self::Months(amount * 12)),
            _ => None,
        }
    }
}
