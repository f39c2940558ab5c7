//! RFC 9457 problem documents. Details name fields and rules, never values.

use std::error::Error;

use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// A type is this and the name of a problem.
const TYPES: &str = "urn:attestry:problem:";
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request is not answered as asked: an RFC 9457 problem document.
///
/// Those that are the service's own fault are logged with their cause when they become an answer;
/// status 500 never carries a detail.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    members: Map<String, Value>,
    header: Option<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl Problem {
    /// The problem `urn:attestry:problem:{name}`. The title is the same for all of its name.
    pub fn new(status: StatusCode, name: &'static str, title: &'static str) -> Self {
        let (members, header, cause) = (Map::new(), None, None);
        Self(Box::new(Parts { status, name, title, members, header, cause }))
    }

    /// What is the matter this time, without any value that was sent.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        self.member("detail", detail.into())
    }

    /// The field that breaks a rule, and the rule, worded to follow its name.
    #[must_use]
    pub fn field(self, field: impl Into<String>, rule: impl Into<String>) -> Self {
        self.member("field", field.into()).member("rule", rule.into())
    }

    /// An extension member.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// What the log is told if this is the service's own fault.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            cause.push_str(": ");
            cause.push_str(&error.to_string());
            source = error.source();
        }
        self.0.cause = Some(cause);
        self
    }

    /// The name of its type, without the prefix.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Something failed inside: the log is told what, the caller is not.
    pub fn internal(error: &dyn Error) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal", "The service failed").caused_by(error)
    }

    /// A request that breaks a rule of its form.
    pub fn invalid_request() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "The request breaks a rule")
    }

    /// A body that is not JSON.
    pub fn malformed_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-json", "The body is not JSON")
    }

    /// A body that is not declared as JSON.
    pub fn unsupported_media_type() -> Self {
        let title = "The body must be JSON";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", title)
            .detail("the content type must be application/json or end in +json")
    }

    /// A body that is too large.
    pub fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
    }

    /// A body that broke off.
    pub fn body_unreadable() -> Self {
        let title = "The body could not be read";
        Self::new(StatusCode::BAD_REQUEST, "body-unreadable", title)
    }

    /// Nothing is served there.
    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "Nothing is served here")
            .detail("nothing is served at this path")
    }

    /// It is served with another method.
    pub fn method_not_allowed() -> Self {
        let title = "The method is not allowed here";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title)
            .detail("this path is served with another method")
    }

    /// The request took too long.
    pub fn timed_out() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timed-out", "The request took too long")
            .detail("the request took too long")
    }

    /// The service cannot do its work now.
    pub fn not_ready(error: &dyn Error) -> Self {
        let title = "The service cannot do its work now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", title)
            .detail(format!("not ready: {error}"))
            .caused_by(error)
    }

    /// The document, to stand within another answer.
    pub fn into_document(self) -> Value {
        let Parts { status, name, title, mut members, cause, .. } = *self.0;
        if status.is_server_error() {
            tracing::error!(problem = name, cause, "request failed");
        }
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            members.remove("detail");
        }
        let mut document = Map::from_iter([
            ("type".to_owned(), Value::String(format!("{TYPES}{name}"))),
            ("title".to_owned(), title.into()),
            ("status".to_owned(), status.as_u16().into()),
        ]);
        document.append(&mut members);
        Value::Object(document)
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let (status, header) = (self.0.status, self.0.header.take());
        let body = self.into_document().to_string();
        let mut response = (status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        response.headers_mut().extend(header);
        response
    }
}
