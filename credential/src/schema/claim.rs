//! What a claim is: its place, its meaning, and its encoding as a field element, both ways.
//!
//! The policy language, the wallet and the verifier read this table; the typed structs encode
//! themselves through the same values, so a word means the same integer everywhere.

use attestry_circuits::{Fr, field};
use serde_json::Value;

use super::values::{
    Day, Language, MondoId, Npi, Sha256Digest, StudyId, Text, Version, base36, to_base36,
};
use crate::{
    error::{CredentialError, Rule},
    json::Node,
    vocabulary::{Coded, ConsentScope, Decision, PsvProcess, PsvSource, Vocabulary},
};

/// Domain of document digests in [`field::hash_to_field`].
pub const DOCUMENT_DOMAIN: &str = "attestry/document/v1";
/// Domain of recipient lists in [`field::hash_to_field`].
pub const RECIPIENTS_DOMAIN: &str = "attestry/recipients/v1";

/// The encoding of `any` disease: 24 bits, above every MONDO number.
pub const ANY_DISEASE: u32 = (1 << 24) - 1;
const ANY: &str = "any";

/// How a claim's value is written and encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// A word of a vocabulary, encoded as its integer.
    Code(&'static Vocabulary),
    /// A list of words, encoded as the sum of 2^integer.
    Mask(&'static Vocabulary),
    /// A whole number.
    Number,
    /// `YYYY-MM-DD`, encoded as days since 1900-01-01.
    Day,
    /// Ten digits, encoded as the number.
    Npi,
    /// Digits and capital letters of this length, encoded as the base-36 number plus 1.
    Base36(usize),
    /// `major.minor`, encoded as major·256 + minor.
    Version,
    /// A study, encoded as registry·2^27 + number.
    Study,
    /// `process:source` of a primary source verification, encoded as process·16 + source.
    PsvMethod,
    /// `scope:default` of a consent, encoded as scope·2 + default (deny 0, permit 1).
    Scope,
    /// Two letters, encoded as 32·first + second.
    Language,
    /// `MONDO:` and seven digits, encoded as the number; `any` is [`ANY_DISEASE`].
    Disease,
    /// SHA-256 of a document in hexadecimal, hashed into the field under [`DOCUMENT_DOMAIN`].
    Document,
    /// A list of recipients, hashed into the field under [`RECIPIENTS_DOMAIN`].
    Recipients,
    /// A text, hashed under the credential's salt. No policy can name its value.
    Text,
}

impl ClaimKind {
    /// Whether values have an order, so that `lt`, `le`, `gt`, `ge` mean something.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Self::Number | Self::Day | Self::Version)
    }

    /// Whether the value is a set of bits.
    pub fn is_mask(&self) -> bool {
        matches!(self, Self::Mask(_))
    }

    /// Whether the encoding is a hash, from which the value cannot be read back.
    pub fn is_hash(&self) -> bool {
        matches!(self, Self::Document | Self::Recipients | Self::Text)
    }
}

/// One claim of a schema.
#[derive(Debug, PartialEq, Eq)]
pub struct ClaimSpec {
    /// Name, as policies write it.
    pub name: &'static str,
    /// Place among the 24 claims.
    pub slot: usize,
    /// Meaning and encoding.
    pub kind: ClaimKind,
    /// Bits of the encoding; 254 for hashes.
    pub bits: u16,
    /// The encoding of an absent value, or none if every credential states the claim.
    pub absent: Option<u64>,
    /// Whether disclosing the value alone points to one person, or nearly so.
    pub identifying: bool,
}

impl ClaimSpec {
    /// The encoding of a value as documents, policies and disclosures write it.
    ///
    /// # Errors
    /// If the value is not of the claim's kind, or if the claim is a salted text.
    pub fn encode(&self, value: &Value) -> Result<Fr, CredentialError> {
        self.encode_node(&Node::root(value, self.name))
    }

    pub(crate) fn encode_node(&self, node: &Node<'_>) -> Result<Fr, CredentialError> {
        let number = match self.kind {
            ClaimKind::Code(vocabulary) => u64::from(code(vocabulary, node)?),
            ClaimKind::Mask(vocabulary) => node.items()?.iter().try_fold(0, |mask, item| {
                Ok::<_, CredentialError>(mask | 1u64 << code(vocabulary, item)?)
            })?,
            ClaimKind::Number => u64::from(node.u32()?),
            ClaimKind::Day => u64::from(node.parse::<Day>()?.number()),
            ClaimKind::Npi => u64::from(node.parse::<Npi>()?.number()),
            ClaimKind::Base36(length) => {
                let text = node.text()?;
                let number = base36(text).filter(|_| text.len() == length);
                let rule = Rule::worded(format!("is not {length} digits or capital letters"));
                u64::from(number.ok_or_else(|| rule.at(&node.path))?) + 1
            }
            ClaimKind::Version => u64::from(node.parse::<Version>()?.number()),
            ClaimKind::Study => u64::from(node.parse::<StudyId>()?.packed()),
            ClaimKind::PsvMethod => pair(PsvProcess::VOCABULARY, PsvSource::VOCABULARY, 16, node)?,
            ClaimKind::Scope => pair(ConsentScope::VOCABULARY, Decision::VOCABULARY, 2, node)?,
            ClaimKind::Language => u64::from(node.parse::<Language>()?.number()),
            ClaimKind::Disease if node.value == ANY => u64::from(ANY_DISEASE),
            ClaimKind::Disease => u64::from(node.parse::<MondoId>()?.number()),
            ClaimKind::Document => return Ok(document_claim(&node.parse()?)),
            ClaimKind::Recipients => {
                let items = node.items()?;
                let names: Result<Vec<Text>, _> = items.iter().map(Node::parse).collect();
                return Ok(recipients_claim(names?.iter().map(Text::as_str)));
            }
            ClaimKind::Text => {
                return Err(node.refuse("is a salted text, whose value no policy can name"));
            }
        };
        Ok(Fr::from(number))
    }

    /// The value that an encoding stands for: none if absent, `0x…` for hashes.
    ///
    /// # Errors
    /// If no value of the claim's kind has this encoding.
    pub fn decode(&self, element: &Fr) -> Result<Option<Value>, CredentialError> {
        if self.absent.is_some_and(|absent| *element == Fr::from(absent)) {
            return Ok(None);
        }
        if self.kind.is_hash() {
            return Ok(Some(Value::from(field::to_hex(element))));
        }
        let wrong = || CredentialError::invalid(self.name, "is not an encoding of its kind");
        let number = field::to_u64(element).filter(|n| self.bits >= 64 || n >> self.bits == 0);
        let number = number.ok_or_else(wrong)?;
        let narrow = u32::try_from(number).ok();
        let text = match self.kind {
            ClaimKind::Mask(vocabulary) => {
                let unknown = number & !vocabulary.full_mask();
                let entries = vocabulary.entries().iter();
                let words =
                    entries.filter(|(bit, _)| number >> bit & 1 == 1).map(|(_, word)| *word);
                return (unknown == 0).then(|| Some(words.collect())).ok_or_else(wrong);
            }
            ClaimKind::Number => return Ok(Some(Value::from(number))),
            ClaimKind::Code(vocabulary) => {
                narrow.and_then(|n| vocabulary.word(n)).map(str::to_owned)
            }
            ClaimKind::Day => {
                narrow.and_then(|n| Day::from_number(n).ok()).map(|day| day.to_string())
            }
            ClaimKind::Npi => format!("{number:010}").parse::<Npi>().ok().map(|n| n.to_string()),
            ClaimKind::Base36(length) => number
                .checked_sub(1)
                .and_then(|n| u32::try_from(n).ok())
                .filter(|n| u64::from(*n) < 36u64.pow(length as u32))
                .map(|n| to_base36(n, length)),
            ClaimKind::Version => {
                u16::try_from(number).ok().map(|n| Version::from_number(n).to_string())
            }
            ClaimKind::Study => {
                narrow.and_then(|n| StudyId::from_packed(n).ok()).map(|study| study.to_string())
            }
            ClaimKind::PsvMethod => {
                unpair(PsvProcess::VOCABULARY, PsvSource::VOCABULARY, 16, number)
            }
            ClaimKind::Scope => unpair(ConsentScope::VOCABULARY, Decision::VOCABULARY, 2, number),
            ClaimKind::Language => u16::try_from(number)
                .ok()
                .and_then(|n| Language::from_number(n).ok())
                .map(|language| language.to_string()),
            ClaimKind::Disease if narrow == Some(ANY_DISEASE) => Some(ANY.to_owned()),
            ClaimKind::Disease => narrow
                .and_then(|n| MondoId::from_number(n).to_string().parse::<MondoId>().ok())
                .map(|disease| disease.to_string()),
            ClaimKind::Document | ClaimKind::Recipients | ClaimKind::Text => None,
        };
        text.map(|text| Some(Value::from(text))).ok_or_else(wrong)
    }
}

/// The claim of a public document: its digest, hashed into the field without salt.
pub fn document_claim(digest: &Sha256Digest) -> Fr {
    field::hash_to_field(DOCUMENT_DOMAIN, digest.as_bytes())
}

/// The claim of a list of recipients: sorted, without repeats, each ended by a zero byte, hashed
/// into the field without salt. The empty list is encoded as 0.
pub fn recipients_claim<'a>(recipients: impl IntoIterator<Item = &'a str>) -> Fr {
    let mut recipients: Vec<&str> = recipients.into_iter().collect();
    recipients.sort_unstable();
    recipients.dedup();
    if recipients.is_empty() {
        return Fr::from(0u64);
    }
    let joined: String = recipients.iter().flat_map(|name| [*name, "\0"]).collect();
    field::hash_to_field(RECIPIENTS_DOMAIN, joined.as_bytes())
}

fn code(vocabulary: &'static Vocabulary, node: &Node<'_>) -> Result<u32, CredentialError> {
    vocabulary.code(node.text()?).ok_or_else(|| Rule::vocabulary(vocabulary).at(&node.path))
}

/// `first:second` as first·radix + second.
fn pair(
    first: &'static Vocabulary,
    second: &'static Vocabulary,
    radix: u64,
    node: &Node<'_>,
) -> Result<u64, CredentialError> {
    let words = node.text()?.split_once(':');
    let (one, two) = words.ok_or_else(|| node.refuse("is not two words joined by a colon"))?;
    let code = |vocabulary: &'static Vocabulary, word| {
        let code = vocabulary.code(word).map(u64::from);
        code.ok_or_else(|| Rule::vocabulary(vocabulary).at(&node.path))
    };
    Ok(code(first, one)? * radix + code(second, two)?)
}

fn unpair(
    first: &'static Vocabulary,
    second: &'static Vocabulary,
    radix: u64,
    number: u64,
) -> Option<String> {
    let word =
        |vocabulary: &'static Vocabulary, code: u64| vocabulary.word(u32::try_from(code).ok()?);
    let (one, two) = (word(first, number / radix)?, word(second, number % radix)?);
    Some(format!("{one}:{two}"))
}
