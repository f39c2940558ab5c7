//! What the issuer keeps of an offer.

use std::fmt;
use std::str::FromStr;

use attestry_circuits::HolderCommitment;
use attestry_credential::schema::Schema;
use serde_json::Value;

use crate::IssuerError;
use crate::record::{CredentialId, words};
use crate::request::{Source, Validity};
use crate::storage::Idempotency;

/// The id of an offer: a random UUID. It opens nothing: the code does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfferId(pub(crate) CredentialId);

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.uuid())
    }
}

impl FromStr for OfferId {
    type Err = IssuerError;

    /// Reads a UUID in its canonical form.
    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let id = text.parse().map_err(|_| IssuerError::UnknownOffer)?;
        let id = Self(id);
        if id.to_string() == text { Ok(id) } else { Err(IssuerError::UnknownOffer) }
    }
}

words! {
    /// Where an offer is in its life.
    OfferState {
        /// Nobody has claimed it.
        Open = "open",
        /// A wallet has an access token for it.
        Claimed = "claimed",
        /// The credential is being made for the holder who asked.
        Issuing = "issuing",
        /// The credential was issued.
        Issued = "issued",
        /// The office took it back.
        Cancelled = "cancelled",
        /// Its time passed.
        Expired = "expired",
        /// Too many wrong transaction codes were tried.
        Failed = "failed",
    }
}

/// An offer to be made.
#[derive(Clone, Debug)]
pub struct OfferRequest {
    /// The claims; a document must not name a holder.
    pub source: Source,
    /// When the credential will be valid.
    pub validity: Validity,
    /// Digits of the transaction code, 6 to 12; none: whoever has the link gets the credential.
    pub tx_code_length: Option<u32>,
    /// How long it may be claimed, in seconds.
    pub lifetime_s: u64,
    /// Whether the credential is not issued before the office releases it.
    pub deferred: bool,
    /// The caller's name for this request: repeating it offers nothing twice.
    pub idempotency_key: Option<String>,
}

/// An offer, and where it is in its life. Nothing of what is offered is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferRecord {
    /// Its id.
    pub id: OfferId,
    /// What is offered.
    pub schema: Schema,
    /// Where it is in its life.
    pub state: OfferState,
    /// Digits of the transaction code; none if there is no code.
    pub tx_code_length: Option<u32>,
    /// How often a transaction code was tried.
    pub attempts: u32,
    /// Whether the credential may be issued: false until a deferred offer is released.
    pub ready: bool,
    /// When it was made, Unix seconds.
    pub created_at: u64,
    /// Until when it may be claimed, Unix seconds.
    pub expires_at: u64,
    /// The credential, once it is issued.
    pub credential: Option<CredentialId>,
    /// What the wallet last told of the credential, in the words of OpenID4VCI.
    pub notified: Option<String>,
    pub(crate) token_expires_at: Option<u64>,
    pub(crate) identified: bool,
    pub(crate) holder: Option<HolderCommitment>,
}

/// What is offered.
pub(crate) struct Content {
    pub(crate) subject: Value,
    pub(crate) validity: Validity,
}

/// An offer as it is first kept.
pub(crate) struct NewOffer {
    pub(crate) record: OfferRecord,
    pub(crate) content: Content,
    pub(crate) code_hash: [u8; 32],
    pub(crate) tx_code_hash: Option<[u8; 32]>,
    pub(crate) idempotency: Option<Idempotency>,
}
