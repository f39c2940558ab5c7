//! What can go wrong in the issuer.

use std::borrow::Cow;

use attestry_credential::CredentialError;
use attestry_credential::roster::FileError;
use attestry_credential::schema::Schema;
use attestry_ledger::LedgerError;
use attestry_service::DatabaseError;
use attestry_service::approval::ApprovalError;

use crate::intake::ImportState;
use crate::keys::{Epoch, KeyError};
use crate::offers::OfferState;
use crate::record::{Action, State};

/// An error of the issuer. None carries an attribute value.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The resource, subject or document is refused.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A member of a request breaks a rule.
    #[error("{field} {rule}")]
    Request {
        /// Path of the member.
        field: Cow<'static, str>,
        /// The rule, worded to follow the name of the member.
        rule: &'static str,
    },
    /// The issuer has no registry entry for this schema.
    #[error("this issuer is not accredited for {}", .0.versioned_name())]
    NotAccredited(Schema),
    /// No credential has this id.
    #[error("there is no such credential")]
    UnknownCredential,
    /// No offer has this id.
    #[error("there is no such offer")]
    UnknownOffer,
    /// The state of the offer does not allow it.
    #[error("cannot {action} an offer that is {state}")]
    OfferNotPossible {
        /// What was asked for.
        action: &'static str,
        /// The state that the offer is in.
        state: OfferState,
    },
    /// The link of the offer was made with another credential key.
    #[error("the offer's link was made with a credential key that is no longer used")]
    OfferLinkGone,
    /// Wallets need a public URL by https.
    #[error("the public URL is not https, as wallets need it")]
    InsecurePublicUrl,
    /// The issuer has no status list of this number.
    #[error("there is no such status list")]
    UnknownList,
    /// No import has this id.
    #[error("there is no such import")]
    UnknownImport,
    /// The state of the import does not allow it.
    #[error("not possible for an import that is {0}")]
    ImportNotPossible(ImportState),
    /// The import has no records of which a row failed, or they have been destroyed.
    #[error("the import has no failed rows that could be run again")]
    NothingToRerun,
    /// Another worker is at this import, or was faster with this row.
    #[error("another worker has taken this over")]
    ImportedElsewhere,
    /// The file is refused as a whole.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is too large.
    #[error("the file is larger than {limit} bytes")]
    FileTooLarge {
        /// The most bytes.
        limit: u64,
    },
    /// The state of the credential does not allow it.
    #[error("cannot {action} a credential that is {state}")]
    NotPossible {
        /// What was asked for.
        action: Action,
        /// The state that the credential is in.
        state: State,
    },
    /// No consent form was ever required for this study.
    #[error("no consent form was required for this study")]
    UnknownStudy,
    /// What takes two people is not possible.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// Its record has been destroyed.
    #[error("the credential's record has been erased")]
    Erased,
    /// Only what is attested has this.
    #[error("the credential is a plain W3C credential, which was not attested")]
    Plain,
    /// The key came with another request before.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// Every entry of the status list is taken.
    #[error("the status list has no free entry left")]
    ListFull,
    /// The credential could not be signed.
    #[error("the credential could not be signed")]
    Signing,
    /// The ledger refused or did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The registry entry is not that of this issuer and key.
    #[error("registry entry {entry} has another {what} than this issuer")]
    ForeignEntry {
        /// The entry.
        entry: u32,
        /// What differs.
        what: &'static str,
    },
    /// The data directory was made by another issuer or on another ledger.
    #[error("the data directory belongs to another issuer or ledger")]
    ForeignStorage,
    /// The issuer had no such epoch of its keys.
    #[error("this issuer's keys had no epoch {0}")]
    UnknownEpoch(Epoch),
    /// The issuer's keys cannot be kept, read or used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Without an API key, only loopback is served.
    #[error("open access is served on loopback only: configure an API key")]
    OpenAccess,
    /// The listener or a file failed.
    #[error("input or output failed: {}", .0.kind())]
    Io(#[from] std::io::Error),
}

impl From<sqlx::Error> for IssuerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl IssuerError {
    /// A member of a request that breaks a rule.
    pub(crate) fn request(field: impl Into<Cow<'static, str>>, rule: &'static str) -> Self {
        Self::Request { field: field.into(), rule }
    }

    /// A record that cannot be what this issuer wrote.
    pub(crate) fn corrupt(what: &'static str) -> Self {
        DatabaseError::Corrupt(what).into()
    }
}
