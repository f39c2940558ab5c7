//! A policy in plain English, for whoever is asked and whoever asks.
//!
//! The sentence is complete: every predicate stands in it, so that two policies that ask
//! different things read differently. What is common is said shortly: `valid in Texas` stands for
//! a licence of Texas or a multistate one whose compact covers Texas, which the sentence adds.

mod claims;
mod lead;
mod values;

use serde_json::{Map, Value};

use super::{
    PolicyDocument,
    document::{Alternative, Clause, Predicate},
};
use lead::Lead;
use values::Words;

impl PolicyDocument {
    /// What the policy asks, as a noun phrase: "active, unencumbered RN licence …". Parameters
    /// that are not among the given ones stand as `[name]`.
    pub fn in_words(&self, parameters: &Map<String, Value>) -> String {
        let words = Words::new(parameters);
        let (lead, rest) = Lead::of(self, &words);
        let (disclosed, rest): (Vec<&Clause>, Vec<&Clause>) =
            rest.into_iter().partition(|clause| discloses_alone(clause));
        let mut parts = vec![lead.text()];
        parts.extend(rest.into_iter().map(|clause| words.clause(clause)));
        let mut text = parts.join(", ");
        if !disclosed.is_empty() {
            let names = disclosed.iter().flat_map(|clause| clause.iter().flatten());
            let names: Vec<String> =
                names.map(|predicate| format!("the {}", claims::noun(predicate.subject))).collect();
            text.push_str(", and discloses ");
            text.push_str(&values::and(&names));
        }
        text
    }
}

/// The one predicate of a clause without alternatives.
fn only(clause: &Clause) -> Option<&Predicate> {
    match clause.as_slice() {
        [alternative] => match alternative.as_slice() {
            [predicate] => Some(predicate),
            _ => None,
        },
        _ => None,
    }
}

fn discloses_alone(clause: &Clause) -> bool {
    only(clause).is_some_and(|predicate| predicate.operand.is_disclosed())
}

impl Words<'_> {
    fn clause(&self, clause: &Clause) -> String {
        match clause.as_slice() {
            [alternative] => self.alternative(alternative, " and "),
            alternatives => {
                let said: Vec<_> = alternatives
                    .iter()
                    .map(|alternative| self.alternative(alternative, " and "))
                    .collect();
                format!("either ({})", said.join("; or "))
            }
        }
    }

    fn alternative(&self, alternative: &Alternative, joint: &str) -> String {
        let said: Vec<_> =
            alternative.iter().map(|predicate| claims::condition(self, predicate)).collect();
        said.join(joint)
    }
}

#[cfg(test)]
mod tests;
