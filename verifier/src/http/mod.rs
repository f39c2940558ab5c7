//! The verifier over HTTP.
//!
//! | | |
//! |---|---|
//! | `POST /presentations` | opens a session |
//! | `GET /presentations/{id}` | what became of it, for who opened it |
//! | `GET /presentations/{request_id}/request` | what the wallet is asked |
//! | `POST /presentations/{request_id}/response` | the wallet's answer |
//! | `POST /withdrawals` | a holder withdraws |
//! | `GET /policies`, `GET /policies/{id}` | what may be asked by name |
//! | `GET /receipt-key` | the key of the receipts, as a JWK |
//! | `GET /healthz`, `GET /readyz` | whether the process runs, whether it can decide |
//! | `GET /metrics` | what it counts, for Prometheus |
//!
//! Errors are RFC 9457 problem documents.

mod policies;
mod problem;
mod sessions;

use attestry_service::http::{self, ConnectionLimits, Metrics, Problem, RequestLimits, finish};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Verifier;

/// Serves the verifier until `shutdown` resolves, then finishes what is under way.
///
/// There is no authentication: whoever reaches the service may open sessions.
pub async fn serve(
    listener: TcpListener,
    verifier: Verifier,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    http::serve(listener, router(verifier), ConnectionLimits::default(), shutdown).await;
}

/// The routes, to be served beside others.
pub fn router(verifier: Verifier) -> Router {
    let routes = Router::new()
        .route("/presentations", post(sessions::open))
        .route("/presentations/{id}", get(sessions::outcome))
        .route("/presentations/{id}/request", get(sessions::request))
        .route("/presentations/{id}/response", post(sessions::respond))
        .route("/withdrawals", post(sessions::withdraw))
        .route("/policies", get(policies::list))
        .route("/policies/{id}", get(policies::read))
        .route("/receipt-key", get(receipt_key))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    let metrics = Metrics::new(verifier.now());
    let counted = metrics.clone();
    let routes = routes.route("/metrics", get(async move || counted.answer()));
    // A body is at most as long as the longest answer.
    let body_bytes = attestry_credential::presentation::MAX_RESPONSE;
    let limits = RequestLimits { body_bytes, ..RequestLimits::default() };
    finish(routes, limits, &metrics).with_state(verifier)
}

async fn receipt_key(State(verifier): State<Verifier>) -> Json<Value> {
    let key = URL_SAFE_NO_PAD.encode(verifier.receipt_verifying_key());
    Json(json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": key }))
}

async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn readyz(State(verifier): State<Verifier>) -> Result<Json<Value>, Problem> {
    verifier.check_ready().await.map_err(|error| Problem::not_ready(&error))?;
    Ok(Json(json!({ "status": "ready" })))
}
