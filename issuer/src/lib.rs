//! What a credentialing body runs: mint, renew, suspend, revoke.
//!
//! `http → service → {storage, ledger}`: [`Issuer`] is the service; [`http::serve`] puts it on a
//! listener; [`Storage`] keeps a tenant's records in a database. Status changes reach the ledger through an
//! outbox, in fixed windows, so that neither a crash nor a ledger that is away loses one.

mod document;
mod error;
mod files;
pub mod http;
mod identity;
mod keys;
mod publish;
mod record;
mod request;
mod service;
mod storage;

pub use error::IssuerError;
pub use keys::{DEVELOPMENT_KEY_FILE, IssuerKeys};
pub use publish::Publication;
pub use record::{
    Action, Attested, Content, CredentialId, CredentialRecord, ListId, Reason, State,
};
pub use request::{IssueRequest, RenewRequest, Source, Validity};
pub use service::{Issued, Issuer, IssuerConfig};
pub use storage::Storage;
