//! Whether the service is well, and what it counts.

use std::sync::Arc;

use attestry_service::http::{Metrics, Problem, TenantGauge, Vitals};
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
}

impl Vitals for Health {
    /// Keys are loaded, the database and the ledger answer, or the ledger is decided without for a
    /// while, and wallets take what the account signs: presentations are asked for and decided. If
    /// not, `check` names what fails.
    async fn readiness(&self) -> Result<Value, Problem> {
        let mut ledger = "reachable";
        for verifier in self.verifiers.iter() {
            let readiness = verifier.check_ready().await;
            if readiness.map_err(|error| not_ready(&error))?.ledger_grace {
                ledger = "grace";
            }
        }
        Ok(json!({ "status": "ready", "ledger": ledger }))
    }

    async fn measure(&self) {
        for verifier in self.verifiers.iter() {
            let readiness = verifier.check_ready().await;
            let in_grace = readiness.as_ref().is_ok_and(|readiness| readiness.ledger_grace);
            self.ready.set(verifier.tenant(), readiness.is_ok().into());
            self.ledger_grace.set(verifier.tenant(), in_grace.into());
            if let Some(webhooks) = verifier.webhooks()
                && let Ok(backlog) = webhooks.backlog().await
            {
                self.pending.set(verifier.tenant(), backlog.pending);
                self.failed.set(verifier.tenant(), backlog.failed);
            }
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Which of the checks of readiness failed.
fn not_ready(error: &VerifierError) -> Problem {
    let check = match error {
        VerifierError::NoCircuit => "circuit",
        VerifierError::Database(_) => "database",
        VerifierError::ForeignAccount => "account",
        _ => "ledger",
    };
    Problem::not_ready(error).member("check", check)
}
