//! Reading of request bodies: declared, limited, and refused without repeating a value.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::members::FieldError;
use super::problem::Problem;
use super::slow::SlowBody;
use super::{JsonError, json};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_IDEMPOTENCY_KEY: usize = 255;

/// A body as it came, of any type.
#[derive(Debug)]
pub struct Body(pub Bytes);

/// A JSON body.
#[derive(Debug)]
pub struct JsonBody(pub Value);

/// A JSON body, or none at all.
#[derive(Debug)]
pub struct OptionalJsonBody(pub Option<Value>);

/// A body that is declared as a form, `application/x-www-form-urlencoded`.
#[derive(Debug)]
pub struct FormBody(pub Bytes);

/// A JSON body of a certain form.
#[derive(Debug)]
pub struct TypedBody<T>(pub T);

/// The `Idempotency-Key` of a request: 1 to 255 visible ASCII characters.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        refuse_compressed(request.headers())?;
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|rejection: BytesRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::body_too_large().detail("the body is larger than is taken here")
            }
            _ if SlowBody::is_behind(&rejection) => Problem::timed_out(),
            _ => Problem::body_unreadable().detail("the body could not be read"),
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if essence(request.headers()).as_deref() != Some("application/x-www-form-urlencoded") {
            return Err(Problem::unsupported_media_type());
        }
        let Body(bytes) = Body::from_request(request, state).await?;
        Ok(Self(bytes))
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(json::parse(&declared_json(request, state).await?)?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for TypedBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(json::parse_as(&declared_json(request, state).await?)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let declared = is_json(request.headers());
        let Body(bytes) = Body::from_request(request, state).await?;
        match (bytes.is_empty(), declared) {
            (true, _) => Ok(Self(None)),
            (false, true) => Ok(Self(Some(json::parse(&bytes)?))),
            (false, false) => Err(Problem::unsupported_media_type()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let (value, another) = (values.next(), values.next());
        let Some(value) = value else { return Ok(Self(None)) };
        let visible = |text: &&str| {
            (1..=LONGEST_IDEMPOTENCY_KEY).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match value.to_str().ok().filter(visible) {
            Some(text) if another.is_none() => Ok(Self(Some(text.to_owned()))),
            _ => {
                let rule = "is not 1 to 255 visible ASCII characters, given once";
                Err(FieldError::new("Idempotency-Key", rule).into())
            }
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax { .. } => Self::malformed_json().detail(error.to_string()),
            JsonError::Form { .. } => Self::invalid_request().detail(error.to_string()),
            JsonError::TooDeep | JsonError::DuplicateMember => {
                Self::malformed_json().detail(format!("the body {error}"))
            }
        }
    }
}

/// Refuses a body that is declared as compressed, before anything of it is read: how much it
/// becomes is not known.
///
/// # Errors
/// A problem of status 415.
pub fn refuse_compressed(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get_all(CONTENT_ENCODING).iter().all(|coding| coding == "identity") {
        return Ok(());
    }
    Err(Problem::unsupported_media_type().detail("the body must not have a content encoding"))
}

/// A body that is declared as JSON.
async fn declared_json<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::unsupported_media_type());
    }
    let Body(bytes) = Body::from_request(request, state).await?;
    Ok(bytes)
}

/// Whether a body is declared as JSON of some kind.
fn is_json(headers: &HeaderMap) -> bool {
    essence(headers).is_some_and(|essence| {
        essence == "application/json"
            || essence.starts_with("application/") && essence.ends_with("+json")
    })
}

/// The type that a body is declared as, without its parameters, in lower case.
fn essence(headers: &HeaderMap) -> Option<String> {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())?;
    Some(declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
