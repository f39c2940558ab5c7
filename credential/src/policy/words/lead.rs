//! The noun that a sentence starts with, and the clauses that it says shortly.

use super::{only, values::Words};
use crate::policy::{
    PolicyDocument,
    document::{Clause, Item, Operand, Operator, Predicate},
    parameters::TODAY,
};

/// `active, unencumbered RN licence valid in Texas today`.
#[derive(Default)]
pub(super) struct Lead {
    status: Option<String>,
    is_unencumbered: bool,
    licence_type: Option<String>,
    noun: String,
    issuing_state: Option<String>,
    practice_state: Option<String>,
    is_unexpired: bool,
    study: Option<String>,
}

impl Lead {
    /// The lead of a policy, and the clauses that it leaves to be said.
    pub(super) fn of<'a>(
        document: &'a PolicyDocument,
        words: &Words<'_>,
    ) -> (Self, Vec<&'a Clause>) {
        let mut lead = Self {
            noun: match document.schema() {
                crate::schema::Schema::ProviderCredential => "provider credential".to_owned(),
                crate::schema::Schema::ConsentGrant => "consent".to_owned(),
            },
            ..Self::default()
        };
        let mut is_kind_said = false;
        let rest = document.require.iter().filter(|clause| {
            let is_kind = only(clause).filter(|p| !is_kind_said && is_eq(p, "kind"));
            if let Some(kind) = is_kind.and_then(|predicate| one(words, predicate)) {
                lead.noun = kind;
                is_kind_said = true;
                return false;
            }
            !lead.takes(clause, words)
        });
        let rest = rest.collect();
        (lead, rest)
    }

    /// Takes a clause that the lead says; each at most once.
    fn takes(&mut self, clause: &Clause, words: &Words<'_>) -> bool {
        let Some(predicate) = only(clause) else {
            if self.practice_state.is_some() {
                return false;
            }
            self.practice_state = practice(clause, words);
            return self.practice_state.is_some();
        };
        if is_eq(predicate, "standing_mask") && words.values(predicate).is_empty() {
            return !std::mem::replace(&mut self.is_unencumbered, true);
        }
        let slot = match () {
            () if is_eq(predicate, "status") => &mut self.status,
            () if is_eq(predicate, "licence_type") => &mut self.licence_type,
            () if is_eq(predicate, "jurisdiction") => &mut self.issuing_state,
            () if is_eq(predicate, "study") => &mut self.study,
            () if is_unexpired(predicate) => {
                return !std::mem::replace(&mut self.is_unexpired, true);
            }
            () => return false,
        };
        if slot.is_none() {
            *slot = one(words, predicate);
            return slot.is_some();
        }
        false
    }

    pub(super) fn text(&self) -> String {
        let unencumbered = self.is_unencumbered.then(|| "unencumbered".to_owned());
        let adjectives: Vec<_> = self.status.iter().chain(&unencumbered).cloned().collect();
        let adjectives = Some(adjectives.join(", ")).filter(|text| !text.is_empty());
        let nouns = adjectives.iter().chain(&self.licence_type).chain([&self.noun]);
        let mut text = nouns.cloned().collect::<Vec<_>>().join(" ");
        if let Some(state) = &self.issuing_state {
            text.push_str(" of ");
            text.push_str(state);
        }
        if let Some(study) = &self.study {
            text.push_str(" to study ");
            text.push_str(study);
        }
        match (&self.practice_state, self.is_unexpired) {
            (Some(state), true) => text.push_str(&format!(" valid in {state} today")),
            (Some(state), false) => text.push_str(&format!(" that counts in {state}")),
            (None, true) => text.push_str(", unexpired today"),
            (None, false) => {}
        }
        if let Some(state) = &self.practice_state {
            text.push_str(&format!(
                " (of {state}, or multistate with a home state whose nurse licensure compact \
                 covers {state})"
            ));
        }
        text
    }
}

fn is_eq(predicate: &Predicate, claim: &str) -> bool {
    predicate.operator == Operator::Eq
        && !predicate.operand.is_disclosed()
        && predicate.subject.spec().is_some_and(|spec| spec.name == claim)
}

/// The one value of an equality.
fn one(words: &Words<'_>, predicate: &Predicate) -> Option<String> {
    match words.values(predicate).as_slice() {
        [value] => Some(value.clone()),
        _ => None,
    }
}

fn is_unexpired(predicate: &Predicate) -> bool {
    let is_today = matches!(
        &predicate.operand,
        Operand::Parameter(reference) if reference.name == TODAY && !reference.is_shifted()
    );
    is_today
        && predicate.operator == Operator::Ge
        && predicate.subject.spec().is_some_and(|spec| spec.name == "expires_on")
}

/// The state of a clause that asks for the right to practise there: a licence of the state, or a
/// multistate one whose compact covers it.
fn practice(clause: &Clause, words: &Words<'_>) -> Option<String> {
    let [resident, multistate] = clause.as_slice() else { return None };
    let ([resident], [authority, home]) = (resident.as_slice(), multistate.as_slice()) else {
        return None;
    };
    let is_multistate = is_eq(authority, "authority")
        && matches!(&authority.operand, Operand::Value(word) if word == "nlc-multistate");
    let Operand::Covering(covered) = &home.operand else { return None };
    let is_home = home.subject.spec().is_some_and(|spec| spec.name == "home_state");
    let is_same = match (&resident.operand, covered) {
        (Operand::Value(state), Item::Value(same)) => state == same,
        (Operand::Parameter(state), Item::Parameter(same)) => state == same,
        _ => false,
    };
    let found = is_multistate && is_home && is_same && is_eq(resident, "jurisdiction");
    found.then(|| one(words, resident)).flatten()
}
