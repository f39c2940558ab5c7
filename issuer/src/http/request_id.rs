//! Request ids: the caller's `X-Request-ID` if it is well formed, or a new one; in every answer
//! and every log line.

use std::time::Instant;

use ark_std::rand::RngCore;
use ark_std::rand::rngs::OsRng;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 64;

/// Tags a request and its answer, and logs the route and the outcome, never what was sent.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    let id = request.headers().get(HEADER).filter(|id| is_well_formed(id)).cloned();
    let id = id.unwrap_or_else(new_id);
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        route = route.as_deref().unwrap_or("none"),
    );
    let start = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let ms = start.elapsed().as_millis() as u64;
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), ms, "answered"));
    response.headers_mut().insert(HEADER, id);
    response
}

fn is_well_formed(id: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    !id.is_empty() && id.len() <= LONGEST && id.as_bytes().iter().all(allowed)
}

fn new_id() -> HeaderValue {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    HeaderValue::from_str(&hex::encode(bytes)).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_ids_are_taken_over() {
        for (id, taken) in [("abc-1_2.3", true), ("", false), ("a b", false), ("a\"", false)] {
            assert_eq!(is_well_formed(&HeaderValue::from_static(id)), taken, "{id}");
        }
        assert!(!is_well_formed(&HeaderValue::from_str(&"a".repeat(65)).unwrap()));
        assert!(is_well_formed(&new_id()));
    }
}
