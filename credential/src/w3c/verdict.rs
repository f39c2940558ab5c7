//! What a verification found, in the form that VC-API answers with.

use serde_json::{Value, json};

use super::Refusal;
use crate::error::CredentialError;

/// One thing that a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The credential inside the presentation that it is about, as a path; empty if it is about
    /// the verified document itself.
    pub within: String,
    /// What is wrong.
    pub error: CredentialError,
}

impl Finding {
    /// The problem's type: a URL that VCDM 2.0, Data Integrity or Bitstring Status List defines.
    fn problem(&self) -> String {
        let credentials = |name| format!("https://www.w3.org/TR/vc-data-model#{name}");
        let status = |name| format!("https://www.w3.org/ns/credentials/status-list#{name}");
        let security = |name| format!("https://w3id.org/security#{name}");
        let CredentialError::Proof(refusal) = &self.error else {
            return match self.error {
                CredentialError::NotJson { .. } => credentials("PARSING_ERROR"),
                _ => credentials("MALFORMED_VALUE_ERROR"),
            };
        };
        match refusal {
            Refusal::JsonLd | Refusal::List | Refusal::Complexity => credentials("PARSING_ERROR"),
            Refusal::Signature => credentials("CRYPTOGRAPHIC_SECURITY_ERROR"),
            Refusal::NotYetValid | Refusal::Expired => credentials("RANGE_ERROR"),
            Refusal::EmptySubject | Refusal::Enveloped => credentials("MALFORMED_VALUE_ERROR"),
            Refusal::StatusUnavailable => status("STATUS_RETRIEVAL_ERROR"),
            Refusal::StatusRange => credentials("RANGE_ERROR"),
            Refusal::EncodedList => status("STATUS_LIST_LENGTH_ERROR"),
            Refusal::StatusList
            | Refusal::StatusKind
            | Refusal::StatusUnverified
            | Refusal::Revoked
            | Refusal::Suspended => status("STATUS_VERIFICATION_ERROR"),
            Refusal::Domain => security("INVALID_DOMAIN_ERROR"),
            Refusal::Challenge => security("INVALID_CHALLENGE_ERROR"),
            Refusal::Controller | Refusal::DidMethod | Refusal::WebHost | Refusal::Unresolved => {
                security("INVALID_VERIFICATION_METHOD")
            }
            Refusal::ProofCount
            | Refusal::Cryptosuite
            | Refusal::Purpose
            | Refusal::Created
            | Refusal::ProofExpired
            | Refusal::Holder
            | Refusal::HolderRequired
            | Refusal::Unsecured => security("PROOF_VERIFICATION_ERROR"),
        }
    }

    fn to_json(&self) -> Value {
        let kind = self.problem();
        let detail = match self.within.as_str() {
            "" => self.error.to_string(),
            within => format!("{within}: {}", self.error),
        };
        let title = kind.rsplit('#').next().unwrap_or_default().to_owned();
        json!({ "type": kind, "title": title, "detail": detail })
    }
}

/// The outcome of a verification. Nothing was verified unless [`Verdict::verified`] says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why the document is refused.
    pub errors: Vec<Finding>,
    /// What was left out of account: none of it speaks against the document.
    pub warnings: Vec<Finding>,
}

impl Verdict {
    /// The verdict on a document that is refused for one reason.
    pub fn refused(error: impl Into<CredentialError>) -> Self {
        let mut verdict = Self::default();
        verdict.refuse("", error);
        verdict
    }

    /// Whether the document is what it claims to be.
    pub fn verified(&self) -> bool {
        self.errors.is_empty()
    }

    /// The answer of VC-API: `verified`, and problem details as `errors` and `warnings`.
    pub fn to_json(&self) -> Value {
        let list = |findings: &[Finding]| findings.iter().map(Finding::to_json).collect::<Value>();
        json!({
            "verified": self.verified(),
            "errors": list(&self.errors),
            "warnings": list(&self.warnings),
        })
    }

    pub(super) fn refuse(&mut self, within: &str, error: impl Into<CredentialError>) {
        self.errors.push(Finding { within: within.to_owned(), error: error.into() });
    }

    pub(super) fn warn(&mut self, within: &str, path: String, words: &'static str) {
        let error = CredentialError::invalid(path, words);
        self.warnings.push(Finding { within: within.to_owned(), error });
    }
}
