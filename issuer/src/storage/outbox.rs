//! The outbox: status flips that the ledger is still to hear of.

use attestry_service::database::{seconds, unsigned};
use sqlx::Row;

use super::Storage;
use crate::IssuerError;
use crate::record::ListId;

/// A change of state whose bit the ledger is still to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    credential_id: String,
    version: i64,
    pub(crate) status_index: u32,
    /// The bit after the change.
    pub(crate) bit: bool,
}

/// A bit as the ledger has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flip {
    pub(crate) status_index: u32,
    pub(crate) bit: bool,
}

impl Storage {
    /// What is pending for a list, in the order of change of each credential.
    pub(crate) async fn pending(&self, list: ListId) -> Result<Vec<Pending>, IssuerError> {
        let rows = sqlx::query(
            "SELECT credential_id, version, status_index, bit FROM outbox
             WHERE tenant = $1 AND list_id = $2 AND published_at IS NULL ORDER BY credential_id, version",
        )
        .bind(self.tenant.as_str())
        .bind(list.to_string())
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Pending {
                    credential_id: row.try_get("credential_id")?,
                    version: row.try_get("version")?,
                    status_index: unsigned(row.try_get("status_index")?, "a status index")?,
                    bit: row.try_get::<i64, _>("bit")? != 0,
                })
            })
            .collect()
    }

    /// How many changes are pending, over all lists.
    pub(crate) async fn pending_count(&self) -> Result<u64, IssuerError> {
        let sql = "SELECT COUNT(*) AS pending FROM outbox
                   WHERE tenant = $1 AND published_at IS NULL";
        let row = sqlx::query(sql).bind(self.tenant.as_str()).fetch_one(self.pool()).await?;
        Ok(unsigned(row.try_get("pending")?, "a count")?)
    }

    /// Notes what the ledger has been told: flips made, and changes that need no more.
    pub(crate) async fn mark_published(
        &self,
        list: ListId,
        flips: &[Flip],
        done: &[&Pending],
        at: u64,
    ) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        for flip in flips {
            sqlx::query(
                "UPDATE status_entries SET published = $1
                 WHERE tenant = $2 AND list_id = $3 AND status_index = $4",
            )
            .bind(i64::from(flip.bit))
            .bind(self.tenant.as_str())
            .bind(list.to_string())
            .bind(i64::from(flip.status_index))
            .execute(&mut *transaction)
            .await?;
        }
        for pending in done {
            sqlx::query(
                "UPDATE outbox SET published_at = $1
                 WHERE tenant = $2 AND credential_id = $3 AND version = $4",
            )
            .bind(seconds(at))
            .bind(self.tenant.as_str())
            .bind(&pending.credential_id)
            .bind(pending.version)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
