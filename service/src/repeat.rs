//! What a service does by the clock, beside its requests.

use std::fmt::Display;
use std::time::Duration;

use crate::TenantId;

/// Does something for a tenant, and again after each pause, until dropped. What fails is logged with
/// the words of `complaint`, and tried at the next time.
pub async fn repeat<T, E: Display, F: Future<Output = Result<T, E>>>(
    tenant: &TenantId,
    pause: Duration,
    complaint: &'static str,
    what: impl Fn() -> F,
) {
    loop {
        if let Err(error) = what().await {
            tracing::warn!(%error, %tenant, "{complaint}");
        }
        tokio::time::sleep(pause).await;
    }
}
