//! Status lists.

use ark_std::rand::rngs::OsRng;
use attestry_service::http::{Path, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::Issuer;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vc+ld+json");
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// `GET /status-lists/{id}`
pub(super) async fn read(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let document = issuer.status_list(id.parse()?).await?;
    let headers = [(CONTENT_TYPE, MEDIA_TYPE), (CACHE_CONTROL, CACHING)];
    Ok((headers, document.to_string()).into_response())
}

/// `POST /status-lists/publish`
pub(super) async fn publish(State(issuer): State<Issuer>) -> Result<Json<Value>, Problem> {
    let publications = issuer.publish(&mut OsRng).await?;
    let described = publications.iter().map(|publication| {
        json!({
            "list": publication.list.to_string(),
            "root": publication.root.to_string(),
            "flips": publication.flips,
            "transactions": publication.transactions,
            "unexplained": publication.unexplained,
        })
    });
    Ok(Json(described.collect()))
}
