//! Which questions are one question with other values: what a search asks again and again.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::PolicyDocument;
use crate::json::canonical;

/// A question, told apart from others by what it asks about and by the values that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// SHA-256 of the schema, the claims and the operators, without values. Questions of one
    /// shape differ in their bounds and compared values only: by such a series a value is found.
    pub shape: [u8; 32],
    /// SHA-256 of the same with all values, parameters filled in. `$today` stays as it is.
    pub values: [u8; 32],
}

impl PolicyDocument {
    /// The question that the policy asks with these parameters. It does not matter whether a
    /// value is a parameter or stands in the document, nor in which order the clauses stand.
    pub fn question(&self, parameters: &Map<String, Value>) -> Question {
        let clauses = self.source["require"].as_array().map(Vec::as_slice).unwrap_or_default();
        let digest = |say: &dyn Fn(&Value) -> Value| {
            let mut said: Vec<String> =
                clauses.iter().map(|clause| canonical(&each(clause, say))).collect();
            said.sort();
            let text = canonical(&json!([self.schema.versioned_name(), said]));
            Sha256::digest(text.as_bytes()).into()
        };
        Question {
            shape: digest(
                &|predicate| json!({ "claim": predicate["claim"], "op": predicate["op"] }),
            ),
            values: digest(&|predicate| filled(predicate, parameters)),
        }
    }
}

/// The clause with each of its predicates said otherwise.
fn each(clause: &Value, say: &dyn Fn(&Value) -> Value) -> Value {
    let found = ["any", "all"].into_iter().find_map(|word| Some((word, clause[word].as_array()?)));
    match found {
        Some((word, inner)) => {
            let said: Vec<_> = inner.iter().map(|one| each(one, say)).collect();
            json!({ word: said })
        }
        None => say(clause),
    }
}

/// A value with its parameters filled in; what is shifted keeps its shift.
fn filled(value: &Value, parameters: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            let Some(rest) = text.strip_prefix('$') else { return value.clone() };
            let (name, shift) = rest.split_at(rest.find(['+', '-']).unwrap_or(rest.len()));
            match parameters.get(name) {
                Some(given) if shift.is_empty() => given.clone(),
                Some(given) => json!([given, shift]),
                None => value.clone(),
            }
        }
        Value::Array(items) => items.iter().map(|item| filled(item, parameters)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), filled(member, parameters)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::arbitrary::{asking, policy};
    use crate::schema::Schema;

    fn expiring(value: Value, state: &str) -> Value {
        asking(
            Schema::ProviderCredential,
            json!([
                { "claim": "expires_on", "op": "ge", "value": value },
                { "any": [
                    { "claim": "jurisdiction", "op": "eq", "value": state },
                    { "all": [{ "claim": "kind", "op": "eq", "value": "licence" }] }
                ] }
            ]),
        )
    }

    fn asked(document: &Value, parameters: Value) -> Question {
        policy(document).question(parameters.as_object().unwrap())
    }

    #[test]
    fn other_values_are_another_question_of_the_same_shape() {
        let none = json!({});
        let one = asked(&expiring(json!("2027-01-01"), "TX"), none.clone());
        for (value, state) in [("2027-01-02", "TX"), ("2027-01-01", "CA"), ("$today", "TX")] {
            let other = asked(&expiring(json!(value), state), none.clone());
            assert_eq!(one.shape, other.shape);
            assert_ne!(one.values, other.values, "{value} {state}");
        }
    }

    #[test]
    fn a_parameter_and_a_literal_of_one_value_are_the_same_question() {
        let literal = asked(&expiring(json!("2027-01-01"), "TX"), json!({}));
        let given = json!({ "day": "2027-01-01", "state": "TX", "unused": 1 });
        assert_eq!(asked(&expiring(json!("$day"), "$state"), given.clone()), literal);
        let shifted = asked(&expiring(json!("$day+30d"), "$state"), given);
        assert_eq!(shifted.shape, literal.shape);
        assert_ne!(shifted.values, literal.values);
    }

    #[test]
    fn the_order_of_clauses_does_not_matter_and_operators_do() {
        let document = expiring(json!("2027-01-01"), "TX");
        let mut turned = document.clone();
        turned["require"].as_array_mut().unwrap().reverse();
        turned["title"] = "Another".into();
        assert_eq!(asked(&document, json!({})), asked(&turned, json!({})));
        let mut other = document.clone();
        other["require"][0]["op"] = "gt".into();
        assert_ne!(asked(&document, json!({})).shape, asked(&other, json!({})).shape);
    }
}
