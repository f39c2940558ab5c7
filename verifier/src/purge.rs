//! What is not kept: sessions that nobody answered, and what holders disclosed.

use std::time::Duration;

use attestry_service::repeat;

use crate::{Verifier, VerifierError};

/// How often it is looked for what is due.
const INTERVAL: Duration = Duration::from_secs(600);

impl Verifier {
    /// Destroys what holders disclosed once the configured time has passed, sessions that
    /// ended without an answer, and values that no quota counts any more. Decisions and receipts stay.
    ///
    /// # Errors
    /// [`VerifierError::Database`].
    pub async fn purge(&self) -> Result<(), VerifierError> {
        let before = self.now().saturating_sub(self.config().checks.disclosed_retention_s);
        self.storage().purge(before).await?;
        self.storage().purge_quotas(self.config().checks.quota.since(self.now())).await
    }

    /// Does so again and again.
    pub(crate) async fn purge_by_the_clock(&self) {
        repeat(self.tenant(), INTERVAL, "nothing was purged", || self.purge()).await;
    }
}
