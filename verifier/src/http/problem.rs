//! Every error as an RFC 9457 problem document. The only place that knows how they map.

use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::{Refusal, SignedReceipt, VerifierError};

/// A type is this and the name of a problem.
const TYPES: &str = "urn:attestry:problem:";

/// A problem document.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// In answers to wallets: the answer was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// In answers to wallets: the verifier's word for it, if the session is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<SignedReceipt>,
}

impl Problem {
    fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("{TYPES}{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            verified: None,
            receipt: None,
        }
    }

    pub(super) fn of_refusal(refusal: &Refusal, receipt: Option<SignedReceipt>) -> Self {
        let status = match refusal {
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::Replayed | Refusal::AlreadyCounted => StatusCode::CONFLICT,
            Refusal::Expired => StatusCode::GONE,
            Refusal::LedgerUnreachable | Refusal::LedgerLagging | Refusal::Interrupted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Refusal::WrongAudience
            | Refusal::WrongChallenge
            | Refusal::WrongScope
            | Refusal::DifferentHolders
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
        let problem =
            Self::new(status, refusal.reason(), "The presentation is refused", refusal.to_string());
        Self { verified: Some(false), receipt, ..problem }
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "Not found", "nothing is served here")
    }

    pub(super) fn method_not_allowed() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method-not-allowed", "Method not allowed", "not by this method")
    }

    pub(super) fn timed_out() -> Self {
        let status = StatusCode::REQUEST_TIMEOUT;
        Self::new(status, "timed-out", "Timed out", "the request took too long")
    }

    pub(super) fn bad_body(line: usize, column: usize) -> Self {
        let detail = format!("line {line}, column {column}: not JSON, or not of the right form");
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "Invalid request", detail)
    }

    /// The error that stands between the verifier and a decision.
    pub(super) fn not_ready(error: VerifierError) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "not-ready", "The verifier cannot decide now", error.to_string())
    }
}

impl From<VerifierError> for Problem {
    fn from(error: VerifierError) -> Self {
        let detail = error.to_string();
        let (status, name, title) = match error {
            VerifierError::Request { .. }
            | VerifierError::Policy(_)
            | VerifierError::Presentation(_) => {
                (StatusCode::BAD_REQUEST, "invalid-request", "Invalid request")
            }
            VerifierError::UnknownPolicy => {
                (StatusCode::NOT_FOUND, "unknown-policy", "No such policy")
            }
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
            VerifierError::Storage(_)
            | VerifierError::Migration(_)
            | VerifierError::Corrupt(_)
            | VerifierError::PolicyFile { .. }
            | VerifierError::CircuitId
            | VerifierError::CircuitKey { .. } => {
                tracing::error!(?error, "the verifier failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The verifier failed")
            }
        };
        // What failed inside is for the log.
        let shown = if status == StatusCode::INTERNAL_SERVER_ERROR {
            "nothing was decided".to_owned()
        } else {
            detail
        };
        Self::new(status, name, title, shown)
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(status, "body-too-large", "Too large", "the body is too long")
            }
            _ => {
                let status = StatusCode::BAD_REQUEST;
                Self::new(status, "invalid-request", "Invalid request", "the body cannot be read")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}
