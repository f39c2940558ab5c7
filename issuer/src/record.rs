//! What the issuer keeps of a credential.

use std::fmt;
use std::str::FromStr;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_credential::schema::Schema;
use attestry_ledger::EntryIndex;
use serde_json::Value;

use crate::IssuerError;
use crate::keys::Epoch;

const URN: &str = "urn:uuid:";

/// The id of a credential: a random UUID, written as `urn:uuid:…` in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId([u8; 16]);

impl CredentialId {
    /// A new id (UUID version 4).
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The id without its scheme, as paths have it.
    pub fn uuid(&self) -> String {
        let text = hex::encode(self.0);
        [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{URN}{}", self.uuid())
    }
}

impl FromStr for CredentialId {
    type Err = IssuerError;

    /// Reads a UUID in its canonical form, with or without `urn:uuid:`.
    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let uuid = text.strip_prefix(URN).unwrap_or(text);
        let mut bytes = [0; 16];
        hex::decode_to_slice(uuid.replace('-', ""), &mut bytes)
            .map_err(|_| IssuerError::UnknownCredential)?;
        let id = Self(bytes);
        if id.uuid() == uuid { Ok(id) } else { Err(IssuerError::UnknownCredential) }
    }
}

/// Declares an enum whose variants have one word each, in storage and on the wire.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What the word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where a credential is in its life.
    State {
        /// It is good within its validity.
        Active = "active",
        /// Not to be accepted until it is reinstated.
        Suspended = "suspended",
        /// Not to be accepted ever again.
        Revoked = "revoked",
        /// Another credential has taken its place; not to be accepted ever again.
        Superseded = "superseded",
    }
}

impl State {
    /// Whether the credential's status bit is set.
    pub fn is_barred(self) -> bool {
        self != Self::Active
    }
}

words! {
    /// What is done to a credential.
    Action {
        /// Bar it for a time.
        Suspend = "suspend",
        /// End a suspension.
        Reinstate = "reinstate",
        /// Bar it for good.
        Revoke = "revoke",
        /// Put another credential in its place.
        Renew = "renew",
    }
}

words! {
    /// Why a credential's state changes.
    Reason {
        /// The holder asked for it.
        HolderRequest = "holder-request",
        /// The person withdrew the consent.
        ConsentWithdrawn = "consent-withdrawn",
        /// An investigation has begun.
        Investigation = "investigation",
        /// A board or authority acted.
        DisciplinaryAction = "disciplinary-action",
        /// The licence, registration or cover lapsed.
        Lapsed = "lapsed",
        /// It should not have been issued as it was.
        IssuedInError = "issued-in-error",
        /// The holder's wallet or secret is in other hands.
        HolderCompromise = "holder-compromise",
        /// The holder has died.
        HolderDeceased = "holder-deceased",
        /// What led to a suspension has been settled.
        Resolved = "resolved",
        /// A new credential replaces it.
        Renewal = "renewal",
        /// The caller gave none.
        Unspecified = "unspecified",
    }
}

words! {
    /// Why an epoch of the signing keys ends.
    EndReason {
        /// A key is in other hands.
        KeyCompromise = "key-compromise",
        /// A key may be in other hands.
        SuspectedCompromise = "suspected-compromise",
        /// A key cannot be used any more.
        KeyLost = "key-lost",
    }
}

/// A credential as it was issued, and where it is in its life.
#[derive(Clone)]
pub struct CredentialRecord {
    /// Its id.
    pub id: CredentialId,
    /// The schema that was attested; none of a plain W3C credential.
    pub schema: Option<Schema>,
    /// Its status list.
    pub list: ListId,
    /// Its bit in that list.
    pub status_index: u32,
    /// The epoch of the keys that signed it.
    pub epoch: Epoch,
    /// First second of validity, Unix.
    pub valid_from: u64,
    /// Last second of validity, Unix.
    pub valid_until: u64,
    /// When it was issued, Unix seconds.
    pub issued_at: u64,
    /// Where it is in its life.
    pub state: State,
    /// How often its state has changed.
    pub version: u32,
    /// The credential that took its place.
    pub superseded_by: Option<CredentialId>,
    /// What it says; none once it is erased.
    pub content: Option<Content>,
}

/// What a credential says about a person.
#[derive(Clone)]
pub struct Content {
    /// The signed W3C document.
    pub verifiable_credential: Value,
    /// What was attested beside it; none of a plain W3C credential.
    pub attested: Option<Attested>,
}

/// What an attestation is over.
#[derive(Clone)]
pub struct Attested {
    /// The claims, in the form of `credentialSubject`.
    pub subject: Value,
    /// Whose it is.
    pub holder: HolderCommitment,
    /// Salt of the text claims and the signature.
    pub salt: [u8; 16],
    /// The attestation.
    pub attestation: Value,
}

impl CredentialRecord {
    /// What the credential says.
    ///
    /// # Errors
    /// [`IssuerError::Erased`].
    pub fn content(&self) -> Result<&Content, IssuerError> {
        self.content.as_ref().ok_or(IssuerError::Erased)
    }

    /// What was attested.
    ///
    /// # Errors
    /// [`IssuerError::Erased`]; [`IssuerError::Plain`] if it is a plain W3C credential.
    pub fn attested(&self) -> Result<&Attested, IssuerError> {
        self.content()?.attested.as_ref().ok_or(IssuerError::Plain)
    }
}

impl fmt::Debug for CredentialRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRecord")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(redacted)")
    }
}

impl fmt::Debug for Attested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attested(redacted)")
    }
}

/// A status list of an issuer: that of a registry entry, written as its number, or one for plain
/// W3C credentials, which the ledger does not know, written `plain` or, of a did:key, `plain-did-key-` and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListId {
    /// The list of a registry entry; its root stands on the ledger.
    Entry(EntryIndex),
    /// The list for plain W3C credentials of our did:ethr.
    Plain,
    /// The list for plain W3C credentials of the did:key of an epoch: a did:key is one key.
    PlainByKey(Epoch),
}

const PLAIN: &str = "plain";
const PLAIN_BY_KEY: &str = "plain-did-key-";

impl From<EntryIndex> for ListId {
    fn from(entry: EntryIndex) -> Self {
        Self::Entry(entry)
    }
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(entry) => write!(f, "{}", entry.as_u32()),
            Self::Plain => f.write_str(PLAIN),
            Self::PlainByKey(epoch) => write!(f, "{PLAIN_BY_KEY}{epoch}"),
        }
    }
}

impl FromStr for ListId {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let unknown = || IssuerError::UnknownList;
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown());
        let list = match text.strip_prefix(PLAIN_BY_KEY) {
            _ if text == PLAIN => Self::Plain,
            Some(epoch) => Self::PlainByKey(Epoch::new(number(epoch)?).ok_or_else(unknown)?),
            None => Self::Entry(number(text)?.into()),
        };
        if list.to_string() == text { Ok(list) } else { Err(IssuerError::UnknownList) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn an_id_reads_back_with_and_without_its_scheme_and_in_no_other_form() {
        let id = CredentialId::random(&mut StdRng::seed_from_u64(1));
        assert_eq!(id.to_string().parse::<CredentialId>().unwrap(), id);
        assert_eq!(id.uuid().parse::<CredentialId>().unwrap(), id);
        assert_eq!(&id.uuid()[14..15], "4");
        for wrong in ["", "urn:uuid:", &id.uuid().replace('-', ""), &id.uuid().to_uppercase()] {
            assert!(wrong.parse::<CredentialId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_reads_back_and_in_no_other_form() {
        let by_key = ListId::PlainByKey(Epoch::FIRST.next());
        for list in [ListId::Plain, by_key, ListId::Entry(0.into()), ListId::Entry(12.into())] {
            assert_eq!(list.to_string().parse::<ListId>().unwrap(), list);
        }
        for wrong in ["", "-1", "+1", "01", "Plain", "4294967296", "plain-did-key-0"] {
            assert!(wrong.parse::<ListId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_word_stands_for_one_reason() {
        for reason in [Reason::Lapsed, Reason::Resolved, Reason::Unspecified] {
            assert_eq!(Reason::from_word(reason.word()), Some(reason));
        }
        assert_eq!(Reason::from_word("because"), None);
    }

    #[test]
    fn only_an_active_credential_is_not_barred() {
        assert!(!State::Active.is_barred());
        assert!(
            [State::Suspended, State::Revoked, State::Superseded].iter().all(|s| s.is_barred())
        );
    }
}
