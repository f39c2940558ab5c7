//! Request ids: the caller's `X-Request-ID` if it is well formed, or a new one; in every answer
//! and every log line.

use std::fmt;
use std::time::Instant;

use ark_std::rand::RngCore;
use ark_std::rand::rngs::OsRng;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 64;

/// The id of a request: 1 to 64 letters, digits, hyphens, underscores and dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(request: &Request) -> Self {
        let mut given = request.headers().get_all(HEADER).iter();
        match (given.next().map(HeaderValue::as_bytes).and_then(Self::read), given.next()) {
            (Some(id), None) => id,
            _ => Self::random(),
        }
    }

    fn read(id: &[u8]) -> Option<Self> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let well_formed = (1..=LONGEST).contains(&id.len()) && id.iter().all(allowed);
        let id = well_formed.then(|| std::str::from_utf8(id).ok()).flatten();
        id.map(|id| Self(id.to_owned()))
    }

    fn random() -> Self {
        let mut bytes = [0; 16];
        OsRng.fill_bytes(&mut bytes);
        Self(hex::encode(bytes))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id that the middleware gave the request.
impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::random))
    }
}

/// Middleware: gives a request and its answer an id, and logs the route and the outcome, never
/// what was sent.
pub(super) async fn accompany(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        %id,
        method = %request.method(),
        route = route.as_deref().unwrap_or("none"),
    );
    let start = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let ms = start.elapsed().as_millis() as u64;
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), ms, "answered"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_ids_are_taken_over() {
        for (id, taken) in [("abc-1_2.3", true), ("", false), ("a b", false), ("a\"", false)] {
            assert_eq!(RequestId::read(id.as_bytes()).is_some(), taken, "{id}");
        }
        assert!(RequestId::read("a".repeat(65).as_bytes()).is_none());
        let random = RequestId::random();
        assert_eq!(RequestId::read(random.as_str().as_bytes()), Some(random));
    }
}
