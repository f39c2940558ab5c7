//! Every error and refusal of the verifier as a problem document. The only place that knows how
//! they map.

use attestry_credential::oid4vp::Oid4vpError;
use attestry_credential::policy::FindingCode;
use attestry_service::http::Problem;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};

use crate::{Refusal, SignedReceipt, VerifierError};

/// Seconds after which an answer that was not decided may be sent again.
const RETRY_SOON: HeaderValue = HeaderValue::from_static("1");

/// An answer that is not accepted, with the verifier's word for it if the session is decided.
pub(super) fn of_refusal(refusal: &Refusal, receipt: Option<SignedReceipt>) -> Problem {
    let status = match refusal {
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::Quota => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Replayed | Refusal::AlreadyCounted | Refusal::StudyClosed => StatusCode::CONFLICT,
        Refusal::Expired | Refusal::Cancelled => StatusCode::GONE,
        Refusal::LedgerUnreachable
        | Refusal::LedgerLagging
        | Refusal::Overloaded
        | Refusal::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::WrongAudience
        | Refusal::WrongChallenge
        | Refusal::WrongScope
        | Refusal::DifferentHolders
        | Refusal::NotVerified
        | Refusal::WrongCredential
        | Refusal::UnknownCircuit
        | Refusal::Clock
        | Refusal::WrongDisclosure
        | Refusal::BadProof
        | Refusal::NotProven
        | Refusal::Altered
        | Refusal::UnknownRoot { .. }
        | Refusal::StaleRoot { .. }
        | Refusal::Withdrawn => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut problem = Problem::new(status, refusal.reason(), "The presentation is refused")
        .detail(refusal.to_string())
        .member("verified", false);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        problem = problem.header(RETRY_AFTER, RETRY_SOON);
    }
    match receipt {
        Some(receipt) => problem.member("receipt", receipt.as_str()),
        None => problem,
    }
}

/// What a wallet posted that cannot be read: nothing is decided by it.
fn of_form(error: &Oid4vpError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The answer cannot be read")
        .detail(error.to_string())
        .member("verified", false)
}

impl From<VerifierError> for Problem {
    fn from(error: VerifierError) -> Self {
        let (status, name, title) = match error {
            VerifierError::Request { .. }
            | VerifierError::Policy(_)
            | VerifierError::Presentation(_) => {
                return Self::invalid_request().detail(error.to_string());
            }
            VerifierError::Posted(error) => return of_form(&error),
            VerifierError::Ended => (StatusCode::CONFLICT, "ended-session", "The session is over"),
            VerifierError::ResponseCode => {
                (StatusCode::FORBIDDEN, "response-code", "The outcome takes a response code")
            }
            VerifierError::TooManyWatchers => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too-many-watchers",
                "Too many sessions are being watched",
            ),
            VerifierError::UnknownPolicy => {
                (StatusCode::NOT_FOUND, "unknown-policy", "No such policy")
            }
            VerifierError::RetiredPolicy => {
                (StatusCode::GONE, "retired-policy", "This version of the policy is retired")
            }
            VerifierError::PolicyVersionUsed | VerifierError::PolicyVersionSkipped { .. } => {
                (StatusCode::CONFLICT, "policy-version", "The version cannot be published")
            }
            VerifierError::UnacknowledgedDanger {
                ref policy,
                ref unacknowledged,
                ref findings,
            } => {
                let title = "The policy is dangerous";
                let codes: Vec<_> = unacknowledged.iter().map(FindingCode::name).collect();
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "dangerous-policy", title)
                    .detail(error.to_string())
                    .member("policy", policy.as_str())
                    .member("unacknowledged", codes)
                    .member("findings", serde_json::json!(findings));
            }
            VerifierError::Quota => {
                (StatusCode::TOO_MANY_REQUESTS, "quota", "The question has too many values")
            }
            VerifierError::UnknownStudy => {
                (StatusCode::NOT_FOUND, "unknown-study", "No such study")
            }
            VerifierError::StudyClosed => {
                (StatusCode::CONFLICT, "study-closed", "The study is closed")
            }
            VerifierError::StudyChanged => {
                (StatusCode::CONFLICT, "study-changed", "The study was changed meanwhile")
            }
            VerifierError::TooFewParticipants => (
                StatusCode::FORBIDDEN,
                "too-few-participants",
                "The study has too few participants to be exported",
            ),
            VerifierError::UnknownSession => {
                (StatusCode::NOT_FOUND, "unknown-session", "No such session")
            }
            VerifierError::Ledger(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ledger-unreachable",
                "The ledger does not answer",
            ),
            VerifierError::NoCircuit => {
                (StatusCode::SERVICE_UNAVAILABLE, "no-circuit", "No verifying key")
            }
            VerifierError::ForeignAccount => (
                StatusCode::SERVICE_UNAVAILABLE,
                "foreign-account",
                "Wallets refuse what the account signs",
            ),
            VerifierError::NotRecorded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not-recorded",
                "The decision was not recorded, so nothing is decided",
            ),
            VerifierError::Database(_)
            | VerifierError::OpenAccess
            | VerifierError::Io(_)
            | VerifierError::PolicyFile { .. }
            | VerifierError::CircuitId
            | VerifierError::CircuitKey { .. } => return Self::internal(&error),
        };
        Self::new(status, name, title).detail(error.to_string()).caused_by(&error)
    }
}
