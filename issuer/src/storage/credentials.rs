//! Credentials, their changes of state and idempotency keys.

use attestry_circuits::{HolderCommitment, SchemaId};
use attestry_credential::schema::Schema;
use attestry_ledger::EntryIndex;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Storage, list_id, seconds, unsigned};
use crate::IssuerError;
use crate::record::{CredentialId, CredentialRecord, Reason, State};

/// A caller's key and the request that it came with, both hashed (SHA-256).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idempotency {
    pub(crate) key: [u8; 32],
    pub(crate) request: [u8; 32],
}

/// What became of a new credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is kept.
    New,
    /// The same request came before and made this one.
    Before(CredentialId),
    /// Its status index was taken in the meantime.
    IndexTaken,
    /// The credential that it was to replace has changed in the meantime.
    Outdated,
}

/// A change of a credential's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) to: State,
    pub(crate) reason: Reason,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) superseded_by: Option<CredentialId>,
}

impl Storage {
    pub(crate) async fn credential(
        &self,
        id: CredentialId,
    ) -> Result<CredentialRecord, IssuerError> {
        sqlx::query("SELECT * FROM credentials WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?
            .ok_or(IssuerError::UnknownCredential)
            .and_then(|row| read(&row))
    }

    /// Keeps a new credential with its status entry, and supersedes another with it if asked to:
    /// all or nothing.
    pub(crate) async fn insert(
        &self,
        record: &CredentialRecord,
        supersedes: Option<&CredentialRecord>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Stored, IssuerError> {
        let mut transaction = self.write().await?;
        if let Some(idempotency) = idempotency
            && let Some(before) = used(&mut transaction, idempotency).await?
        {
            return Ok(Stored::Before(before));
        }
        insert_credential(&mut transaction, record).await?;
        let entry = sqlx::query(
            "INSERT INTO status_entries (list_id, status_index, credential_id, bit, published)
             VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(list_id(record.list))
        .bind(i64::from(record.status_index))
        .bind(record.id.to_string())
        .execute(&mut *transaction)
        .await?;
        if entry.rows_affected() == 0 {
            return Ok(Stored::IndexTaken);
        }
        if let Some(old) = supersedes {
            let change = Change {
                to: State::Superseded,
                reason: Reason::Renewal,
                at: record.issued_at,
                superseded_by: Some(record.id),
            };
            if !apply(&mut transaction, old, &change).await? {
                return Ok(Stored::Outdated);
            }
        }
        if let Some(idempotency) = idempotency {
            sqlx::query(
                "INSERT INTO idempotency_keys (key_hash, request_hash, credential_id, used_at)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(hex::encode(idempotency.key))
            .bind(hex::encode(idempotency.request))
            .bind(record.id.to_string())
            .bind(seconds(record.issued_at))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(Stored::New)
    }

    /// The credential that this request made before.
    pub(crate) async fn issued_for(
        &self,
        idempotency: &Idempotency,
    ) -> Result<Option<CredentialId>, IssuerError> {
        used(&mut *self.pool.acquire().await?, idempotency).await
    }

    /// Changes a credential's state, if it still is as it was read; with its status flip, if the
    /// change causes one. Returns whether it was.
    pub(crate) async fn change(
        &self,
        read: &CredentialRecord,
        change: &Change,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let applied = apply(&mut transaction, read, change).await?;
        transaction.commit().await?;
        Ok(applied)
    }
}

async fn used(
    connection: &mut SqliteConnection,
    idempotency: &Idempotency,
) -> Result<Option<CredentialId>, IssuerError> {
    let row =
        sqlx::query("SELECT request_hash, credential_id FROM idempotency_keys WHERE key_hash = $1")
            .bind(hex::encode(idempotency.key))
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<String, _>("request_hash")? != hex::encode(idempotency.request) {
        return Err(IssuerError::IdempotencyKeyReused);
    }
    read_id(&row, "credential_id").map(Some)
}

async fn insert_credential(
    connection: &mut SqliteConnection,
    record: &CredentialRecord,
) -> Result<(), IssuerError> {
    sqlx::query(
        "INSERT INTO credentials (id, schema, subject, holder, salt, list_id, status_index, valid_from,
             valid_until, issued_at, state, version, superseded_by, verifiable_credential, attestation)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $13, $14)",
    )
    .bind(record.id.to_string())
    .bind(i64::from(record.schema.id().as_u32()))
    .bind(record.subject.to_string())
    .bind(record.holder.to_string())
    .bind(hex::encode(record.salt))
    .bind(list_id(record.list))
    .bind(i64::from(record.status_index))
    .bind(seconds(record.valid_from))
    .bind(seconds(record.valid_until))
    .bind(seconds(record.issued_at))
    .bind(record.state.word())
    .bind(i64::from(record.version))
    .bind(record.verifiable_credential.to_string())
    .bind(record.attestation.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// The change, its reason and, if the bit differs, the flip and its place in the outbox.
async fn apply(
    connection: &mut SqliteConnection,
    read: &CredentialRecord,
    change: &Change,
) -> Result<bool, IssuerError> {
    let version = i64::from(read.version) + 1;
    let updated = sqlx::query(
        "UPDATE credentials SET state = $1, version = $2, superseded_by = $3
         WHERE id = $4 AND version = $5",
    )
    .bind(change.to.word())
    .bind(version)
    .bind(change.superseded_by.map(|id| id.to_string()))
    .bind(read.id.to_string())
    .bind(i64::from(read.version))
    .execute(&mut *connection)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO changes (credential_id, version, state, reason, changed_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(read.id.to_string())
    .bind(version)
    .bind(change.to.word())
    .bind(change.reason.word())
    .bind(seconds(change.at))
    .execute(&mut *connection)
    .await?;
    if read.state.is_barred() == change.to.is_barred() {
        return Ok(true);
    }
    let bit = i64::from(change.to.is_barred());
    sqlx::query("UPDATE status_entries SET bit = $1 WHERE list_id = $2 AND status_index = $3")
        .bind(bit)
        .bind(list_id(read.list))
        .bind(i64::from(read.status_index))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO outbox (credential_id, version, list_id, status_index, bit, queued_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(read.id.to_string())
    .bind(version)
    .bind(list_id(read.list))
    .bind(i64::from(read.status_index))
    .bind(bit)
    .bind(seconds(change.at))
    .execute(connection)
    .await?;
    Ok(true)
}

fn read_id(row: &SqliteRow, column: &str) -> Result<CredentialId, IssuerError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| IssuerError::Corrupt("an id"))
}

fn read(row: &SqliteRow) -> Result<CredentialRecord, IssuerError> {
    let corrupt = IssuerError::Corrupt;
    let text = |column: &str| row.try_get::<String, _>(column);
    let number = |column: &str| row.try_get::<i64, _>(column);
    let json = |column: &str| -> Result<Value, IssuerError> {
        serde_json::from_str(&text(column)?).map_err(|_| corrupt("a document"))
    };
    let time = |column: &str| unsigned::<u64>(number(column)?, "a time");
    let mut salt = [0; 16];
    hex::decode_to_slice(text("salt")?, &mut salt).map_err(|_| corrupt("a salt"))?;
    let schema = SchemaId::from_u32(unsigned(number("schema")?, "a schema")?);
    Ok(CredentialRecord {
        id: read_id(row, "id")?,
        schema: Schema::from_id(schema).ok_or(corrupt("a schema"))?,
        subject: json("subject")?,
        holder: text("holder")?.parse::<HolderCommitment>().map_err(|_| corrupt("a holder"))?,
        salt,
        list: EntryIndex::from(unsigned::<u32>(number("list_id")?, "a list")?),
        status_index: unsigned(number("status_index")?, "a status index")?,
        valid_from: time("valid_from")?,
        valid_until: time("valid_until")?,
        issued_at: time("issued_at")?,
        state: State::from_word(&text("state")?).ok_or(corrupt("a state"))?,
        version: unsigned(number("version")?, "a version")?,
        superseded_by: match row.try_get::<Option<String>, _>("superseded_by")? {
            Some(id) => Some(id.parse().map_err(|_| corrupt("an id"))?),
            None => None,
        },
        verifiable_credential: json("verifiable_credential")?,
        attestation: json("attestation")?,
    })
}
