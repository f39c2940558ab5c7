//! Whether a service is well, and the routes that tell.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Metrics, Problem};

/// What a service knows of itself.
pub trait Vitals: Clone + Send + Sync + 'static {
    /// What it can do at present: the answer to `GET /readyz`.
    ///
    /// # Errors
    /// What keeps it from its work, as status 503.
    fn readiness(&self) -> impl Future<Output = Result<Value, Problem>> + Send;

    /// Sets the numbers that it has per tenant. What cannot be had keeps its last value.
    fn measure(&self) -> impl Future<Output = ()> + Send;

    /// What it counts.
    fn metrics(&self) -> &Metrics;
}

/// `/healthz` and `/readyz`.
pub(super) fn health_routes<V: Vitals>(vitals: &V) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness::<V>))
        .with_state(vitals.clone())
}

/// `/metrics`.
pub(super) fn metrics_route<V: Vitals>(vitals: &V) -> Router {
    Router::new().route("/metrics", get(metrics::<V>)).with_state(vitals.clone())
}

/// The process answers.
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn readiness<V: Vitals>(State(vitals): State<V>) -> Result<Json<Value>, Problem> {
    vitals.readiness().await.map(Json)
}

/// What is counted, in the text format of OpenMetrics.
async fn metrics<V: Vitals>(State(vitals): State<V>) -> Response {
    vitals.measure().await;
    vitals.metrics().answer()
}
