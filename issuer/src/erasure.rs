//! Erasure of a subject: what credentials say of it and their salts are destroyed.
//!
//! What stays names nobody: ids, states, times and status indices, so that the status lists, the
//! ledger and the audit log remain whole. What was attested cannot be told from the ledger: its
//! claims are hashed under the salt that is gone.

use attestry_service::Actor;

use crate::record::CredentialId;
use crate::{Issuer, IssuerError};

impl Issuer {
    /// Erases the subject of a credential: all credentials of its holder, each barred from the
    /// next publication on. Once more changes nothing. Returns what was erased.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Database`].
    pub async fn erase(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<Vec<CredentialId>, IssuerError> {
        let record = self.credential(id).await?;
        let attested = record.content.as_ref().and_then(|content| content.attested.as_ref());
        let mut found = match attested {
            Some(attested) => self.storage().held_by(attested.holder).await?,
            None => vec![id],
        };
        // The named one comes last: until then the others are found by it, should this be broken
        // off.
        found.retain(|other| *other != id);
        found.push(id);
        let mut erased = Vec::new();
        for id in found {
            if self.storage().erase(actor, id, self.now()).await? {
                erased.push(id);
            }
        }
        tracing::info!(count = erased.len(), "credentials erased");
        Ok(erased)
    }
}
