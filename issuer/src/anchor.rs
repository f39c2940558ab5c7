//! The head of the audit log on the ledger: from then on nobody can be shown another past.

use std::time::Duration;

use attestry_ledger::EvidenceBatch;
use attestry_service::audit::{self, Anchor, Batch, Place};
use attestry_service::repeat;

use crate::{Issuer, IssuerError};

impl Issuer {
    /// Anchors the head of the audit log, unless it stands on the ledger already.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`]; [`IssuerError::Database`].
    pub async fn anchor_log(&self) -> Result<Option<Anchor>, IssuerError> {
        // One sender for the issuer's key in this process.
        let _sender = self.publishing().await;
        audit::anchor_head(self.storage().database(), self.tenant(), |batch| self.anchor(batch))
            .await
    }

    async fn anchor(&self, batch: Batch) -> Result<Place, IssuerError> {
        let Batch { kind, policy_version, root, leaf_count } = batch;
        let evidence = EvidenceBatch { kind, policy_version, root, leaf_count };
        let record = self.registry().ensure_evidence(self.keys().account(), &evidence).await?;
        Ok(Place { batch: record.sequence, anchored_at: record.anchored_at })
    }

    /// Does so again and again, at first after a pause.
    pub(crate) async fn anchor_by_the_clock(&self, every: Duration) {
        tokio::time::sleep(every).await;
        repeat(self.tenant(), every, "the audit log was not anchored", || self.anchor_log()).await;
    }
}
