//! Whether the service is well, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use attestry_service::http::{Metrics, Problem, TenantGauge, Vitals};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::Issuer;

/// How long the ledger has to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// The issuers of a service, and what is counted of them.
#[derive(Clone)]
pub(super) struct Health {
    issuers: Arc<[Issuer]>,
    metrics: Metrics,
    pending: TenantGauge,
    reachable: TenantGauge,
}

impl Health {
    pub(super) fn of(issuers: &[Issuer]) -> Self {
        let started = issuers.iter().map(Issuer::now).next().unwrap_or_default();
        let metrics = Metrics::new(started);
        let pending = "Changes of status that the ledger is still to hear of";
        let reachable = "Whether the ledger answers: 1 or 0";
        Self {
            issuers: issuers.into(),
            pending: metrics.gauge("pending_status_changes", pending),
            reachable: metrics.gauge("ledger_reachable", reachable),
            metrics,
        }
    }
}

impl Vitals for Health {
    /// The database answers, so that credentials are issued and changed; and whether the ledger
    /// does, so that changes of status are published.
    async fn readiness(&self) -> Result<Value, Problem> {
        let (mut pending, mut reachable) = (0, true);
        for issuer in self.issuers.iter() {
            pending += issuer.pending().await.map_err(|error| Problem::not_ready(&error))?;
            reachable &= reaches_ledger(issuer).await;
        }
        let (status, ledger) =
            if reachable { ("ready", "reachable") } else { ("degraded", "away") };
        Ok(json!({
            "status": status,
            "ledger": ledger,
            "issuing": true,
            "publishing": reachable,
            "pendingStatusChanges": pending,
        }))
    }

    async fn measure(&self) {
        for issuer in self.issuers.iter() {
            let tenant = issuer.tenant();
            if let Ok(pending) = issuer.pending().await {
                self.pending.set(tenant, pending);
            }
            self.reachable.set(tenant, reaches_ledger(issuer).await.into());
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

async fn reaches_ledger(issuer: &Issuer) -> bool {
    timeout(PATIENCE, issuer.ready()).await.is_ok_and(|ready| ready.is_ok())
}
