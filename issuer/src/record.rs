//! What the issuer keeps of a credential.

use std::fmt;
use std::str::FromStr;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_credential::schema::Schema;
use attestry_ledger::EntryIndex;
use serde_json::Value;

use crate::IssuerError;

const URN: &str = "urn:uuid:";

/// The id of a credential: a random UUID, written as `urn:uuid:…` in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// A credential as it was issued, and where it is in its life.
#[derive(Clone)]
pub struct CredentialRecord {
    /// Its id.
    pub id: CredentialId,
    /// Its schema.
    pub schema: Schema,
    /// What it states about its subject.
    pub subject: Value,
    /// Whose it is.
    pub holder: HolderCommitment,
    /// Salt of its text claims and its signature.
    pub salt: [u8; 16],
    /// The registry entry under which it was issued, which is also its status list.
    pub list: EntryIndex,
    /// Its bit in that list.
    pub status_index: u32,
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
    /// The signed W3C document.
    pub verifiable_credential: Value,
    /// The attestation beside it.
    pub attestation: Value,
}

impl fmt::Debug for CredentialRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRecord")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
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
