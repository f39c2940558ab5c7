//! The outbox of webhooks: what is to be told, or was.

use attestry_service::database::{seconds, unsigned};
use attestry_service::{DatabaseError, TenantId};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use super::webhooks::{read_events, time, time_or_none};
use crate::webhooks::{Delivery, DeliveryState, Event, WebhookError, message};

/// The type of messages that are sent on request.
const PING: &str = "ping";
const ID_DOMAIN: &[u8] = b"attestry/webhook-message/v1";
const COLUMNS: &str = "id, event, created_at, state, attempts, status, error, due_at, finished_at";

/// How much is to be sent, and how much was given up and is not forgotten yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Deliveries that are to be sent, perhaps again.
    pub pending: u64,
    /// Deliveries that were given up.
    pub failed: u64,
}

/// A delivery that this sender alone may send, until its time is over.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: String,
    pub(crate) webhook: String,
    pub(crate) payload: String,
    /// Which attempt it is, from 1; also what tells this claim from a later one.
    pub(crate) attempt: u64,
}

/// What a sender leaves of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) state: DeliveryState,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
    /// When the next attempt begins, if there is one.
    pub(crate) due_at: u64,
}

/// Writes down what is to be told of events that happened at a time, Unix seconds, in the
/// transaction in which they happen, which is to hold the lock of the tenant's audit log: so no
/// webhook ends meanwhile, and leaves a message to nobody. Returns how many messages that makes.
/// The same event at the same time is one message to each webhook, however often it is written
/// down.
///
/// # Errors
/// [`DatabaseError`].
pub async fn enqueue(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    events: &[Event<'_>],
    at: u64,
) -> Result<u64, DatabaseError> {
    let select = "SELECT id, events FROM webhooks WHERE tenant = $1 AND disabled_at IS NULL";
    let query = sqlx::query(select).bind(tenant.as_str());
    let mut wanting = Vec::new();
    for row in query.fetch_all(&mut *connection).await? {
        wanting.push((row.try_get::<String, _>("id")?, read_events(row.try_get("events")?)?));
    }
    let mut written = 0;
    for event in events {
        let wanting = wanting.iter().filter(|(_, kinds)| kinds.contains(&event.kind()));
        for (webhook, _) in wanting {
            let new = New::of(webhook, event.kind().word(), event.payload(at), at);
            written += new.insert(connection, tenant).await?;
        }
    }
    Ok(written)
}

/// A delivery that is to be written down.
struct New<'a> {
    webhook: &'a str,
    id: String,
    event: &'static str,
    payload: String,
    at: u64,
}

impl<'a> New<'a> {
    fn of(webhook: &'a str, event: &'static str, payload: String, at: u64) -> Self {
        // Ids of webhooks are random and of one length.
        let digest = Sha256::new_with_prefix(ID_DOMAIN).chain_update(webhook);
        let digest = digest.chain_update(&payload).finalize();
        let id = format!("msg_{}", hex::encode(&digest[..16]));
        Self { webhook, id, event, payload, at }
    }

    async fn insert(
        &self,
        connection: &mut AnyConnection,
        tenant: &TenantId,
    ) -> Result<u64, DatabaseError> {
        let insert = "INSERT INTO webhook_deliveries
            (tenant, id, webhook_id, event, payload, created_at, state, attempts, due_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $6) ON CONFLICT (tenant, id) DO NOTHING";
        let query = sqlx::query(insert).bind(tenant.as_str()).bind(&self.id).bind(self.webhook);
        let query = query.bind(self.event).bind(&self.payload).bind(seconds(self.at));
        let query = query.bind(DeliveryState::Pending.word());
        Ok(query.execute(connection).await?.rows_affected())
    }
}

impl Storage {
    pub(crate) async fn ping_webhook(
        &self,
        webhook: &str,
        nonce: &str,
        now: u64,
    ) -> Result<Delivery, WebhookError> {
        let mut transaction = self.write().await?;
        if self.webhook(&mut transaction, webhook).await?.disabled_at.is_some() {
            return Err(WebhookError::Disabled);
        }
        let payload = message(PING, now, json!({ "webhook": webhook, "ping": nonce }));
        let new = New::of(webhook, PING, payload, now);
        new.insert(&mut transaction, &self.tenant).await?;
        transaction.commit().await?;
        Ok(Delivery {
            id: new.id,
            event: PING.to_owned(),
            created_at: now,
            state: DeliveryState::Pending,
            attempts: 0,
            status: None,
            error: None,
            due_at: Some(now),
            finished_at: None,
        })
    }

    pub(crate) async fn deliveries(
        &self,
        webhook: &str,
        limit: u32,
    ) -> Result<Vec<Delivery>, WebhookError> {
        let mut connection = self.pool().acquire().await?;
        self.webhook(&mut connection, webhook).await?;
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM webhook_deliveries
             WHERE tenant = $1 AND webhook_id = $2 ORDER BY created_at DESC, id LIMIT $3"
        ));
        let query = sqlx::query(select).bind(self.tenant.as_str()).bind(webhook);
        let rows = query.bind(i64::from(limit)).fetch_all(&mut *connection).await?;
        rows.iter().map(read_delivery).collect()
    }

    pub(crate) async fn delivery_backlog(&self) -> Result<Backlog, WebhookError> {
        let select = "SELECT state, COUNT(*) AS deliveries FROM webhook_deliveries
            WHERE tenant = $1 AND state IN ('pending', 'failed') GROUP BY state";
        let rows = sqlx::query(select).bind(self.tenant.as_str()).fetch_all(self.pool()).await?;
        let mut backlog = Backlog { pending: 0, failed: 0 };
        for row in rows {
            let count = unsigned(row.try_get("deliveries")?, "a count")?;
            match DeliveryState::from_word(row.try_get("state")?) {
                Some(DeliveryState::Pending) => backlog.pending = count,
                Some(DeliveryState::Failed) => backlog.failed = count,
                Some(DeliveryState::Delivered) | None => {}
            }
        }
        Ok(backlog)
    }

    /// The webhooks for which something is due, the longest waiting first.
    pub(crate) async fn webhooks_with_due(&self, now: u64) -> Result<Vec<String>, WebhookError> {
        // One look into the index for each webhook, however many messages wait.
        let select = "SELECT id FROM
            (SELECT id, (SELECT MIN(due_at) FROM webhook_deliveries
              WHERE webhook_deliveries.tenant = webhooks.tenant AND state = 'pending'
              AND webhook_id = webhooks.id) AS due_at
             FROM webhooks WHERE tenant = $1) AS next
            WHERE due_at <= $2 ORDER BY due_at";
        let query = sqlx::query(select).bind(self.tenant.as_str()).bind(seconds(now));
        let rows = query.fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    /// Some of what is due for a webhook, and the attempts that each had.
    pub(crate) async fn due_deliveries(
        &self,
        webhook: &str,
        now: u64,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, WebhookError> {
        let select = "SELECT id, attempts FROM webhook_deliveries
            WHERE tenant = $1 AND webhook_id = $2 AND state = 'pending' AND due_at <= $3
            ORDER BY due_at, created_at LIMIT $4";
        let query = sqlx::query(select).bind(self.tenant.as_str()).bind(webhook);
        let query = query.bind(seconds(now)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(self.pool()).await?;
        let read = |row: &AnyRow| {
            Ok((row.try_get("id")?, unsigned(row.try_get("attempts")?, "attempts")?))
        };
        rows.iter().map(read).collect()
    }

    /// Takes a delivery that is due and had so many attempts, for another until a time. Of all who
    /// try, one gets it.
    pub(crate) async fn claim_delivery(
        &self,
        id: &str,
        attempts: u64,
        now: u64,
        until: u64,
    ) -> Result<Option<Claimed>, WebhookError> {
        let update = "UPDATE webhook_deliveries SET attempts = attempts + 1, due_at = $1
            WHERE tenant = $2 AND id = $3 AND state = 'pending' AND attempts = $4 AND due_at <= $5
            RETURNING webhook_id, payload, attempts";
        let query = sqlx::query(update).bind(seconds(until)).bind(self.tenant.as_str()).bind(id);
        let query = query.bind(seconds(attempts)).bind(seconds(now));
        let row = query.fetch_optional(self.pool()).await?;
        let read = |row: &AnyRow| {
            Ok(Claimed {
                id: id.to_owned(),
                webhook: row.try_get("webhook_id")?,
                payload: row.try_get("payload")?,
                attempt: unsigned(row.try_get("attempts")?, "attempts")?,
            })
        };
        row.as_ref().map(read).transpose()
    }

    /// Notes what became of an attempt, unless another has the delivery meanwhile.
    pub(crate) async fn leave_delivery(
        &self,
        claimed: &Claimed,
        left: &Left,
        now: u64,
    ) -> Result<(), WebhookError> {
        let finished = (left.state != DeliveryState::Pending).then(|| seconds(now));
        let update = "UPDATE webhook_deliveries
            SET state = $1, status = $2, error = $3, due_at = $4, finished_at = $5
            WHERE tenant = $6 AND id = $7 AND state = 'pending' AND attempts = $8";
        sqlx::query(update)
            .bind(left.state.word())
            .bind(left.status.map(i64::from))
            .bind(left.error)
            .bind(seconds(left.due_at))
            .bind(finished)
            .bind(self.tenant.as_str())
            .bind(&claimed.id)
            .bind(seconds(claimed.attempt))
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Forgets deliveries that were finished before a time.
    pub(crate) async fn purge_deliveries(&self, before: u64) -> Result<u64, WebhookError> {
        let delete = "DELETE FROM webhook_deliveries WHERE tenant = $1 AND finished_at < $2";
        let query = sqlx::query(delete).bind(self.tenant.as_str()).bind(seconds(before));
        Ok(query.execute(self.pool()).await?.rows_affected())
    }
}

fn read_delivery(row: &AnyRow) -> Result<Delivery, WebhookError> {
    let state = DeliveryState::from_word(row.try_get("state")?);
    let state = state.ok_or(DatabaseError::Corrupt("state of a delivery"))?;
    let status: Option<i64> = row.try_get("status")?;
    let due_at = time(row, "due_at")?;
    Ok(Delivery {
        id: row.try_get("id")?,
        event: row.try_get("event")?,
        created_at: time(row, "created_at")?,
        state,
        attempts: unsigned(row.try_get("attempts")?, "attempts")?,
        status: status.map(|status| unsigned(status, "status of a delivery")).transpose()?,
        error: row.try_get("error")?,
        due_at: (state == DeliveryState::Pending).then_some(due_at),
        finished_at: time_or_none(row, "finished_at")?,
    })
}
