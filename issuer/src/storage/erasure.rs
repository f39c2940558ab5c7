//! Destroys what credentials say.

use attestry_circuits::HolderCommitment;
use attestry_service::{Actor, audit};
use sqlx::Row;

use super::Storage;
use super::credentials::{Change, apply, read};
use crate::IssuerError;
use crate::record::{CredentialId, CredentialRecord, Reason, State};

/// Tables with rows of a credential that say something of its subject.
const DETAILS: [&str; 2] = [
    "DELETE FROM search_terms WHERE tenant = $1 AND credential_id = $2",
    "DELETE FROM consents WHERE tenant = $1 AND credential_id = $2",
];

impl Storage {
    /// All credentials of a holder whose content is there.
    pub(crate) async fn held_by(
        &self,
        holder: HolderCommitment,
    ) -> Result<Vec<CredentialId>, IssuerError> {
        let sql = "SELECT id FROM credentials WHERE tenant = $1 AND holder = $2 ORDER BY id";
        let rows = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(holder.to_string())
            .fetch_all(self.pool())
            .await?;
        let id = |text: String| text.parse().map_err(|_| IssuerError::corrupt("an id"));
        rows.iter().map(|row| id(row.try_get("id")?)).collect()
    }

    /// Destroys what a credential says, its salt and what it is found by, and bars it if it was
    /// not barred. Returns whether there was anything left to destroy.
    pub(crate) async fn erase(
        &self,
        actor: &Actor,
        id: CredentialId,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let erased = sqlx::query(
            "UPDATE credentials SET document = NULL, subject = NULL, holder = NULL, salt = NULL,
                 attestation = NULL
             WHERE tenant = $1 AND id = $2 AND document IS NOT NULL RETURNING *",
        )
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = erased else { return Ok(false) };
        for sql in DETAILS {
            sqlx::query(sql)
                .bind(self.tenant.as_str())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        // The hash of a request could be tried against guesses of what was asked.
        sqlx::query(
            "UPDATE idempotency_keys SET request_hash = 'erased'
             WHERE tenant = $1 AND credential_id = $2",
        )
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        let record: CredentialRecord = read(&row)?;
        if !record.state.is_barred() {
            let change = Change {
                action: "credential.revoke",
                to: State::Revoked,
                reason: Reason::HolderRequest,
                actor,
                at,
                superseded_by: None,
            };
            apply(&mut transaction, &self.tenant, &record, &change).await?;
        }
        let object = id.to_string();
        let action = "credential.erase";
        let event = audit::Event { actor, action, object: Some(&object), details: &[] };
        audit::append(&mut transaction, &self.tenant, at, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
