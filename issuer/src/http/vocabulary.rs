//! The contexts and schemas that our documents name, served by whoever issues them.

use attestry_credential::schema::Schema;
use attestry_credential::vcdm::{ATTESTRY_CONTEXT_DOCUMENT, schema_document, schema_url};
use attestry_service::http::{Path, Problem};
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const CONTEXT: &str = "credentials-v1.jsonld";
const CONTEXT_TYPE: HeaderValue = HeaderValue::from_static("application/ld+json");
const SCHEMA_TYPE: HeaderValue = HeaderValue::from_static("application/schema+json");
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const ANYWHERE: HeaderValue = HeaderValue::from_static("*");

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/contexts/{name}", get(context)).route("/schemas/{name}", get(schema))
}

/// `GET /contexts/{name}`
async fn context(Path(name): Path<String>) -> Result<Response, Problem> {
    if name != CONTEXT {
        return Err(Problem::no_such_path());
    }
    Ok(document(CONTEXT_TYPE, ATTESTRY_CONTEXT_DOCUMENT))
}

/// `GET /schemas/{name}`: by the last part of the URL that credentials name the schema with.
async fn schema(Path(name): Path<String>) -> Result<Response, Problem> {
    let named = |schema: &Schema| schema_url(*schema).rsplit('/').next() == Some(&name);
    let schema = Schema::ALL.into_iter().find(named).ok_or_else(Problem::no_such_path)?;
    Ok(document(SCHEMA_TYPE, schema_document(schema)))
}

fn document(media_type: HeaderValue, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, CACHING),
        (ACCESS_CONTROL_ALLOW_ORIGIN, ANYWHERE),
    ];
    (headers, text).into_response()
}
