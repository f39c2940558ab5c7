//! The crate's one error. It names the element and the rule, never the value.

use std::{borrow::Cow, fmt};

use crate::vocabulary::Vocabulary;

/// A rule that a value breaks, worded to follow the name of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(Cow<'static, str>);

impl Rule {
    /// A rule in words.
    pub const fn new(words: &'static str) -> Self {
        Self(Cow::Borrowed(words))
    }

    /// A rule whose words name a limit or a vocabulary; never put an attribute value into it.
    pub(crate) fn worded(words: String) -> Self {
        Self(Cow::Owned(words))
    }

    /// The rule that a word belongs to a vocabulary.
    pub(crate) fn vocabulary(vocabulary: &Vocabulary) -> Self {
        Self::worded(format!(
            "is not a word of the vocabulary {} (version {})",
            vocabulary.name(),
            vocabulary.version()
        ))
    }

    /// The error of an element that breaks this rule.
    pub fn at(self, path: impl Into<String>) -> CredentialError {
        CredentialError::Invalid { path: path.into(), rule: self }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Rule {}

/// Why a resource, document, policy or attestation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// An element breaks a rule.
    #[error("{path} {rule}")]
    Invalid {
        /// Where: a FHIRPath-like path, a JSON path or a claim name.
        path: String,
        /// Which rule.
        rule: Rule,
    },
    /// The bytes are not one JSON text.
    #[error("not JSON: line {line}, column {column}")]
    NotJson {
        /// Line of the first wrong byte, from 1.
        line: usize,
        /// Column of the first wrong byte, from 1.
        column: usize,
    },
    /// The issuer's BabyJubJub signature does not hold for the claims of the document.
    #[error("attestation: the issuer's signature does not belong to this document")]
    Attestation,
    /// The credential's Data Integrity proof, or what surrounds it, is refused.
    #[cfg(feature = "w3c")]
    #[error(transparent)]
    Proof(#[from] crate::w3c::Refusal),
    /// The key's keeper gave no signature, or one that does not hold under the key.
    #[cfg(feature = "w3c")]
    #[error("the keeper of the signing key gave no signature that holds")]
    Signer,
}

impl CredentialError {
    /// An element that breaks a rule.
    pub(crate) fn invalid(path: impl Into<String>, words: &'static str) -> Self {
        Rule::new(words).at(path)
    }
}
