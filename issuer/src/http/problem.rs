//! Every error as an RFC 9457 problem document. Details name fields and rules, never values.

use attestry_credential::CredentialError;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::IssuerError;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The service refused or failed.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// No API key, or a wrong one.
    #[error("the API key is missing or wrong: send it as a bearer token")]
    Unauthenticated,
    /// The body is not declared as JSON.
    #[error("the content type must be application/json or end in +json")]
    UnsupportedMediaType,
    /// The body is too large.
    #[error("the body is larger than {} bytes", super::BODY_LIMIT)]
    BodyTooLarge,
    /// The body broke off.
    #[error("the body could not be read")]
    BodyUnreadable,
    /// Nothing is served there.
    #[error("nothing is served at this path")]
    NoSuchPath,
    /// It is served with another method.
    #[error("this path is served with another method")]
    MethodNotAllowed,
    /// The service cannot do its work now.
    #[error("not ready: {0}")]
    NotReady(IssuerError),
}

#[derive(Serialize)]
struct Problem {
    r#type: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

/// What kind of problem an error is: status, name and title.
fn kind(error: &HttpError) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as Status;
    const INVALID: (StatusCode, &str, &str) =
        (Status::UNPROCESSABLE_ENTITY, "invalid-content", "The content breaks a rule");
    const NOT_JSON: (StatusCode, &str, &str) =
        (Status::BAD_REQUEST, "malformed-json", "The body is not JSON");
    const INTERNAL: (StatusCode, &str, &str) =
        (Status::INTERNAL_SERVER_ERROR, "internal", "The issuer failed");
    match error {
        HttpError::Issuer(error) => match error {
            IssuerError::Credential(error) => match error {
                CredentialError::NotJson { .. } => NOT_JSON,
                CredentialError::Invalid { .. }
                | CredentialError::Attestation
                | CredentialError::Proof(_) => INVALID,
            },
            IssuerError::Request { .. } => {
                (Status::BAD_REQUEST, "invalid-request", "The request breaks a rule")
            }
            IssuerError::NotAccredited(_) => (
                Status::UNPROCESSABLE_ENTITY,
                "not-accredited",
                "The issuer is not accredited for this schema",
            ),
            IssuerError::UnknownCredential
            | IssuerError::UnknownList
            | IssuerError::UnknownStudy => (Status::NOT_FOUND, "unknown", "There is no such thing"),
            IssuerError::Erased => {
                (Status::GONE, "erased", "The credential's record has been erased")
            }
            IssuerError::Plain => {
                (Status::CONFLICT, "not-attested", "Only a credential that was attested allows it")
            }
            IssuerError::NotPossible { .. } => {
                (Status::CONFLICT, "not-possible", "The credential's state does not allow it")
            }
            IssuerError::IdempotencyKeyReused => (
                Status::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key was used with another request",
            ),
            IssuerError::ListFull => {
                (Status::INSUFFICIENT_STORAGE, "list-full", "The status list is full")
            }
            IssuerError::Ledger(error) if error.is_absence() => {
                (Status::SERVICE_UNAVAILABLE, "ledger-away", "The ledger does not answer")
            }
            IssuerError::Ledger(_) => (Status::BAD_GATEWAY, "ledger-refused", "The ledger refused"),
            IssuerError::Signing
            | IssuerError::ForeignEntry { .. }
            | IssuerError::ForeignStorage
            | IssuerError::Keys(_)
            | IssuerError::Database(_)
            | IssuerError::OpenAccess
            | IssuerError::Io(_) => INTERNAL,
        },
        HttpError::Unauthenticated => {
            (Status::UNAUTHORIZED, "unauthenticated", "An API key is needed")
        }
        HttpError::UnsupportedMediaType => {
            (Status::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON")
        }
        HttpError::BodyTooLarge => {
            (Status::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
        }
        HttpError::BodyUnreadable => {
            (Status::BAD_REQUEST, "body-unreadable", "The body could not be read")
        }
        HttpError::NoSuchPath => (Status::NOT_FOUND, "no-such-path", "Nothing is served here"),
        HttpError::MethodNotAllowed => {
            (Status::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here")
        }
        HttpError::NotReady(_) => {
            (Status::SERVICE_UNAVAILABLE, "not-ready", "The issuer cannot do its work now")
        }
    }
}

/// The field and the rule that it breaks, if the error is about one.
fn field_and_rule(error: &HttpError) -> (Option<String>, Option<String>) {
    match error {
        HttpError::Issuer(IssuerError::Credential(CredentialError::Invalid { path, rule })) => {
            (Some(path.clone()), Some(rule.to_string()))
        }
        HttpError::Issuer(IssuerError::Request { field, rule }) => {
            (Some(field.to_string()), Some((*rule).to_owned()))
        }
        _ => (None, None),
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, name, title) = kind(&self);
        if status.is_server_error() {
            let cause = std::error::Error::source(&self).map(ToString::to_string);
            tracing::error!(problem = name, error = %self, cause, "request failed");
        }
        let (field, rule) = field_and_rule(&self);
        // What failed inside is for the log.
        let detail = (status != StatusCode::INTERNAL_SERVER_ERROR).then(|| self.to_string());
        let problem = Problem {
            r#type: format!("urn:attestry:problem:{name}"),
            title,
            status: status.as_u16(),
            detail,
            field,
            rule,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
