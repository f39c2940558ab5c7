//! Webhooks: who is told of what.

use std::collections::BTreeSet;

use attestry_service::audit::{self, Event};
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, DatabaseError};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::webhooks::{EventKind, Webhook, WebhookError};

const COLUMNS: &str = "id, url, events, created_at, created_by, disabled_at, old_secret_until";

/// Where messages are sent, and by which sealed secrets they are signed, the newest first.
pub(crate) struct Destination {
    pub(crate) url: String,
    pub(crate) secrets: Vec<String>,
}

impl Storage {
    pub(crate) async fn insert_webhook(
        &self,
        webhook: &Webhook,
        host: &str,
        secret: &str,
        most: u64,
        actor: &Actor,
    ) -> Result<(), WebhookError> {
        let events = write_events(&webhook.events);
        let mut transaction = self.write().await?;
        let count = "SELECT COUNT(*) AS webhooks FROM webhooks WHERE tenant = $1";
        let row = sqlx::query(count).bind(self.tenant.as_str()).fetch_one(&mut *transaction);
        if unsigned::<u64>(row.await?.try_get("webhooks")?, "a count")? >= most {
            return Err(WebhookError::TooMany);
        }
        let insert = "INSERT INTO webhooks
            (tenant, id, url, events, secret, created_at, created_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(insert)
            .bind(self.tenant.as_str())
            .bind(&webhook.id)
            .bind(&webhook.url)
            .bind(&events)
            .bind(secret)
            .bind(seconds(webhook.created_at))
            .bind(&webhook.created_by)
            .execute(&mut *transaction)
            .await?;
        // The rest of the URL may be a secret of the receiver.
        let details = [("host", host.to_owned()), ("events", events)];
        let event =
            Event { actor, action: "webhook.create", object: Some(&webhook.id), details: &details };
        audit::append(&mut transaction, &self.tenant, webhook.created_at, &event).await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn webhooks(&self) -> Result<Vec<Webhook>, WebhookError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM webhooks WHERE tenant = $1 ORDER BY created_at DESC, id"
        ));
        let rows = sqlx::query(select).bind(self.tenant.as_str()).fetch_all(self.pool()).await?;
        rows.iter().map(read_webhook).collect()
    }

    pub(super) async fn webhook(
        &self,
        connection: &mut AnyConnection,
        id: &str,
    ) -> Result<Webhook, WebhookError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM webhooks WHERE tenant = $1 AND id = $2"
        ));
        let query = sqlx::query(select).bind(self.tenant.as_str()).bind(id);
        let row = query.fetch_optional(connection).await?;
        read_webhook(&row.ok_or(WebhookError::Unknown)?)
    }

    pub(crate) async fn delete_webhook(
        &self,
        id: &str,
        actor: &Actor,
        now: u64,
    ) -> Result<(), WebhookError> {
        let mut transaction = self.write().await?;
        for (delete, is_webhook) in [
            ("DELETE FROM webhooks WHERE tenant = $1 AND id = $2", true),
            ("DELETE FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2", false),
        ] {
            let query = sqlx::query(delete).bind(self.tenant.as_str()).bind(id);
            let deleted = query.execute(&mut *transaction).await?.rows_affected();
            if is_webhook && deleted == 0 {
                return Err(WebhookError::Unknown);
            }
        }
        let event = Event { actor, action: "webhook.delete", object: Some(id), details: &[] };
        audit::append(&mut transaction, &self.tenant, now, &event).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives a webhook another secret. The one before signs as well until a time; an earlier one
    /// does no more.
    pub(crate) async fn rotate_secret(
        &self,
        id: &str,
        secret: &str,
        until: u64,
        actor: &Actor,
        now: u64,
    ) -> Result<Webhook, WebhookError> {
        let mut transaction = self.write().await?;
        if self.webhook(&mut transaction, id).await?.disabled_at.is_some() {
            return Err(WebhookError::Disabled);
        }
        let update = "UPDATE webhooks
            SET old_secret = secret, old_secret_until = $1, secret = $2
            WHERE tenant = $3 AND id = $4";
        sqlx::query(update)
            .bind(seconds(until))
            .bind(secret)
            .bind(self.tenant.as_str())
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        self.forget_secrets(&mut transaction, now).await?;
        let webhook = self.webhook(&mut transaction, id).await?;
        let details = [("until", until.to_string())];
        let event = Event { actor, action: "webhook.rotate", object: Some(id), details: &details };
        audit::append(&mut transaction, &self.tenant, now, &event).await?;
        transaction.commit().await?;
        Ok(webhook)
    }

    /// Destroys old secrets that sign no more.
    pub(crate) async fn forget_old_secrets(&self, now: u64) -> Result<(), WebhookError> {
        self.forget_secrets(&mut *self.pool().acquire().await?, now).await
    }

    async fn forget_secrets(
        &self,
        connection: &mut AnyConnection,
        now: u64,
    ) -> Result<(), WebhookError> {
        let update = "UPDATE webhooks SET old_secret = NULL, old_secret_until = NULL
            WHERE tenant = $1 AND old_secret_until <= $2";
        let query = sqlx::query(update).bind(self.tenant.as_str()).bind(seconds(now));
        query.execute(connection).await?;
        Ok(())
    }

    /// Where messages to a webhook go at a time, if there still is one and it wants any.
    pub(crate) async fn webhook_destination(
        &self,
        webhook: &str,
        now: u64,
    ) -> Result<Option<Destination>, WebhookError> {
        let select = "SELECT url, secret, old_secret, old_secret_until FROM webhooks
            WHERE tenant = $1 AND id = $2 AND disabled_at IS NULL";
        let query = sqlx::query(select).bind(self.tenant.as_str()).bind(webhook);
        let row = query.fetch_optional(self.pool()).await?;
        let read = |row: &AnyRow| {
            let until = time_or_none(row, "old_secret_until")?;
            let old: Option<String> = row.try_get("old_secret")?;
            let old = old.filter(|_| until.is_some_and(|until| now < until));
            let secrets = std::iter::once(row.try_get("secret")?).chain(old).collect();
            Ok(Destination { url: row.try_get("url")?, secrets })
        };
        row.as_ref().map(read).transpose()
    }

    /// Ends a webhook whose receiver wishes to be told nothing any more; all that was to be sent
    /// to it is given up.
    pub(crate) async fn disable_webhook(
        &self,
        webhook: &str,
        now: u64,
    ) -> Result<(), WebhookError> {
        let mut transaction = self.write().await?;
        let update = "UPDATE webhooks SET disabled_at = $1
            WHERE tenant = $2 AND id = $3 AND disabled_at IS NULL";
        let query = sqlx::query(update).bind(seconds(now)).bind(self.tenant.as_str());
        let disabled = query.bind(webhook).execute(&mut *transaction).await?.rows_affected();
        let update = "UPDATE webhook_deliveries
            SET state = 'failed', error = 'gone', finished_at = $1
            WHERE tenant = $2 AND webhook_id = $3 AND state = 'pending'";
        let query = sqlx::query(update).bind(seconds(now)).bind(self.tenant.as_str());
        query.bind(webhook).execute(&mut *transaction).await?;
        if disabled > 0 {
            let event = Event {
                actor: &Actor::service(),
                action: "webhook.disable",
                object: Some(webhook),
                details: &[],
            };
            audit::append(&mut transaction, &self.tenant, now, &event).await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn write_events(events: &BTreeSet<EventKind>) -> String {
    events.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" ")
}

/// Events as the database has them.
pub(super) fn read_events(words: &str) -> Result<BTreeSet<EventKind>, DatabaseError> {
    let kinds = words.split(' ').map(EventKind::from_word).collect::<Option<_>>();
    kinds.ok_or(DatabaseError::Corrupt("events of a webhook"))
}

pub(super) fn time(row: &AnyRow, name: &str) -> Result<u64, WebhookError> {
    Ok(unsigned(row.try_get(name)?, "time of a webhook")?)
}

pub(super) fn time_or_none(row: &AnyRow, name: &str) -> Result<Option<u64>, WebhookError> {
    let time: Option<i64> = row.try_get(name)?;
    Ok(time.map(|time| unsigned(time, "time of a webhook")).transpose()?)
}

fn read_webhook(row: &AnyRow) -> Result<Webhook, WebhookError> {
    Ok(Webhook {
        id: row.try_get("id")?,
        url: row.try_get("url")?,
        events: read_events(row.try_get("events")?)?,
        created_at: time(row, "created_at")?,
        created_by: row.try_get("created_by")?,
        disabled_at: time_or_none(row, "disabled_at")?,
        old_secret_until: time_or_none(row, "old_secret_until")?,
    })
}
