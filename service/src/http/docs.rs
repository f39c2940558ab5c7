//! What a service offers, as OpenAPI 3.1, and a page to try it. Nothing of it is fetched from
//! elsewhere.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const PAGE: &str = include_str!("../../openapi/docs.html");
const START: &str = include_str!("../../openapi/docs.js");
const SCRIPT: &str = include_str!("../../openapi/swagger-ui/swagger-ui-bundle.js");
const STYLE: &str = include_str!("../../openapi/swagger-ui/swagger-ui.css");
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// Scripts and styles of our own alone, and requests to this service alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `/openapi.json`, which is this document, and the page at `/docs` that shows it.
pub fn docs<S: Clone + Send + Sync + 'static>(openapi: &'static str) -> Router<S> {
    const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";
    Router::new()
        .route("/openapi.json", get(async move || file("application/json", openapi)))
        .route("/docs", get(async || file("text/html; charset=utf-8", PAGE)))
        .route("/docs/docs.js", get(async || file(SCRIPT_TYPE, START)))
        .route("/docs/swagger-ui-bundle.js", get(async || file(SCRIPT_TYPE, SCRIPT)))
        .route("/docs/swagger-ui.css", get(async || file("text/css; charset=utf-8", STYLE)))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, CACHING),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, text).into_response()
}
