//! What is left of imports: rows that failed, and the records of which one did.

use attestry_service::database::{seconds, unsigned};
use sqlx::Row;

use crate::IssuerError;
use crate::intake::{FailedRow, ImportId};
use crate::storage::Storage;

impl Storage {
    /// In the order of the file.
    pub(crate) async fn failed_rows(
        &self,
        id: ImportId,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<FailedRow>, IssuerError> {
        let sql = "SELECT line, place, rule FROM import_rows
                   WHERE tenant = $1 AND import_id = $2 AND outcome = 'failed'
                   ORDER BY number, item LIMIT $3 OFFSET $4";
        let rows = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .bind(i64::from(limit))
            .bind(seconds(skip))
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(FailedRow {
                    line: unsigned(row.try_get("line")?, "a line")?,
                    place: row.try_get::<Option<String>, _>("place")?.unwrap_or_default(),
                    rule: row.try_get::<Option<String>, _>("rule")?.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// The records of which a row failed, as they are kept.
    pub(crate) async fn failed_records(&self, id: ImportId) -> Result<Vec<String>, IssuerError> {
        let sql = "SELECT content FROM import_records
                   WHERE tenant = $1 AND import_id = $2 AND failed = 1 ORDER BY number";
        let rows = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(row.try_get("content")?)).collect()
    }

    /// Destroys the records of which a row failed.
    pub(crate) async fn discard_failed(&self, id: ImportId) -> Result<(), IssuerError> {
        let sql = "DELETE FROM import_records WHERE tenant = $1 AND import_id = $2 AND failed = 1";
        sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Clears away files that never came whole, and what is kept of imports that ended before a
    /// time.
    pub(crate) async fn clear_imports(&self, now: u64, ended: u64) -> Result<(), IssuerError> {
        let sql = "SELECT id FROM imports
                   WHERE tenant = $1 AND state = 'receiving' AND leased_until < $2";
        let given_up = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(seconds(now))
            .fetch_all(self.pool())
            .await?;
        for row in given_up {
            let id = row.try_get::<String, _>("id")?.parse();
            self.abandon_import(id.map_err(|_| IssuerError::corrupt("an id"))?).await?;
        }
        let records = "DELETE FROM import_records WHERE tenant = $1 AND import_id IN
            (SELECT id FROM imports WHERE tenant = $1 AND ended_at < $2)";
        let requests = "DELETE FROM import_requests WHERE tenant = $1 AND import_id IN
            (SELECT id FROM imports WHERE tenant = $1 AND ended_at < $2)";
        for sql in [records, requests] {
            sqlx::query(sql)
                .bind(self.tenant.as_str())
                .bind(seconds(ended))
                .execute(self.pool())
                .await?;
        }
        Ok(())
    }
}
