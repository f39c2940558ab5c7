//! How the register is searched: by what, and page by page.

use std::fmt;
use std::str::FromStr;

use attestry_circuits::HolderCommitment;
use attestry_credential::schema::values::{Npi, StudyId, Text};
use attestry_credential::schema::{Schema, Subject};

use crate::IssuerError;
use crate::record::{CredentialId, ListId, State};

/// Entries of a page, at most.
pub const LONGEST_PAGE: u32 = 500;
/// Entries of a page if the caller does not say.
pub const PAGE: u32 = 50;

/// Which credentials are looked for. What is left out is not looked at; what is there must all
/// hold.
#[derive(Clone, Default)]
pub struct Search {
    /// Of this schema.
    pub schema: Option<Schema>,
    /// In this state.
    pub state: Option<State>,
    /// Of this holder.
    pub holder: Option<HolderCommitment>,
    /// Valid until this second or shorter, Unix.
    pub ends_by: Option<u64>,
    /// Valid until this second or longer, Unix.
    pub ends_from: Option<u64>,
    /// Issued in this second or later, Unix.
    pub issued_from: Option<u64>,
    /// Found by each of these.
    pub terms: Vec<Term>,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Search(redacted)")
    }
}

impl Search {
    /// What is looked at, for the audit log.
    pub(crate) fn kinds(&self) -> String {
        let mut kinds: Vec<&str> = [
            ("schema", self.schema.is_some()),
            ("state", self.state.is_some()),
            ("holder", self.holder.is_some()),
            ("end", self.ends_by.is_some() || self.ends_from.is_some()),
            ("issue", self.issued_from.is_some()),
        ]
        .into_iter()
        .filter_map(|(kind, there)| there.then_some(kind))
        .chain(self.terms.iter().map(|term| term.kind))
        .collect();
        kinds.dedup();
        if kinds.is_empty() { "all".to_owned() } else { kinds.join(",") }
    }
}

/// What a credential is found by, in the form that is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Term {
    /// A National Provider Identifier.
    pub fn npi(npi: &Npi) -> Self {
        Self { kind: "npi", value: npi.to_string() }
    }

    /// A licence number.
    pub fn licence_number(number: &Text) -> Self {
        Self { kind: "licence-number", value: number.normal_form() }
    }

    /// A study.
    pub fn study(study: &StudyId) -> Self {
        Self { kind: "study", value: study.to_string() }
    }

    /// The id that a plain W3C credential came with.
    pub(crate) fn document(id: &str) -> Self {
        Self { kind: "document", value: id.to_owned() }
    }

    /// The words of a name, one term each.
    pub fn name(name: &Text) -> Vec<Self> {
        let name = name.normal_form();
        let words = name.split(|letter: char| !letter.is_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .map(|word| Self { kind: "name", value: word.to_owned() })
            .collect()
    }

    /// What a subject is found by.
    pub(crate) fn of(subject: &Subject) -> Vec<Self> {
        let mut terms = Vec::new();
        match subject {
            Subject::Provider(provider) => {
                terms.push(Self::npi(&provider.npi));
                terms.extend(provider.licence_number.as_ref().map(Self::licence_number));
                terms.extend(Self::name(&provider.name));
            }
            Subject::Consent(consent) => {
                terms.extend(consent.study.as_ref().map(Self::study));
            }
        }
        terms.sort();
        terms.dedup();
        terms
    }
}

/// An entry of the register without what the credential says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: CredentialId,
    /// The schema that was attested; none of a plain W3C credential.
    pub schema: Option<Schema>,
    /// Its status list.
    pub list: ListId,
    /// First second of validity, Unix.
    pub valid_from: u64,
    /// Last second of validity, Unix.
    pub valid_until: u64,
    /// When it was issued, Unix seconds.
    pub issued_at: u64,
    /// Where it is in its life.
    pub state: State,
    /// The credential that took its place.
    pub superseded_by: Option<CredentialId>,
    /// Whether its content has been destroyed.
    pub erased: bool,
}

/// Where a page ended: the next begins after it. As text, hexadecimal of no meaning to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) issued_at: u64,
    pub(crate) id: CredentialId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.issued_at, self.id.uuid())
    }
}

impl FromStr for Cursor {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let refused = || IssuerError::request("cursor", "is not one that a page ended with");
        let (issued_at, id) = text.split_once('.').ok_or_else(refused)?;
        Ok(Self {
            issued_at: u64::from_str_radix(issued_at, 16).map_err(|_| refused())?,
            id: id.parse().map_err(|_| refused())?,
        })
    }
}

/// A page of the register, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The entries.
    pub items: Vec<Summary>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_words_in_any_case() {
        let words = |name: &str| -> Vec<String> {
            Term::name(&name.parse().unwrap()).into_iter().map(|term| term.value).collect()
        };
        assert_eq!(words(" Ana-María  o'Neill "), ["ANA", "MARÍA", "O", "NEILL"]);
        assert_eq!(words("mari\u{301}a"), words("MARÍA"));
    }

    #[test]
    fn a_cursor_reads_back_and_in_no_other_form() {
        let id = "3e0b3b3c-7d1f-4d0e-9b5e-0f6d2f8e4c11".parse().unwrap();
        let cursor = Cursor { issued_at: 1_790_000_000, id };
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for wrong in ["", ".", "1.", "x.3e0b3b3c-7d1f-4d0e-9b5e-0f6d2f8e4c11", "1"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
