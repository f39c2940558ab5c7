//! What can go wrong in the verifier, apart from answers that are refused.

use std::path::PathBuf;

use attestry_circuits::PUBLIC_INPUTS;
use attestry_credential::CredentialError;
use attestry_credential::oid4vp::Oid4vpError;
use attestry_credential::policy::{Finding, FindingCode};
use attestry_credential::presentation::PresentationError;
use attestry_ledger::LedgerError;
use attestry_service::DatabaseError;

/// An error of the verifier. None carries an attribute value. A refused answer is no error: it is
/// a [`Refusal`](crate::Refusal).
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    /// A member of a request to open a session breaks a rule.
    #[error("{field} {rule}")]
    Request {
        /// Name of the member.
        field: &'static str,
        /// The rule, worded to follow the name of the member.
        rule: &'static str,
    },
    /// A policy or its parameters are refused.
    #[error(transparent)]
    Policy(#[from] CredentialError),
    /// What was asked makes no request that a wallet would read.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
    /// No policy has this id.
    #[error("there is no such policy")]
    UnknownPolicy,
    /// The version of the policy is retired.
    #[error("this version of the policy is retired")]
    RetiredPolicy,
    /// Another document is published under the policy's id and version.
    #[error("another document has this id and version: publish it as the next version")]
    PolicyVersionUsed,
    /// The policy's version does not follow the newest.
    #[error("the next version of this policy is {next}")]
    PolicyVersionSkipped {
        /// The version that may be published.
        next: u64,
    },
    /// The policy is dangerous, and who publishes it or brings it along did not say that this is
    /// meant.
    #[error(
        "policy {policy} has dangers: {}. They are asked only if acknowledge has their codes",
        names(unacknowledged)
    )]
    UnacknowledgedDanger {
        /// Id and version of the policy.
        policy: String,
        /// The dangers that were not acknowledged.
        unacknowledged: Vec<FindingCode>,
        /// All findings.
        findings: Vec<Finding>,
    },
    /// The question has been asked with as many values as the quota allows.
    #[error("the question has been asked with too many values: see the quota")]
    Quota,
    /// No study has this id.
    #[error("there is no such study")]
    UnknownStudy,
    /// The study is closed.
    #[error("the study is closed")]
    StudyClosed,
    /// The study was changed since it was read.
    #[error("the study was changed meanwhile: read it again")]
    StudyChanged,
    /// Fewer than 11 participants are not exported.
    #[error("a study of fewer than 11 participants is not exported unless it was opened so")]
    TooFewParticipants,
    /// No session has this id.
    #[error("there is no such session")]
    UnknownSession,
    /// The session has been answered, or has ended.
    #[error("the session has been answered or has ended")]
    Ended,
    /// The outcome is for the browser that comes back from the wallet, with its response code.
    #[error("the outcome takes the response code that the wallet's browser brought back")]
    ResponseCode,
    /// What a wallet posted cannot be read.
    #[error(transparent)]
    Posted(#[from] Oid4vpError),
    /// As many sessions are watched as may be.
    #[error("too many sessions are being watched")]
    TooManyWatchers,
    /// A policy file is refused.
    #[error("policy file {}: {reason}", path.display())]
    PolicyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The circuit's id is not 64 lower-case hexadecimal digits.
    #[error("a circuit id is not 64 lower-case hexadecimal digits")]
    CircuitId,
    /// A verifying key is not one of a circuit that proves statements.
    #[error("a verifying key has {found} public inputs, a statement has {PUBLIC_INPUTS}")]
    CircuitKey {
        /// Public inputs of the key.
        found: usize,
    },
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The account is no key of the client id's DID, so that wallets refuse what it signs.
    #[error(
        "the account is no key of the verifier's DID on the ledger: wallets refuse its requests"
    )]
    ForeignAccount,
    /// The verifier accepts no circuit.
    #[error("no verifying key is loaded")]
    NoCircuit,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The decision was not recorded, so nothing is decided.
    #[error("the decision was not recorded")]
    NotRecorded,
    /// Without an API key, only loopback is served.
    #[error("open access is served on loopback only: configure an API key")]
    OpenAccess,
    /// The listener failed.
    #[error("input or output failed: {}", .0.kind())]
    Io(#[from] std::io::Error),
}

fn names(codes: &[FindingCode]) -> String {
    codes.iter().map(FindingCode::name).collect::<Vec<_>>().join(", ")
}

impl From<sqlx::Error> for VerifierError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl VerifierError {
    /// A record that cannot be what this verifier wrote.
    pub(crate) fn corrupt(what: &'static str) -> Self {
        DatabaseError::Corrupt(what).into()
    }
}
