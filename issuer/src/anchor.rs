//! The head of the audit log on the ledger: from then on nobody can be shown another past.

use attestry_ledger::EvidenceBatch;
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
        let evidence = EvidenceBatch {
            kind: batch.kind,
            policy_version: batch.policy_version,
            root: batch.root,
            leaf_count: batch.leaf_count,
        };
        let account = self.keys().account();
        let record = self.registry().ensure_evidence(account, &evidence).await?;
        let (batch, anchored_at) = (record.sequence, record.anchored_at);
        let anchor = Anchor { head, root: evidence.root, batch, anchored_at };
        let mut connection = self.storage().connection().await?;
        audit::record_anchor(&mut connection, self.tenant(), &anchor).await?;
        Ok(Some(anchor))
    }
}
