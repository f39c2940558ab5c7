//! Reading of request bodies: JSON only, no unknown members, errors that never repeat a value.

use attestry_credential::CredentialError;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::problem::HttpError;
use crate::IssuerError;

/// A JSON body.
pub(super) struct JsonBody(pub(super) Value);

/// A JSON body, or none at all.
pub(super) struct OptionalJsonBody(pub(super) Option<Value>);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        if !is_json(request.headers()) {
            return Err(HttpError::UnsupportedMediaType);
        }
        parse(&read(request, state).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let declared = is_json(request.headers());
        let bytes = read(request, state).await?;
        match (bytes.is_empty(), declared) {
            (true, _) => Ok(Self(None)),
            (false, true) => parse(&bytes).map(|value| Self(Some(value))),
            (false, false) => Err(HttpError::UnsupportedMediaType),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence =
        declared.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    essence.is_some_and(|essence| essence == "application/json" || essence.ends_with("+json"))
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, HttpError> {
    Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => HttpError::BodyTooLarge,
            _ => HttpError::BodyUnreadable,
        }
    })
}

fn parse(bytes: &[u8]) -> Result<Value, HttpError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let error = CredentialError::NotJson { line: error.line(), column: error.column() };
        HttpError::Issuer(error.into())
    })
}

/// The members of an object and where it stands.
pub(super) struct Members<'a> {
    map: &'a Map<String, Value>,
    path: &'static str,
}

impl<'a> Members<'a> {
    /// The members of an object that has no others than the known ones. The path is that of the
    /// object, `$` for the body. An unknown member is not named: a name can be a value, too.
    pub(super) fn of(
        value: &'a Value,
        path: &'static str,
        known: &[&str],
    ) -> Result<Self, IssuerError> {
        let map = value.as_object().ok_or(IssuerError::request(path, "is not an object"))?;
        if map.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(IssuerError::request(path, "has a member that is not defined"));
        }
        Ok(Self { map, path })
    }

    /// A member, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    /// A member.
    pub(super) fn require(&self, name: &str) -> Result<&'a Value, IssuerError> {
        self.get(name).ok_or_else(|| self.refuse(name, "is required"))
    }

    /// A member that is a text, if it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, IssuerError> {
        let text =
            |value: &'a Value| value.as_str().ok_or_else(|| self.refuse(name, "is not a string"));
        self.get(name).map(text).transpose()
    }

    /// A member that is a text.
    pub(super) fn require_text(&self, name: &str) -> Result<&'a str, IssuerError> {
        self.text(name)?.ok_or_else(|| self.refuse(name, "is required"))
    }

    /// The error that a member breaks a rule.
    pub(super) fn refuse(&self, name: &str, rule: &'static str) -> IssuerError {
        let path = if self.path == "$" { name.to_owned() } else { format!("{}.{name}", self.path) };
        IssuerError::request(path, rule)
    }
}
