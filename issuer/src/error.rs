//! What can go wrong in the issuer.

use std::borrow::Cow;

use attestry_credential::CredentialError;
use attestry_credential::schema::Schema;
use attestry_ledger::LedgerError;

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
    /// The issuer has no status list of this number.
    #[error("there is no such status list")]
    UnknownList,
    /// The state of the credential does not allow it.
    #[error("cannot {action} a credential that is {state}")]
    NotPossible {
        /// What was asked for.
        action: Action,
        /// The state that the credential is in.
        state: State,
    },
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
    /// The key file cannot be read or written.
    #[error("the key file {0}")]
    Keys(&'static str),
    /// The database failed.
    #[error("the issuer's database failed")]
    Storage(#[from] sqlx::Error),
    /// The database could not be brought up to date.
    #[error("the issuer's database could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A record that cannot be what this issuer wrote.
    #[error("the issuer's database holds a record that cannot be read: {0}")]
    Corrupt(&'static str),
    /// Without an API key, only loopback is served.
    #[error("open access is served on loopback only: configure an API key")]
    OpenAccess,
    /// The listener or a file failed.
    #[error("input or output failed: {}", .0.kind())]
    Io(#[from] std::io::Error),
}

impl IssuerError {
    /// A member of a request that breaks a rule.
    pub(crate) fn request(field: impl Into<Cow<'static, str>>, rule: &'static str) -> Self {
        Self::Request { field: field.into(), rule }
    }
}
