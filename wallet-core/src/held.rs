//! The credentials that the holder has.

use crate::{Reason, Wallet, WalletError};
use attestry_circuits::schnorr::Signature;
use attestry_circuits::{Credential, IssuerId, Violation, field};
use attestry_credential::presentation::Digest;
use attestry_credential::schema::{Schema, Subject};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const ID_DOMAIN: &[u8] = b"attestry/held-credential/v1";

/// Names a credential within a wallet: a hash of all that its issuer signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialId(Digest);

impl CredentialId {
    fn of(credential: &Credential) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(ID_DOMAIN);
        hasher.update(field::to_be_bytes(&credential.digest(Default::default())));
        Self(Digest::from_bytes(hasher.finalize().into()))
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl std::fmt::Display for CredentialId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for CredentialId {
    type Err = attestry_credential::Rule;

    /// Reads 64 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What the wallet itself knows of a credential's validity; revocation is the ledger's to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Its period has not begun.
    NotYetValid,
    /// Within its period.
    Valid,
    /// Its period is over.
    Expired,
    /// A later credential takes its place.
    Superseded,
}

/// A credential in the wallet, as the holder sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldCredential {
    /// Its name within the wallet.
    pub id: CredentialId,
    /// The type of its document, `ProviderCredential` or `ConsentGrant`.
    pub kind: &'static str,
    /// The issuer's address, `0x` and 40 hexadecimal digits.
    pub issuer: String,
    /// First second of validity, Unix.
    pub valid_from: u64,
    /// Last second of validity, Unix.
    pub valid_until: u64,
    /// Validity at the time of the list.
    pub validity: Validity,
}

/// A credential, decoded.
pub(crate) struct Held {
    pub(crate) id: CredentialId,
    pub(crate) credential: Credential,
    pub(crate) signature: Signature,
    pub(crate) subject: Subject,
}

impl Held {
    pub(crate) fn new(credential: Credential, signature: Signature, subject: Subject) -> Self {
        Self { id: CredentialId::of(&credential), credential, signature, subject }
    }

    pub(crate) fn check_period(&self, now: u64) -> Result<(), Reason> {
        let header = &self.credential.header;
        if now < header.valid_from {
            return Err(Violation::NotYetValid.into());
        }
        if now > header.valid_until {
            return Err(Violation::Expired.into());
        }
        Ok(())
    }

    fn issuer(&self) -> IssuerId {
        self.credential.header.issuer_id
    }

    /// What orders the credentials of one line: the grant's sequence, then the start of validity.
    fn rank(&self) -> (u32, u64) {
        let sequence = match &self.subject {
            Subject::Consent(grant) => grant.sequence,
            Subject::Provider(_) => 0,
        };
        (sequence, self.credential.header.valid_from)
    }

    /// Whether both are about the same licence, certification or consent, from the same issuer.
    fn is_of_line(&self, other: &Self) -> bool {
        self.issuer() == other.issuer()
            && match (&self.subject, &other.subject) {
                (Subject::Provider(one), Subject::Provider(two)) => {
                    (one.kind, one.npi, &one.licence_number, one.jurisdiction)
                        == (two.kind, two.npi, &two.licence_number, two.jurisdiction)
                        && (one.licence_type, one.dea_state, &one.taxonomy)
                            == (two.licence_type, two.dea_state, &two.taxonomy)
                }
                (Subject::Consent(one), Subject::Consent(two)) => {
                    (one.scope, one.study) == (two.scope, two.study)
                        && (one.study.is_some() || one.recipients == two.recipients)
                }
                _ => false,
            }
    }
}

impl Wallet {
    /// All credentials, in the order of their acceptance, with their validity at `now`.
    pub fn list(&self, now: u64) -> Vec<HeldCredential> {
        let listed = self.held().iter().map(|held| {
            let header = &held.credential.header;
            let validity = match held.check_period(now) {
                _ if self.is_superseded(held, now) => Validity::Superseded,
                Ok(()) => Validity::Valid,
                Err(Reason::Violation(Violation::NotYetValid)) => Validity::NotYetValid,
                Err(_) => Validity::Expired,
            };
            HeldCredential {
                id: held.id,
                kind: Schema::from_id(header.schema).map_or("", |schema| schema.type_name()),
                issuer: header.issuer_id.to_string(),
                valid_from: header.valid_from,
                valid_until: header.valid_until,
                validity,
            }
        });
        listed.collect()
    }

    /// Whether a later credential of the same line has begun: a higher sequence of a grant, or a
    /// later start; of two that start at once, the one accepted last.
    pub(crate) fn is_superseded(&self, held: &Held, now: u64) -> bool {
        let mut accepted_after = false;
        self.held().iter().any(|other| {
            if other.id == held.id {
                accepted_after = true;
                return false;
            }
            other.is_of_line(held)
                && other.credential.header.valid_from <= now
                && (other.rank() > held.rank() || accepted_after && other.rank() == held.rank())
        })
    }

    pub(crate) fn held_by_id(&self, id: &CredentialId) -> Result<&Held, WalletError> {
        let mut held = self.held().iter();
        held.find(|held| held.id == *id).ok_or(WalletError::UnknownCredential)
    }
}
