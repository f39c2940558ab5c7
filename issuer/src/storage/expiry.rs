//! Notices of credentials whose end is near.

use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Storage;
use crate::IssuerError;
use crate::expiry::ExpiryNotice;
use crate::record::CredentialId;

impl Storage {
    /// Adds a notice of `days` for each active credential that ends within a span, both ends
    /// included, Unix seconds. Returns how many are new.
    pub(crate) async fn notice_ends(
        &self,
        days: u16,
        (from, until): (u64, u64),
        now: u64,
    ) -> Result<u64, IssuerError> {
        let inserted = sqlx::query(
            "INSERT INTO expiry_notices (tenant, credential_id, days, noticed_at)
             SELECT tenant, id, $1, $2 FROM credentials
             WHERE tenant = $3 AND state = 'active' AND valid_until >= $4 AND valid_until <= $5
             ON CONFLICT DO NOTHING",
        )
        .bind(i64::from(days))
        .bind(seconds(now))
        .bind(self.tenant.as_str())
        .bind(seconds(from))
        .bind(seconds(until))
        .execute(self.pool())
        .await?;
        Ok(inserted.rows_affected())
    }

    /// Open notices of active credentials, the nearest end first, at most so many: of each
    /// credential the one with the fewest days.
    pub(crate) async fn open_notices(&self, limit: u32) -> Result<Vec<ExpiryNotice>, IssuerError> {
        let rows = sqlx::query(
            "SELECT credential_id, MIN(days) AS days, valid_until FROM expiry_notices
             JOIN credentials ON credentials.tenant = expiry_notices.tenant AND id = credential_id
             WHERE expiry_notices.tenant = $1 AND acknowledged_at IS NULL AND state = 'active'
             GROUP BY credential_id, valid_until ORDER BY valid_until, credential_id LIMIT $2",
        )
        .bind(self.tenant.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        let read = |row: &AnyRow| {
            let id: String = row.try_get("credential_id")?;
            Ok(ExpiryNotice {
                id: id.parse().map_err(|_| IssuerError::corrupt("an id"))?,
                days: unsigned(row.try_get("days")?, "a number of days")?,
                valid_until: unsigned(row.try_get("valid_until")?, "a time")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Closes the notices of a credential, on somebody's behalf. Returns whether one was open.
    pub(crate) async fn acknowledge(
        &self,
        actor: &Actor,
        id: CredentialId,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let updated = sqlx::query(
            "UPDATE expiry_notices SET acknowledged_at = $1, acknowledged_by = $2
             WHERE tenant = $3 AND credential_id = $4 AND acknowledged_at IS NULL",
        )
        .bind(seconds(at))
        .bind(&actor.name)
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        let object = id.to_string();
        let action = "expiry.acknowledge";
        let event = audit::Event { actor, action, object: Some(&object), details: &[] };
        audit::append(&mut transaction, &self.tenant, at, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
