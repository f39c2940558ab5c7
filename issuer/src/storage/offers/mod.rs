//! Offers: kept, found, counted.

mod claim;
mod steps;

pub(crate) use claim::{Attempt, Claimed};

use attestry_circuits::SchemaId;
use attestry_credential::schema::Schema;
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::IssuerError;
use crate::offers::{Content, NewOffer, OfferId, OfferRecord, OfferState};
use crate::request::Validity;

/// What ends with an offer.
/// The hash of the office's request could be tried against guesses of what was offered.
const DESTROY: &str = "subject = NULL, valid_from = NULL, valid_until = NULL, holder = NULL,
    request_hash = NULL";

/// That an offer's time is over at $2: an open one's when it may no longer be claimed, another's
/// with its token; what is being issued has an hour more to be done.
const OVERDUE: &str = "COALESCE(token_expires_at, expires_at)
    + CASE WHEN state = 'issuing' THEN 3600 ELSE 0 END <= $2";

impl Storage {
    /// Keeps an offer. If its idempotency key was used with the same request: that offer instead.
    pub(crate) async fn insert_offer(
        &self,
        offer: &NewOffer,
        actor: &Actor,
    ) -> Result<Option<OfferRecord>, IssuerError> {
        let mut transaction = self.write().await?;
        let (record, validity) = (&offer.record, &offer.content.validity);
        let inserted = sqlx::query(
            "INSERT INTO offers (tenant, id, schema, state, subject, valid_from, valid_until,
                 code_hash, tx_code_hash, tx_code_length, attempts, ready, created_at, expires_at,
                 identified, requests, key_hash, request_hash)
             VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, 0, 0, $13, $14)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.as_str())
        .bind(record.id.to_string())
        .bind(i64::from(record.schema.id().as_u32()))
        .bind(offer.content.subject.to_string())
        .bind(validity.from.map(seconds))
        .bind(validity.until.map(seconds))
        .bind(hex::encode(offer.code_hash))
        .bind(offer.tx_code_hash.map(hex::encode))
        .bind(i64::from(record.tx_code_length.unwrap_or(0)))
        .bind(i64::from(record.ready))
        .bind(seconds(record.created_at))
        .bind(seconds(record.expires_at))
        .bind(offer.idempotency.map(|idempotency| hex::encode(idempotency.key)))
        .bind(offer.idempotency.map(|idempotency| hex::encode(idempotency.request)))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            let before = offer.idempotency.ok_or(IssuerError::corrupt("an offer"))?;
            let sql = "SELECT * FROM offers WHERE tenant = $1 AND key_hash = $2";
            let row = sqlx::query(sql)
                .bind(self.tenant.as_str())
                .bind(hex::encode(before.key))
                .fetch_one(&mut *transaction)
                .await?;
            let request = row.try_get::<Option<String>, _>("request_hash")?;
            if request.is_some_and(|request| request != hex::encode(before.request)) {
                return Err(IssuerError::IdempotencyKeyReused);
            }
            return read(&row).map(Some);
        }
        let details = [
            ("schema", record.schema.type_name().to_owned()),
            ("deferred", (!record.ready).to_string()),
            ("txCode", record.tx_code_length.is_some().to_string()),
        ];
        let at = record.created_at;
        self.note_offer(&mut transaction, actor, "offer.create", record.id, at, &details).await?;
        transaction.commit().await?;
        Ok(None)
    }

    pub(crate) async fn offer(&self, id: OfferId) -> Result<OfferRecord, IssuerError> {
        let sql = "SELECT * FROM offers WHERE tenant = $1 AND id = $2";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(self.pool())
            .await?;
        read(&row.ok_or(IssuerError::UnknownOffer)?)
    }

    pub(crate) async fn offer_by_code(
        &self,
        code: &[u8; 32],
    ) -> Result<Option<OfferRecord>, IssuerError> {
        let sql = "SELECT * FROM offers WHERE tenant = $1 AND code_hash = $2";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(hex::encode(code))
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// What is offered; none once the offer has ended.
    pub(crate) async fn offer_content(&self, id: OfferId) -> Result<Option<Content>, IssuerError> {
        let sql = "SELECT subject, valid_from, valid_until FROM offers
                   WHERE tenant = $1 AND id = $2 AND subject IS NOT NULL";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(self.pool())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let subject = serde_json::from_str::<Value>(&row.try_get::<String, _>("subject")?);
        Ok(Some(Content {
            subject: subject.map_err(|_| IssuerError::corrupt("a subject"))?,
            validity: Validity {
                from: optional(&row, "valid_from")?,
                until: optional(&row, "valid_until")?,
            },
        }))
    }

    /// The offer that a token is for, if the token is good.
    pub(crate) async fn offer_by_token(
        &self,
        token: &[u8; 32],
        now: u64,
    ) -> Result<Option<OfferRecord>, IssuerError> {
        let sql = "SELECT * FROM offers
                   WHERE tenant = $1 AND token_hash = $2 AND token_expires_at > $3";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(hex::encode(token))
            .bind(seconds(now))
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Counts a credential request with an offer's token. How many there were.
    pub(crate) async fn count_offer_request(&self, id: OfferId) -> Result<u32, IssuerError> {
        let sql = "UPDATE offers SET requests = requests + 1
                   WHERE tenant = $1 AND id = $2 RETURNING requests";
        let row = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_one(self.pool())
            .await?;
        Ok(unsigned(row.try_get("requests")?, "a count")?)
    }

    /// Some of the offers whose time is over and which are not ended.
    pub(crate) async fn overdue_offers(&self, now: u64) -> Result<Vec<OfferId>, IssuerError> {
        let sql = format!(
            "SELECT id FROM offers WHERE tenant = $1 AND subject IS NOT NULL AND {OVERDUE} LIMIT 100"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.tenant.as_str())
            .bind(seconds(now))
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get("id")?;
                id.parse().map_err(|_| IssuerError::corrupt("an id"))
            })
            .collect()
    }

    async fn update(
        &self,
        connection: &mut AnyConnection,
        sql: String,
        id: OfferId,
    ) -> Result<bool, IssuerError> {
        let updated = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .execute(connection)
            .await?;
        Ok(updated.rows_affected() == 1)
    }

    async fn note_offer(
        &self,
        connection: &mut AnyConnection,
        actor: &Actor,
        action: &'static str,
        id: OfferId,
        at: u64,
        details: &[(&'static str, String)],
    ) -> Result<(), IssuerError> {
        let object = id.to_string();
        let event = audit::Event { actor, action, object: Some(&object), details };
        audit::append(connection, &self.tenant, at, &event).await?;
        Ok(())
    }
}

fn optional(row: &AnyRow, column: &str) -> Result<Option<u64>, IssuerError> {
    let value = row.try_get::<Option<i64>, _>(column)?;
    Ok(value.map(|value| unsigned(value, "a time")).transpose()?)
}

fn read(row: &AnyRow) -> Result<OfferRecord, IssuerError> {
    let corrupt = IssuerError::corrupt;
    let text = |column: &str| row.try_get::<String, _>(column);
    let number = |column: &str| row.try_get::<i64, _>(column);
    let count =
        |column: &str| -> Result<u32, IssuerError> { Ok(unsigned(number(column)?, "a count")?) };
    let time =
        |column: &str| -> Result<u64, IssuerError> { Ok(unsigned(number(column)?, "a time")?) };
    let schema = SchemaId::from_u32(count("schema")?);
    let holder = row.try_get::<Option<String>, _>("holder")?;
    let credential = row.try_get::<Option<String>, _>("credential_id")?;
    Ok(OfferRecord {
        id: text("id")?.parse().map_err(|_| corrupt("an id"))?,
        schema: Schema::from_id(schema).ok_or(corrupt("a schema"))?,
        state: OfferState::from_word(&text("state")?).ok_or(corrupt("a state"))?,
        tx_code_length: Some(count("tx_code_length")?).filter(|length| *length > 0),
        attempts: count("attempts")?,
        ready: number("ready")? != 0,
        created_at: time("created_at")?,
        expires_at: time("expires_at")?,
        credential: credential.map(|id| id.parse().map_err(|_| corrupt("an id"))).transpose()?,
        notified: row.try_get("notified")?,
        token_expires_at: optional(row, "token_expires_at")?,
        identified: number("identified")? != 0,
        holder: holder.map(|text| text.parse().map_err(|_| corrupt("a holder"))).transpose()?,
    })
}
