//! Epochs of the signing keys, their registry entries, and what was issued under them.

use attestry_circuits::SchemaId;
use attestry_credential::schema::Schema;
use attestry_ledger::EntryIndex;
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, TenantId, audit};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use super::search::schema;
use crate::IssuerError;
use crate::epochs::{EpochEnd, EpochEntry, KeyEpoch, Reissuable};
use crate::keys::{Epoch, EpochKeys, PublicEpoch};
use crate::record::{CredentialId, EndReason, State};

impl Storage {
    /// All epochs whose keys were published, ascending.
    pub(crate) async fn epochs(&self) -> Result<Vec<KeyEpoch>, IssuerError> {
        let rows = sqlx::query("SELECT * FROM key_epochs WHERE tenant = $1 ORDER BY epoch")
            .bind(self.tenant.as_str())
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read_epoch).collect()
    }

    /// Notes an epoch whose keys are in the DID document.
    pub(crate) async fn note_epoch(
        &self,
        keys: &EpochKeys,
        vc_key_id: &str,
        at: u64,
    ) -> Result<(), IssuerError> {
        let public = PublicEpoch::of(keys);
        let mut transaction = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO key_epochs (tenant, epoch, credential_key, attestation_key, vc_key_id, noted_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.as_str())
        .bind(i64::from(public.epoch))
        .bind(&public.credential)
        .bind(&public.attestation)
        .bind(vc_key_id)
        .bind(seconds(at))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 1 {
            let (actor, object) = (Actor::service(), audited(keys.epoch));
            let action = "key-epoch.open";
            let event = audit::Event { actor: &actor, action, object: Some(&object), details: &[] };
            audit::append(&mut transaction, &self.tenant, at, &event).await?;
            return Ok(transaction.commit().await?);
        }
        let updated = sqlx::query(
            "UPDATE key_epochs SET vc_key_id = $1
             WHERE tenant = $2 AND epoch = $3 AND credential_key = $4 AND attestation_key = $5",
        )
        .bind(vc_key_id)
        .bind(self.tenant.as_str())
        .bind(i64::from(public.epoch))
        .bind(&public.credential)
        .bind(&public.attestation)
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Err(IssuerError::ForeignStorage);
        }
        Ok(transaction.commit().await?)
    }

    /// The registry entries of all epochs, the latest epoch first.
    pub(crate) async fn epoch_entries(&self) -> Result<Vec<EpochEntry>, IssuerError> {
        let sql = "SELECT epoch, schema, entry FROM epoch_entries WHERE tenant = $1
                   ORDER BY epoch DESC, schema";
        let rows = sqlx::query(sql).bind(self.tenant.as_str()).fetch_all(self.pool()).await?;
        let read = |row: &AnyRow| {
            let number = |column: &str| -> Result<u32, IssuerError> {
                Ok(unsigned(row.try_get(column)?, "a registry entry")?)
            };
            let schema = Schema::from_id(SchemaId::from_u32(number("schema")?));
            Ok(EpochEntry {
                epoch: read_number(number("epoch")?)?,
                schema: schema.ok_or(IssuerError::corrupt("a schema"))?,
                entry: EntryIndex::from(number("entry")?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Notes the registry entry of an epoch's key.
    pub(crate) async fn note_entry(&self, entry: &EpochEntry) -> Result<(), IssuerError> {
        sqlx::query(
            "INSERT INTO epoch_entries (tenant, epoch, schema, entry) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, epoch, schema) DO UPDATE SET entry = excluded.entry",
        )
        .bind(self.tenant.as_str())
        .bind(i64::from(entry.epoch.number()))
        .bind(i64::from(entry.schema.id().as_u32()))
        .bind(i64::from(entry.entry.as_u32()))
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends an epoch: from the commit on no replica keeps anything that its keys sign. Returns
    /// whether it had not ended before.
    pub(crate) async fn end_epoch(
        &self,
        actor: &Actor,
        epoch: Epoch,
        reason: EndReason,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let updated = sqlx::query(
            "UPDATE key_epochs SET ended_at = $1, reason = $2
             WHERE tenant = $3 AND epoch = $4 AND ended_at IS NULL",
        )
        .bind(seconds(at))
        .bind(reason.word())
        .bind(self.tenant.as_str())
        .bind(i64::from(epoch.number()))
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        let (object, details) = (audited(epoch), [("reason", reason.word().to_owned())]);
        let action = "key-epoch.end";
        let event = audit::Event { actor, action, object: Some(&object), details: &details };
        audit::append(&mut transaction, &self.tenant, at, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Credentials of an epoch that are active or suspended and have not expired, in the order of
    /// their ids, at most so many. That somebody asked is noted.
    pub(crate) async fn reissuable(
        &self,
        actor: &Actor,
        epoch: Epoch,
        after: Option<CredentialId>,
        limit: u32,
        now: u64,
    ) -> Result<Vec<Reissuable>, IssuerError> {
        let rows = sqlx::query(
            "SELECT id, schema, state, holder, valid_until FROM credentials
             WHERE tenant = $1 AND epoch = $2 AND id > $3 AND state IN ('active', 'suspended')
                 AND valid_until >= $4
             ORDER BY id LIMIT $5",
        )
        .bind(self.tenant.as_str())
        .bind(i64::from(epoch.number()))
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .bind(seconds(now))
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        let (object, details) = (audited(epoch), [("count", rows.len().to_string())]);
        let action = "key-epoch.list";
        let event = audit::Event { actor, action, object: Some(&object), details: &details };
        self.note(now, &event).await?;
        rows.iter().map(read_reissuable).collect()
    }
}

/// Whether an epoch has ended. Asked in a transaction that has appended to the audit log, which
/// orders it with the transaction that ends the epoch.
pub(super) async fn has_ended(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    epoch: Epoch,
) -> Result<bool, IssuerError> {
    let sql = "SELECT 1 FROM key_epochs WHERE tenant = $1 AND epoch = $2 AND ended_at IS NOT NULL";
    let row = sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(i64::from(epoch.number()))
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// The epoch that a column holds.
pub(super) fn epoch(row: &AnyRow) -> Result<Epoch, IssuerError> {
    read_number(unsigned(row.try_get("epoch")?, "an epoch")?)
}

fn read_number(number: u32) -> Result<Epoch, IssuerError> {
    Epoch::new(number).ok_or(IssuerError::corrupt("an epoch"))
}

fn read_epoch(row: &AnyRow) -> Result<KeyEpoch, IssuerError> {
    let corrupt = || IssuerError::corrupt("an epoch's keys");
    let public = PublicEpoch {
        epoch: unsigned(row.try_get("epoch")?, "an epoch")?,
        credential: row.try_get("credential_key")?,
        attestation: row.try_get("attestation_key")?,
    };
    let ended = match row.try_get::<Option<i64>, _>("ended_at")? {
        Some(at) => Some(EpochEnd {
            at: unsigned(at, "a time")?,
            reason: EndReason::from_word(row.try_get("reason")?).ok_or_else(corrupt)?,
        }),
        None => None,
    };
    Ok(KeyEpoch {
        keys: public.read().map_err(|_| corrupt())?,
        vc_key_id: row.try_get("vc_key_id")?,
        ended,
    })
}

fn read_reissuable(row: &AnyRow) -> Result<Reissuable, IssuerError> {
    let (id, state): (String, String) = (row.try_get("id")?, row.try_get("state")?);
    let holder = row.try_get::<Option<String>, _>("holder")?;
    let holder = holder.map(|holder| holder.parse().map_err(|_| IssuerError::corrupt("a holder")));
    Ok(Reissuable {
        id: id.parse().map_err(|_| IssuerError::corrupt("an id"))?,
        schema: schema(row)?,
        state: State::from_word(&state).ok_or(IssuerError::corrupt("a state"))?,
        holder: holder.transpose()?,
        valid_until: unsigned(row.try_get("valid_until")?, "a time")?,
    })
}

/// What the audit log calls an epoch.
fn audited(epoch: Epoch) -> String {
    format!("key-epoch/{epoch}")
}
