//! The head of the audit log on the ledger: from then on nobody can be shown another past.

use std::time::Duration;

use attestry_ledger::EvidenceBatch;
use attestry_service::audit::{self, Anchor};

use crate::{Verifier, VerifierError};

impl Verifier {
    /// Anchors the head of the audit log, unless it stands on the ledger already.
    ///
    /// # Errors
    /// [`VerifierError::Ledger`]; [`VerifierError::Database`].
    pub async fn anchor_log(&self) -> Result<Option<Anchor>, VerifierError> {
        let mut connection = self.database().pool().acquire().await?;
        let waiting = audit::unanchored(&mut connection, self.tenant()).await?;
        drop(connection);
        let Some((head, batch)) = waiting else { return Ok(None) };
        let evidence = EvidenceBatch {
            kind: batch.kind,
            policy_version: batch.policy_version,
            root: batch.root,
            leaf_count: batch.leaf_count,
        };
        let record = self.registry().ensure_evidence(self.account(), &evidence).await?;
        let (batch, anchored_at) = (record.sequence, record.anchored_at);
        let anchor = Anchor { head, root: evidence.root, batch, anchored_at };
        let mut connection = self.database().pool().acquire().await?;
        audit::record_anchor(&mut connection, self.tenant(), &anchor).await?;
        Ok(Some(anchor))
    }

    /// Does so again and again. What fails is tried at the next time.
    pub(crate) async fn anchor_by_the_clock(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.anchor_log().await {
                tracing::warn!(%error, tenant = %self.tenant(), "the audit log was not anchored");
            }
        }
    }
}
