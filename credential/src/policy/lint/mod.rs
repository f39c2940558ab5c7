//! What the author of a policy should know before anybody is asked.
//!
//! A policy can be read and still be a bad question: it can name the holder, defame him, single
//! him out of a small group, be tried value by value, or forget what makes a credential valid.
//! [`PolicyDocument::lint`] finds such questions from the document alone; it reads no credential
//! and no register.

mod anonymity;
mod checks;
mod operand;
mod predicate;
mod share;

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

use super::{PolicyDocument, document::Predicate};
use operand::Operands;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The author should know.
    Warning,
    /// An answer can harm the holder: publishing takes a word that this is meant.
    Danger,
}

impl Severity {
    /// `warning` or `danger`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident, $name:literal, $severity:ident;)+) => {
        /// What a finding is about. Names and severities are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $($(#[$meta])* $variant,)+
        }

        impl FindingCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name: lower-case words joined by hyphens.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// How bad it is.
            pub fn severity(&self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// A claim is disclosed that names one person: an NPI stands in a public register.
    RevealsIdentifier, "reveals-identifier", Danger;
    /// A day is disclosed that few people share: of birth, of issue, of expiry, of consent.
    RevealsIdentifyingDate, "reveals-identifying-date", Danger;
    /// Another day is disclosed.
    RevealsDate, "reveals-date", Warning;
    /// An encumbrance or a status is disclosed, instead of the decision about it.
    RevealsStanding, "reveals-standing", Danger;
    /// Something about the holder's health is disclosed.
    RevealsHealth, "reveals-health", Danger;
    /// The policy asks for one person by an identifier.
    TargetsIdentifier, "targets-identifier", Danger;
    /// Only a holder with an encumbrance or a bad status passes: the answer defames.
    RequiresEncumbrance, "requires-encumbrance", Danger;
    /// By the estimate, fewer holders pass than a cell of a published table may count.
    TinyAnonymitySet, "tiny-anonymity-set", Danger;
    /// By the estimate, few holders pass.
    SmallAnonymitySet, "small-anonymity-set", Warning;
    /// A bound is a parameter: a few questions find the value by halving.
    FreeThreshold, "free-threshold", Warning;
    /// A compared value is a parameter with few possible values, which can be tried in turn.
    SearchableValue, "searchable-value", Warning;
    /// An unsalted hash of something that can be listed is compared or disclosed.
    EnumerableHash, "enumerable-hash", Warning;
    /// No kind of credential is asked for.
    NoKind, "no-kind", Warning;
    /// No status is asked for.
    NoStatus, "no-status", Warning;
    /// No standing is asked for: an active licence may be encumbered.
    NoStanding, "no-standing", Warning;
    /// No expiry is asked for: `status: active` is not validity.
    NoExpiry, "no-expiry", Warning;
    /// The result of a check may be of any age.
    NoRecency, "no-recency", Warning;
    /// The consent may be to any version of the form.
    NoFormVersion, "no-form-version", Warning;
    /// The consent may be for any purpose.
    NoPurpose, "no-purpose", Warning;
    /// The consent's period may be over.
    NoPeriod, "no-period", Warning;
    /// Anybody may have given the consent, also a parent of whoever has come of age.
    NoSignatory, "no-signatory", Warning;
    /// The policy cannot be asked as it stands.
    CannotBeAsked, "cannot-be-asked", Danger;
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that the author of a policy should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub code: FindingCode,
    /// JSON path of the predicate; `require` if it is about the whole policy.
    pub path: String,
    /// Why it matters, and what would be better.
    pub message: String,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 4)?;
        finding.serialize_field("code", self.code.name())?;
        finding.serialize_field("severity", self.severity().name())?;
        finding.serialize_field("path", &self.path)?;
        finding.serialize_field("message", &self.message)?;
        finding.end()
    }
}

impl PolicyDocument {
    /// What the author should know, by place in the document. `fixed` are the parameters whose
    /// values the asking party cannot choose from one question to the next, like those of a
    /// study; the others are free.
    ///
    /// The sizes of anonymity sets are estimates, of which only the order of magnitude is meant:
    /// the shares of population and the orders that they rest on are tables of this module.
    pub fn lint(&self, fixed: &Map<String, Value>) -> Vec<Finding> {
        let mut lint =
            Lint { document: self, operands: Operands::new(fixed), findings: Vec::new() };
        for predicate in self.require.iter().flatten().flatten() {
            lint.predicate(predicate);
        }
        lint.adverse_clauses();
        lint.missing_checks();
        lint.anonymity();
        lint.askable(fixed);
        lint.findings
    }
}

struct Lint<'a> {
    document: &'a PolicyDocument,
    operands: Operands,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    fn find(&mut self, code: FindingCode, path: &str, message: impl Into<String>) {
        self.findings.push(Finding { code, path: path.to_owned(), message: message.into() });
    }

    /// Whether whoever passes has passed such a predicate: some clause has one in each of its
    /// alternatives.
    fn always(&self, is_such: impl Fn(&Predicate) -> bool) -> bool {
        let mut clauses = self.document.require.iter();
        clauses.any(|clause| clause.iter().all(|alternative| alternative.iter().any(&is_such)))
    }

    /// A policy whose parameters are all known can be laid out, or it can never be asked.
    fn askable(&mut self, fixed: &Map<String, Value>) {
        if self.document.parameters().iter().any(|name| !fixed.contains_key(*name)) {
            return;
        }
        let Some(refusal) = self.operands.refusal(self.document) else { return };
        self.find(FindingCode::CannotBeAsked, "require", format!("cannot be asked: {refusal}"));
    }
}

#[cfg(test)]
mod tests;
