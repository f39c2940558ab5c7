//! Imports, while a worker is at them.

use attestry_credential::roster::Record;
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, TenantId, audit};
use sqlx::{AnyConnection, Row};

use super::read;
use crate::IssuerError;
use crate::intake::{Counts, Import, ImportId, ImportState, Outcome, Planned};
use crate::record::CredentialId;
use crate::storage::Storage;

/// A record all of whose rows are done.
pub(crate) struct DoneRecord {
    pub(crate) number: u64,
    /// What is kept of it because a row failed.
    pub(crate) kept: Option<String>,
}

/// A row that is done, other than by a new credential.
pub(crate) struct DoneRow {
    pub(crate) number: u64,
    pub(crate) item: u64,
    pub(crate) line: u64,
    pub(crate) outcome: Outcome,
    /// Column or path, and rule.
    pub(crate) fault: Option<(String, String)>,
    pub(crate) credential: Option<CredentialId>,
}

impl Storage {
    /// Gives the oldest import that nobody is at to a worker, until a time.
    pub(crate) async fn claim_import(
        &self,
        worker: &str,
        now: u64,
        until: u64,
    ) -> Result<Option<Import>, IssuerError> {
        loop {
            let found = "SELECT id FROM imports
                         WHERE tenant = $1 AND state IN ('waiting', 'running') AND leased_until < $2
                         ORDER BY created_at, id LIMIT 1";
            let found = sqlx::query(found)
                .bind(self.tenant.as_str())
                .bind(seconds(now))
                .fetch_optional(self.pool())
                .await?;
            let Some(found) = found else { return Ok(None) };
            let claimed = sqlx::query(
                "UPDATE imports SET state = 'running', worker = $1, leased_until = $2
                 WHERE tenant = $3 AND id = $4 AND state IN ('waiting', 'running')
                     AND leased_until < $5
                 RETURNING *",
            )
            .bind(worker)
            .bind(seconds(until))
            .bind(self.tenant.as_str())
            .bind(found.try_get::<String, _>("id")?)
            .bind(seconds(now))
            .fetch_optional(self.pool())
            .await?;
            if let Some(claimed) = claimed {
                return read(&claimed).map(Some);
            }
        }
    }

    /// Lets go of an import that broke off, to be taken on again after a time.
    pub(crate) async fn release_import(
        &self,
        id: ImportId,
        worker: &str,
        after: u64,
    ) -> Result<(), IssuerError> {
        sqlx::query(
            "UPDATE imports SET worker = NULL, leased_until = $1, failures = failures + 1
             WHERE tenant = $2 AND id = $3 AND worker = $4",
        )
        .bind(seconds(after))
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .bind(worker)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The first records that are not done, and their numbers.
    pub(crate) async fn open_records(
        &self,
        id: ImportId,
        limit: u32,
    ) -> Result<Vec<(u64, Record)>, IssuerError> {
        let sql = "SELECT number, line, content FROM import_records
                   WHERE tenant = $1 AND import_id = $2 AND failed = 0 ORDER BY number LIMIT $3";
        let rows = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                let line = unsigned(row.try_get("line")?, "a line")?;
                let record = Record { line, text: row.try_get("content")? };
                Ok((unsigned(row.try_get("number")?, "a record")?, record))
            })
            .collect()
    }

    /// What a row of this key has become: the hash of what it stated, and the credential.
    pub(crate) async fn imported(
        &self,
        key: &[u8; 32],
    ) -> Result<Option<([u8; 32], CredentialId)>, IssuerError> {
        let sql = "SELECT content_hash, credential_id FROM imported
                   WHERE tenant = $1 AND key_hash = $2";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(hex::encode(key))
            .fetch_optional(self.pool())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let mut content = [0; 32];
        hex::decode_to_slice(row.try_get::<String, _>("content_hash")?, &mut content)
            .map_err(|_| IssuerError::corrupt("a hash"))?;
        let id = row.try_get::<String, _>("credential_id")?.parse();
        Ok(Some((content, id.map_err(|_| IssuerError::corrupt("an id"))?)))
    }

    /// Notes what is done, destroys its records, and gives the worker more time. Returns whether
    /// the import is still that worker's; otherwise nothing is noted.
    pub(crate) async fn keep_done(
        &self,
        id: ImportId,
        worker: &str,
        until: u64,
        records: &[DoneRecord],
        rows: &[DoneRow],
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let held = sqlx::query(
            "UPDATE imports SET leased_until = $1, done = done + $2, failures = 0
             WHERE tenant = $3 AND id = $4 AND worker = $5 AND state = 'running'",
        )
        .bind(seconds(until))
        .bind(seconds(records.len() as u64))
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .bind(worker)
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Ok(false);
        }
        let mut counts = Counts::default();
        for row in rows {
            if insert_row(&mut transaction, &self.tenant, id, row).await? {
                match row.outcome {
                    Outcome::Unchanged => counts.unchanged += 1,
                    Outcome::Failed => counts.failed += 1,
                    Outcome::Issued | Outcome::Renewed => {}
                }
            }
        }
        sqlx::query(
            "UPDATE imports SET unchanged = unchanged + $1, failed = failed + $2
             WHERE tenant = $3 AND id = $4",
        )
        .bind(seconds(counts.unchanged))
        .bind(seconds(counts.failed))
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        for record in records {
            let query = match &record.kept {
                Some(kept) => sqlx::query(
                    "UPDATE import_records SET failed = 1, content = $4
                     WHERE tenant = $1 AND import_id = $2 AND number = $3",
                )
                .bind(self.tenant.as_str())
                .bind(id.to_string())
                .bind(seconds(record.number))
                .bind(kept),
                None => sqlx::query(
                    "DELETE FROM import_records
                     WHERE tenant = $1 AND import_id = $2 AND number = $3",
                )
                .bind(self.tenant.as_str())
                .bind(id.to_string())
                .bind(seconds(record.number)),
            };
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends an import, if it has not ended and, where a worker is named, is that worker's. Records
    /// that are not done are destroyed, and its request may be made again unless all was done.
    pub(crate) async fn end_import(
        &self,
        actor: &Actor,
        id: ImportId,
        state: ImportState,
        worker: Option<&str>,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let ended = sqlx::query(
            "UPDATE imports SET state = $1, ended_at = $2, worker = NULL
             WHERE tenant = $3 AND id = $4 AND state IN ('waiting', 'running')
                 AND ($5 = '' OR worker = $5)
             RETURNING *",
        )
        .bind(state.word())
        .bind(seconds(at))
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .bind(worker.unwrap_or_default())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(ended) = ended else { return Ok(false) };
        let import = read(&ended)?;
        let records = "DELETE FROM import_records
                       WHERE tenant = $1 AND import_id = $2 AND failed = 0";
        let requests = "DELETE FROM import_requests WHERE tenant = $1 AND import_id = $2";
        let statements =
            if state == ImportState::Finished { &[records][..] } else { &[records, requests][..] };
        for sql in statements {
            sqlx::query(*sql)
                .bind(self.tenant.as_str())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        let Counts { issued, renewed, unchanged, failed } = import.counts;
        let details = [
            ("state", state.to_string()),
            ("issued", issued.to_string()),
            ("renewed", renewed.to_string()),
            ("unchanged", unchanged.to_string()),
            ("failed", failed.to_string()),
        ];
        let object = id.to_string();
        let action = "import.end";
        let event = audit::Event { actor, action, object: Some(&object), details: &details };
        audit::append(&mut transaction, &self.tenant, at, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Notes the row for which a credential is issued, and what the row has become, in the
/// credential's transaction. Returns false if the import is another worker's or has ended, or the
/// row has become something else in the meantime.
pub(in crate::storage) async fn keep_row(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    row: &Planned<'_>,
    credential: CredentialId,
) -> Result<bool, IssuerError> {
    let taken = match row.before {
        None => sqlx::query(
            "INSERT INTO imported (tenant, key_hash, content_hash, credential_id)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        ),
        Some(_) => sqlx::query(
            "UPDATE imported SET content_hash = $3, credential_id = $4
             WHERE tenant = $1 AND key_hash = $2 AND credential_id = $5",
        ),
    };
    let mut taken = taken
        .bind(tenant.as_str())
        .bind(hex::encode(row.key))
        .bind(hex::encode(row.content))
        .bind(credential.to_string());
    if let Some(before) = row.before {
        taken = taken.bind(before.to_string());
    }
    if taken.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let renews = i64::from(row.before.is_some());
    let counted = sqlx::query(
        "UPDATE imports SET issued = issued + $1, renewed = renewed + $2
         WHERE tenant = $3 AND id = $4 AND worker = $5 AND state = 'running'",
    )
    .bind(1 - renews)
    .bind(renews)
    .bind(tenant.as_str())
    .bind(row.import.to_string())
    .bind(row.worker)
    .execute(&mut *connection)
    .await?;
    if counted.rows_affected() == 0 {
        return Ok(false);
    }
    let outcome = if row.before.is_some() { Outcome::Renewed } else { Outcome::Issued };
    let done = DoneRow {
        number: row.number,
        item: row.item,
        line: row.line,
        outcome,
        fault: None,
        credential: Some(credential),
    };
    insert_row(connection, tenant, row.import, &done).await
}

/// Notes a row. Returns whether it was not noted yet.
async fn insert_row(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    import: ImportId,
    row: &DoneRow,
) -> Result<bool, IssuerError> {
    let (place, rule) = row.fault.as_ref().map(|(place, rule)| (place, rule)).unzip();
    let inserted = sqlx::query(
        "INSERT INTO import_rows (tenant, import_id, number, item, line, outcome, place, rule,
             credential_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(tenant.as_str())
    .bind(import.to_string())
    .bind(seconds(row.number))
    .bind(seconds(row.item))
    .bind(seconds(row.line))
    .bind(row.outcome.word())
    .bind(place.cloned())
    .bind(rule.cloned())
    .bind(row.credential.map(|id| id.to_string()))
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
