//! What a credentialing body runs: mint, renew, suspend, revoke.
//!
//! `http → service → {storage, ledger}`: [`Issuer`] is the service; [`http::serve`] puts it on a
//! listener; [`Storage`] keeps a tenant's records in a database. Status changes reach the ledger through an
//! outbox, in fixed windows, so that neither a crash nor a ledger that is away loses one.

mod anchor;
pub mod config;
mod consents;
mod document;
mod epochs;
mod error;
mod expiry;
mod files;
pub mod http;
mod identity;
mod intake;
pub mod keys;
mod offers;
mod plain;
mod proposals;
mod publish;
mod record;
mod register;
mod request;
mod resolve;
mod search;
mod service;
mod storage;
mod verification;

pub use consents::{Reconsent, RequiredForm};
pub use epochs::{EpochEnd, EpochEntry, KeyEpoch, Reissuable, Reissue};
pub use error::IssuerError;
pub use expiry::{ExpiryNotice, MARKS};
pub use intake::{
    Accepted, BUNDLE_LIMIT, Counts, FAILED_KEPT_S, FILE_LIMIT, FailedFile, FailedRow, FileForm,
    Import, ImportId, ImportRequest, ImportState, Intake, Outcome,
};
pub use keys::IssuerKeys;
pub use offers::{ClaimError, Link, OfferId, OfferRecord, OfferRequest, OfferState, Offered};
pub use proposals::{MOST_REVOKED, Revocation, Selection};
pub use publish::Publication;
pub use record::{
    Action, Attested, Content, CredentialId, CredentialRecord, EndReason, ListId, Reason, State,
};
pub use register::{ChangeRecord, History};
pub use request::{IssueRequest, RenewRequest, Source, Validity};
pub use search::{Cursor, LONGEST_PAGE, PAGE, Page, Search, Summary, Term};
pub use service::{Issued, Issuer, IssuerConfig};
pub use storage::Storage;
