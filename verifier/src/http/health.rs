//! Whether the service is well, and what it counts.

use std::sync::Arc;

use attestry_service::http::{Metrics, Problem, TenantGauge};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::{Verifier, VerifierError};

/// The verifiers of a service, and what is counted of them.
#[derive(Clone)]
pub(super) struct Health {
    verifiers: Arc<[Verifier]>,
    metrics: Metrics,
    ready: TenantGauge,
    ledger_grace: TenantGauge,
    pending: TenantGauge,
    failed: TenantGauge,
}

impl Health {
    pub(super) fn of(verifiers: &[Verifier]) -> Self {
        let started = verifiers.iter().map(Verifier::now).next().unwrap_or_default();
        let metrics = Metrics::new(started);
        let ready = metrics.gauge("ready", "Whether presentations can be decided: 1 or 0");
        let ledger_grace = metrics.gauge(
            "ledger_grace",
            "Whether the ledger is decided without, within the grace: 1 or 0",
        );
        let pending = "Messages that are to be sent to webhooks, perhaps again";
        let failed = "Messages to webhooks that were given up of late";
        Self {
            verifiers: verifiers.into(),
            ready,
            ledger_grace,
            pending: metrics.gauge("webhook_deliveries_pending", pending),
            failed: metrics.gauge("webhook_deliveries_failed", failed),
            metrics,
        }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// `/healthz` and `/readyz`.
    pub(super) fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/healthz", get(health))
            .route("/readyz", get(readiness))
            .with_state(self.clone())
    }

    /// `/metrics`.
    pub(super) fn metrics_route<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new().route("/metrics", get(metrics)).with_state(self.clone())
    }
}

/// The process answers.
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Keys are loaded, the database and the ledger answer, or the ledger is decided without for a
/// while, and wallets take what the account signs: presentations are asked for and decided. If not,
/// `check` names what fails.
async fn readiness(State(health): State<Health>) -> Result<Json<Value>, Problem> {
    let mut ledger = "reachable";
    for verifier in health.verifiers.iter() {
        let readiness = verifier.check_ready().await;
        if readiness.map_err(|error| not_ready(&error))?.ledger_grace {
            ledger = "grace";
        }
    }
    Ok(Json(json!({ "status": "ready", "ledger": ledger })))
}

fn not_ready(error: &VerifierError) -> Problem {
    let check = match error {
        VerifierError::NoCircuit => "circuit",
        VerifierError::Database(_) => "database",
        VerifierError::ForeignAccount => "account",
        _ => "ledger",
    };
    Problem::not_ready(error).member("check", check)
}

/// What is counted, in the text format of OpenMetrics.
async fn metrics(State(health): State<Health>) -> Response {
    for verifier in health.verifiers.iter() {
        let readiness = verifier.check_ready().await;
        let in_grace = readiness.as_ref().is_ok_and(|readiness| readiness.ledger_grace);
        health.ready.set(verifier.tenant(), readiness.is_ok().into());
        health.ledger_grace.set(verifier.tenant(), in_grace.into());
        // What cannot be had keeps its last value.
        if let Some(webhooks) = verifier.webhooks()
            && let Ok(backlog) = webhooks.backlog().await
        {
            health.pending.set(verifier.tenant(), backlog.pending);
            health.failed.set(verifier.tenant(), backlog.failed);
        }
    }
    health.metrics.answer()
}
