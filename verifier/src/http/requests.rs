//! What every request gets: an id, a time limit, and an answer that no cache keeps.

use attestry_credential::presentation::Identifier;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::REQUEST_TIMEOUT;
use super::problem::Problem;
use crate::Verifier;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Middleware. The caller's `X-Request-ID` is kept if it is a plain name, else replaced.
pub(super) async fn accompany(
    State(verifier): State<Verifier>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = match given.and_then(|text| text.parse::<Identifier>().ok()) {
        Some(id) => id,
        None => match verifier.random_id() {
            Ok(id) => id,
            Err(error) => return Problem::from(error).into_response(),
        },
    };
    // The matched path is not logged: it carries handles.
    let span = tracing::info_span!("request", %id, method = %request.method());
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).instrument(span).await;
    let mut response = answer.unwrap_or_else(|_| Problem::timed_out().into_response());
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
