//! What every route of a service is wrapped in.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::metrics::{self, Metrics};
use super::problem::Problem;
use super::request_id::accompany;
use super::slow;

/// What an answer says of itself unless its route says otherwise: it is nobody's to keep, to
/// guess the type of, to frame or to run anything from.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// What one request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Bytes of its body. A route may allow another number by a [`DefaultBodyLimit`] of its own.
    pub body_bytes: usize,
    /// Until its answer begins, its body included; a second more for each 16 KiB of it.
    pub time: Duration,
    /// For some more of its body to arrive.
    pub body_time: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body_bytes: 512 * 1024,
            time: Duration::from_secs(60),
            body_time: Duration::from_secs(10),
        }
    }
}

/// Wraps all routes of a service: an id, a log line, a count, limits, careful headers, and a
/// problem document for what is not served. To be called once, last.
pub fn finish<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    limits: RequestLimits,
    metrics: &Metrics,
) -> Router<S> {
    router
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(middleware::from_fn_with_state(limits, slow::limit))
        .layer(middleware::from_fn_with_state(metrics.clone(), metrics::count))
        .layer(middleware::from_fn(set_headers))
        .layer(middleware::from_fn(accompany))
}

async fn set_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
