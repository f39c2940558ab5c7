//! The head of the audit log on the ledger: from then on nobody can be shown another past.

use attestry_ledger::{EvidenceBatch, LedgerError};
use attestry_service::audit::{self, Anchor};

use crate::{Issuer, IssuerError};

impl Issuer {
    /// Anchors the head of the audit log, unless it stands on the ledger already. If it was anchored
    /// and not noted, because the service was stopped between the two, it is noted only.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`]; [`IssuerError::Database`].
    pub async fn anchor_log(&self) -> Result<Option<Anchor>, IssuerError> {
        // One sender for the issuer's key in this process.
        let _sender = self.publishing().await;
        let mut connection = self.storage().connection().await?;
        let waiting = audit::unanchored(&mut connection, self.tenant()).await?;
        drop(connection);
        let Some((head, batch)) = waiting else { return Ok(None) };
        let (kind, root) = (batch.kind, batch.root);
        let evidence = EvidenceBatch {
            kind,
            policy_version: batch.policy_version,
            root,
            leaf_count: batch.leaf_count,
        };
        match self.registry().anchor_evidence(self.keys().account(), &evidence).await {
            Err(LedgerError::Reverted { name }) if name == "AlreadyAnchored" => {}
            outcome => outcome?,
        }
        let record = self.registry().evidence(self.keys().address(), &kind, &root).await?;
        let record = record.ok_or(LedgerError::Malformed("evidence that was anchored is not"))?;
        let (batch, anchored_at) = (record.sequence, record.anchored_at);
        let anchor = Anchor { head, root, batch, anchored_at };
        let mut connection = self.storage().connection().await?;
        audit::record_anchor(&mut connection, self.tenant(), &anchor).await?;
        Ok(Some(anchor))
    }
}
