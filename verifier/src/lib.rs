//! What clinics and sponsors run: policies, sessions, checks.
//!
//! `http → service → {storage, ledger}`. A [`Verifier`] opens a [`Session`] with a request, and
//! decides about the one answer to it: it rebuilds the statement from its own request, the
//! registry root from the ledger and the time from its clock, and what cannot be read is never a
//! yes. Every decision has a [`SignedReceipt`], which holds no claim of anybody.

mod anchor;
mod answer;
mod check;
mod circuits;
pub mod config;
mod delivery;
mod direct;
mod documents;
mod error;
mod expire;
pub mod http;
mod offline;
mod plain;
mod policies;
mod purge;
mod quota;
mod receipt;
mod recorder;
mod refusal;
mod service;
mod session;
mod storage;
pub mod studies;
mod text;
mod watch;
pub mod webhooks;

pub use check::VerifiedPresentation;
pub use circuits::AcceptedCircuits;
pub use config::{ChecksConfig, VerifierConfig};
pub use delivery::{Delivery, Reply};
pub use error::VerifierError;
pub use offline::{OfflineVerifier, Snapshot, SnapshotError};
pub use plain::NewPlainSession;
pub use policies::{PolicyCatalogue, PolicyName, PublishedPolicy};
pub use quota::Quota;
pub use receipt::{Receipt, ReceiptCheck, ReceiptError, ReceiptKey, ReceiptResult, SignedReceipt};
pub use refusal::Refusal;
pub use service::{Clock, Readiness, SecureRng, Verifier, VerifierParts};
pub use session::{Decision, Ending, NewSession, Session, SessionStatus, Shown};
pub use storage::Storage;
pub use watch::Stage;
