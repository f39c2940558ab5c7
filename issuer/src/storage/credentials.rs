//! Credentials, their changes of state and idempotency keys.

use attestry_circuits::HolderCommitment;
use attestry_credential::schema::Subject;
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, TenantId, audit};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use super::consents::insert_consent;
use super::epochs::{epoch, has_ended};
use super::imports::keep_row;
use super::search::{insert_terms, schema};
use crate::IssuerError;
use crate::intake::Planned;
use crate::record::{Attested, Content, CredentialId, CredentialRecord, ListId, Reason, State};
use crate::search::Term;

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
    /// The epoch of the keys that signed it has ended in the meantime.
    EpochEnded,
    /// The row of an import that it is for was done, or its import taken over, in the meantime.
    Elsewhere,
}

/// A credential that is to be kept.
#[derive(Clone)]
pub(crate) struct Insertion<'a> {
    pub(crate) record: &'a CredentialRecord,
    /// What is attested of its subject.
    pub(crate) subject: Option<&'a Subject>,
    /// What it will be found by.
    pub(crate) terms: Vec<Term>,
    /// Who issues it.
    pub(crate) actor: &'a Actor,
    pub(crate) supersedes: Option<&'a CredentialRecord>,
    pub(crate) idempotency: Option<&'a Idempotency>,
    /// The row of an import that it is for.
    pub(crate) row: Option<&'a Planned<'a>>,
}

/// Where a credential stands: what a change of its state is made on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) id: CredentialId,
    pub(crate) list: ListId,
    pub(crate) status_index: u32,
    pub(crate) state: State,
    pub(crate) version: u32,
}

impl Standing {
    pub(crate) const COLUMNS: &str = "id, list_id, status_index, state, version";

    pub(crate) fn of(record: &CredentialRecord) -> Self {
        let CredentialRecord { id, list, status_index, state, version, .. } = *record;
        Self { id, list, status_index, state, version }
    }

    pub(super) fn read(row: &AnyRow) -> Result<Self, IssuerError> {
        let (list, state): (String, String) = (row.try_get("list_id")?, row.try_get("state")?);
        Ok(Self {
            id: read_id(row, "id")?,
            list: list.parse().map_err(|_| IssuerError::corrupt("a list"))?,
            status_index: unsigned(row.try_get("status_index")?, "a status index")?,
            state: State::from_word(&state).ok_or(IssuerError::corrupt("a state"))?,
            version: unsigned(row.try_get("version")?, "a version")?,
        })
    }
}

/// A change of a credential's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// What the audit log calls it.
    pub(crate) action: &'static str,
    pub(crate) to: State,
    pub(crate) reason: Reason,
    /// Who makes it.
    pub(crate) actor: &'a Actor,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) superseded_by: Option<CredentialId>,
}

impl Storage {
    /// The credential that is found by a term; of several, the last.
    pub(crate) async fn last_by(&self, term: &Term) -> Result<CredentialId, IssuerError> {
        let row = sqlx::query(
            "SELECT id FROM credentials WHERE tenant = $1 AND id IN
                 (SELECT credential_id FROM search_terms
                  WHERE tenant = $1 AND kind = $2 AND value = $3)
             ORDER BY issued_at DESC, id DESC LIMIT 1",
        )
        .bind(self.tenant.as_str())
        .bind(term.kind)
        .bind(&term.value)
        .fetch_optional(self.pool())
        .await?;
        read_id(&row.ok_or(IssuerError::UnknownCredential)?, "id")
    }

    pub(crate) async fn credential(
        &self,
        id: CredentialId,
    ) -> Result<CredentialRecord, IssuerError> {
        sqlx::query("SELECT * FROM credentials WHERE tenant = $1 AND id = $2")
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(self.pool())
            .await?
            .ok_or(IssuerError::UnknownCredential)
            .and_then(|row| read(&row))
    }

    /// Keeps a new credential with its status entry, and supersedes another with it if asked to:
    /// all or nothing.
    pub(crate) async fn insert(&self, new: &Insertion<'_>) -> Result<Stored, IssuerError> {
        let Insertion { record, actor, supersedes, idempotency, .. } = *new;
        let mut transaction = self.write().await?;
        if let Some(idempotency) = idempotency
            && let Some(before) = used(&mut transaction, &self.tenant, idempotency).await?
        {
            return Ok(Stored::Before(before));
        }
        insert_credential(&mut transaction, &self.tenant, record).await?;
        insert_terms(&mut transaction, &self.tenant, record.id, &new.terms).await?;
        if let Some(subject) = new.subject {
            insert_consent(&mut transaction, &self.tenant, record.id, subject).await?;
        }
        let entry = sqlx::query(
            "INSERT INTO status_entries (tenant, list_id, status_index, credential_id, bit, published)
             VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.as_str())
        .bind(record.list.to_string())
        .bind(i64::from(record.status_index))
        .bind(record.id.to_string())
        .execute(&mut *transaction)
        .await?;
        if entry.rows_affected() == 0 {
            return Ok(Stored::IndexTaken);
        }
        if let Some(idempotency) = idempotency
            && !use_key(&mut transaction, &self.tenant, idempotency, record).await?
        {
            // Another replica used it since we looked: what it made is there once it commits.
            transaction.rollback().await?;
            let before = self.issued_for(idempotency).await?;
            return before.map(Stored::Before).ok_or(IssuerError::IdempotencyKeyReused);
        }
        if let Some(old) = supersedes {
            let change = Change {
                action: "credential.supersede",
                to: State::Superseded,
                reason: Reason::Renewal,
                actor,
                at: record.issued_at,
                superseded_by: Some(record.id),
            };
            if !apply(&mut transaction, &self.tenant, &Standing::of(old), &change).await? {
                return Ok(Stored::Outdated);
            }
        }
        if let Some(row) = new.row
            && !keep_row(&mut transaction, &self.tenant, row, record.id).await?
        {
            return Ok(Stored::Elsewhere);
        }
        let schema = record.schema.map_or("plain", |schema| schema.type_name());
        let details = [("schema", schema.to_owned()), ("list", record.list.to_string())];
        let id = record.id.to_string();
        let event = audit::Event {
            actor,
            action: "credential.issue",
            object: Some(&id),
            details: &details,
        };
        audit::append(&mut transaction, &self.tenant, record.issued_at, &event).await?;
        if has_ended(&mut transaction, &self.tenant, record.epoch).await? {
            return Ok(Stored::EpochEnded);
        }
        transaction.commit().await?;
        Ok(Stored::New)
    }

    /// The credential that this request made before.
    pub(crate) async fn issued_for(
        &self,
        idempotency: &Idempotency,
    ) -> Result<Option<CredentialId>, IssuerError> {
        used(&mut *self.pool().acquire().await?, &self.tenant, idempotency).await
    }

    /// Changes a credential's state, if it still is as it was read; with its status flip, if the
    /// change causes one. Returns whether it was.
    pub(crate) async fn change(
        &self,
        read: &Standing,
        change: &Change<'_>,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let applied = apply(&mut transaction, &self.tenant, read, change).await?;
        transaction.commit().await?;
        Ok(applied)
    }
}

async fn used(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    idempotency: &Idempotency,
) -> Result<Option<CredentialId>, IssuerError> {
    let sql = "SELECT request_hash, credential_id FROM idempotency_keys
               WHERE tenant = $1 AND key_hash = $2";
    let row = sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(hex::encode(idempotency.key))
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<String, _>("request_hash")? != hex::encode(idempotency.request) {
        return Err(IssuerError::IdempotencyKeyReused);
    }
    read_id(&row, "credential_id").map(Some)
}

/// Takes an idempotency key for a credential. Returns whether it was free.
async fn use_key(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    idempotency: &Idempotency,
    record: &CredentialRecord,
) -> Result<bool, IssuerError> {
    let inserted = sqlx::query(
        "INSERT INTO idempotency_keys (tenant, key_hash, request_hash, credential_id, used_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(tenant.as_str())
    .bind(hex::encode(idempotency.key))
    .bind(hex::encode(idempotency.request))
    .bind(record.id.to_string())
    .bind(seconds(record.issued_at))
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn insert_credential(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    record: &CredentialRecord,
) -> Result<(), IssuerError> {
    let content = record.content()?;
    let attested = content.attested.as_ref();
    sqlx::query(
        "INSERT INTO credentials (tenant, id, schema, list_id, status_index, valid_from, valid_until,
             issued_at, state, version, document, subject, holder, salt, attestation, epoch)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(tenant.as_str())
    .bind(record.id.to_string())
    .bind(record.schema.map(|schema| i64::from(schema.id().as_u32())))
    .bind(record.list.to_string())
    .bind(i64::from(record.status_index))
    .bind(seconds(record.valid_from))
    .bind(seconds(record.valid_until))
    .bind(seconds(record.issued_at))
    .bind(record.state.word())
    .bind(i64::from(record.version))
    .bind(content.verifiable_credential.to_string())
    .bind(attested.map(|attested| attested.subject.to_string()))
    .bind(attested.map(|attested| attested.holder.to_string()))
    .bind(attested.map(|attested| hex::encode(attested.salt)))
    .bind(attested.map(|attested| attested.attestation.to_string()))
    .bind(i64::from(record.epoch.number()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The change, its reason, its place in the audit log and, if the bit differs, the flip and its
/// place in the outbox.
pub(super) async fn apply(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    read: &Standing,
    change: &Change<'_>,
) -> Result<bool, IssuerError> {
    let (id, version) = (read.id.to_string(), i64::from(read.version) + 1);
    let updated = sqlx::query(
        "UPDATE credentials SET state = $1, version = $2, superseded_by = $3
         WHERE tenant = $4 AND id = $5 AND version = $6",
    )
    .bind(change.to.word())
    .bind(version)
    .bind(change.superseded_by.map(|id| id.to_string()))
    .bind(tenant.as_str())
    .bind(&id)
    .bind(i64::from(read.version))
    .execute(&mut *connection)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO changes (tenant, credential_id, version, state, reason, actor, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tenant.as_str())
    .bind(&id)
    .bind(version)
    .bind(change.to.word())
    .bind(change.reason.word())
    .bind(&change.actor.name)
    .bind(seconds(change.at))
    .execute(&mut *connection)
    .await?;
    let mut details = vec![("reason", change.reason.word().to_owned())];
    details.extend(change.superseded_by.map(|successor| ("successor", successor.to_string())));
    let (actor, action) = (change.actor, change.action);
    let event = audit::Event { actor, action, object: Some(&id), details: &details };
    audit::append(connection, tenant, change.at, &event).await?;
    if read.state.is_barred() == change.to.is_barred() {
        return Ok(true);
    }
    let bit = i64::from(change.to.is_barred());
    sqlx::query(
        "UPDATE status_entries SET bit = $1
         WHERE tenant = $2 AND list_id = $3 AND status_index = $4",
    )
    .bind(bit)
    .bind(tenant.as_str())
    .bind(read.list.to_string())
    .bind(i64::from(read.status_index))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO outbox (tenant, credential_id, version, list_id, status_index, bit, queued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tenant.as_str())
    .bind(&id)
    .bind(version)
    .bind(read.list.to_string())
    .bind(i64::from(read.status_index))
    .bind(bit)
    .bind(seconds(change.at))
    .execute(connection)
    .await?;
    Ok(true)
}

fn read_id(row: &AnyRow, column: &str) -> Result<CredentialId, IssuerError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| IssuerError::corrupt("an id"))
}

fn read(row: &AnyRow) -> Result<CredentialRecord, IssuerError> {
    let time = |column: &str| -> Result<u64, IssuerError> {
        Ok(unsigned(row.try_get(column)?, "a time")?)
    };
    let Standing { id, list, status_index, state, version } = Standing::read(row)?;
    Ok(CredentialRecord {
        id,
        schema: schema(row)?,
        list,
        status_index,
        epoch: epoch(row)?,
        valid_from: time("valid_from")?,
        valid_until: time("valid_until")?,
        issued_at: time("issued_at")?,
        state,
        version,
        superseded_by: match row.try_get::<Option<String>, _>("superseded_by")? {
            Some(id) => Some(id.parse().map_err(|_| IssuerError::corrupt("an id"))?),
            None => None,
        },
        content: read_content(row)?,
    })
}

fn read_content(row: &AnyRow) -> Result<Option<Content>, IssuerError> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column);
    let json = |text: String| -> Result<Value, IssuerError> {
        serde_json::from_str(&text).map_err(|_| IssuerError::corrupt("a document"))
    };
    let Some(document) = text("document")? else { return Ok(None) };
    let columns = (text("subject")?, text("holder")?, text("salt")?, text("attestation")?);
    let attested = match columns {
        (Some(subject), Some(holder), Some(salt), Some(attestation)) => {
            let mut bytes = [0; 16];
            hex::decode_to_slice(salt, &mut bytes).map_err(|_| IssuerError::corrupt("a salt"))?;
            let holder = holder.parse::<HolderCommitment>();
            Some(Attested {
                subject: json(subject)?,
                holder: holder.map_err(|_| IssuerError::corrupt("a holder"))?,
                salt: bytes,
                attestation: json(attestation)?,
            })
        }
        (None, None, None, None) => None,
        _ => return Err(IssuerError::corrupt("an attestation")),
    };
    Ok(Some(Content { verifiable_credential: json(document)?, attested }))
}
