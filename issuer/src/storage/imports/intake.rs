//! Imports, while their file is being received or sent again.

use attestry_credential::roster::Record;
use attestry_service::audit;
use attestry_service::database::seconds;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::schema_number;
use crate::IssuerError;
use crate::intake::{Import, ImportId};
use crate::storage::{Idempotency, Storage};

/// Records of one statement: each is five of the parameters, of which a database takes 32,766.
const RECORDS: usize = 100;

impl Storage {
    /// Keeps a new import, whose file is given up at a time unless it has been accepted.
    pub(crate) async fn begin_import(
        &self,
        import: &Import,
        until: u64,
    ) -> Result<(), IssuerError> {
        insert(&mut *self.pool().acquire().await?, self, import, until).await
    }

    /// Adds records after those that are there already.
    pub(crate) async fn add_records(
        &self,
        id: ImportId,
        there: u64,
        records: &[Record],
    ) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        let mut number = there;
        for records in records.chunks(RECORDS) {
            let places = (0..records.len()).map(|row| {
                let first = row * 3 + 2;
                format!("($1, $2, ${}, ${}, ${}, 0)", first + 1, first + 2, first + 3)
            });
            let places: Vec<String> = places.collect();
            let sql = format!(
                "INSERT INTO import_records (tenant, import_id, number, line, content, failed)
                 VALUES {}",
                places.join(", ")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            query = query.bind(self.tenant.as_str()).bind(id.to_string());
            for record in records {
                number += 1;
                query = query.bind(seconds(number)).bind(seconds(record.line)).bind(&record.text);
            }
            query.execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Takes up an import whose file is complete, unless the same request took up another before,
    /// which is given back.
    pub(crate) async fn accept_import(
        &self,
        import: &Import,
        request: &Idempotency,
    ) -> Result<Option<ImportId>, IssuerError> {
        let mut transaction = self.write().await?;
        if !self.name_import(&mut transaction, import.id, request).await? {
            transaction.rollback().await?;
            return self.import_of(request).await.map(Some);
        }
        let accepted = sqlx::query(
            "UPDATE imports SET state = 'waiting', leased_until = 0, records = $1, header = $2
             WHERE tenant = $3 AND id = $4 AND state = 'receiving'",
        )
        .bind(seconds(import.records))
        .bind(import.header.as_deref())
        .bind(self.tenant.as_str())
        .bind(import.id.to_string())
        .execute(&mut *transaction)
        .await?;
        if accepted.rows_affected() == 0 {
            // It took so long that it was given up.
            return Err(IssuerError::UnknownImport);
        }
        self.audit_begin(&mut transaction, import).await?;
        transaction.commit().await?;
        Ok(None)
    }

    /// Forgets a file that is not complete.
    pub(crate) async fn abandon_import(&self, id: ImportId) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        let records = "DELETE FROM import_records WHERE tenant = $1 AND import_id IN
            (SELECT id FROM imports WHERE tenant = $1 AND id = $2 AND state = 'receiving')";
        let import = "DELETE FROM imports WHERE tenant = $1 AND id = $2 AND state = 'receiving'";
        for sql in [records, import] {
            sqlx::query(sql)
                .bind(self.tenant.as_str())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Starts an import of the records of which a row failed; gives the one that was started
    /// before, and whether there was one.
    pub(crate) async fn rerun_import(
        &self,
        old: ImportId,
        request: &Idempotency,
        new: &Import,
    ) -> Result<(ImportId, bool), IssuerError> {
        let mut transaction = self.write().await?;
        insert(&mut transaction, self, new, 0).await?;
        if !self.name_import(&mut transaction, new.id, request).await? {
            transaction.rollback().await?;
            return Ok((self.import_of(request).await?, true));
        }
        let copied = sqlx::query(
            "INSERT INTO import_records (tenant, import_id, number, line, content, failed)
             SELECT tenant, $1, number, line, content, 0 FROM import_records
             WHERE tenant = $2 AND import_id = $3 AND failed = 1",
        )
        .bind(new.id.to_string())
        .bind(self.tenant.as_str())
        .bind(old.to_string())
        .execute(&mut *transaction)
        .await?;
        if copied.rows_affected() == 0 {
            return Err(IssuerError::NothingToRerun);
        }
        let records = copied.rows_affected();
        sqlx::query("UPDATE imports SET records = $1 WHERE tenant = $2 AND id = $3")
            .bind(seconds(records))
            .bind(self.tenant.as_str())
            .bind(new.id.to_string())
            .execute(&mut *transaction)
            .await?;
        let new = Import { records, ..new.clone() };
        self.audit_begin(&mut transaction, &new).await?;
        transaction.commit().await?;
        Ok((new.id, false))
    }

    async fn audit_begin(
        &self,
        connection: &mut AnyConnection,
        import: &Import,
    ) -> Result<(), IssuerError> {
        let object = import.id.to_string();
        let mut details =
            vec![("form", import.form.to_string()), ("records", import.records.to_string())];
        details.extend(import.schema.map(|schema| ("schema", schema.type_name().to_owned())));
        let event = audit::Event {
            actor: &import.actor,
            action: "import.begin",
            object: Some(&object),
            details: &details,
        };
        audit::append(connection, &self.tenant, import.created_at, &event).await?;
        Ok(())
    }

    /// Takes a request's key for an import. Returns whether it was free.
    async fn name_import(
        &self,
        connection: &mut AnyConnection,
        id: ImportId,
        request: &Idempotency,
    ) -> Result<bool, IssuerError> {
        let inserted = sqlx::query(
            "INSERT INTO import_requests (tenant, key_hash, request_hash, import_id)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.as_str())
        .bind(hex::encode(request.key))
        .bind(hex::encode(request.request))
        .bind(id.to_string())
        .execute(connection)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// The import that a request's key stands for.
    async fn import_of(&self, request: &Idempotency) -> Result<ImportId, IssuerError> {
        let sql = "SELECT request_hash, import_id FROM import_requests
                   WHERE tenant = $1 AND key_hash = $2";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(hex::encode(request.key))
            .fetch_one(self.pool())
            .await?;
        if row.try_get::<String, _>("request_hash")? != hex::encode(request.request) {
            return Err(IssuerError::IdempotencyKeyReused);
        }
        let id: String = row.try_get("import_id")?;
        id.parse().map_err(|_| IssuerError::corrupt("an id"))
    }
}

async fn insert(
    connection: &mut AnyConnection,
    storage: &Storage,
    import: &Import,
    until: u64,
) -> Result<(), IssuerError> {
    sqlx::query(
        "INSERT INTO imports (tenant, id, form, schema, header, state, actor, request_id,
             created_at, leased_until, failures, records, done, issued, renewed, unchanged, failed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0, 0, 0, 0)",
    )
    .bind(storage.tenant.as_str())
    .bind(import.id.to_string())
    .bind(import.form.word())
    .bind(schema_number(import.schema))
    .bind(import.header.as_deref())
    .bind(import.state.word())
    .bind(&import.actor.name)
    .bind(import.actor.request_id.as_deref())
    .bind(seconds(import.created_at))
    .bind(seconds(until))
    .execute(connection)
    .await?;
    Ok(())
}
