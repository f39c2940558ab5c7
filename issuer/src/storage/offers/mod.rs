//! Offers and their steps. Each step is a condition on the state that it starts from, so that of
//! two replicas one takes it.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{HolderCommitment, SchemaId};
use attestry_credential::schema::Schema;
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::IssuerError;
use crate::offers::{Content, MAX_ATTEMPTS, NewOffer, OfferId, OfferRecord, OfferState, equal};
use crate::record::CredentialId;
use crate::request::Validity;

/// What ends with an offer.
/// The hash of the office's request could be tried against guesses of what was offered.
const DESTROY: &str = "subject = NULL, valid_from = NULL, valid_until = NULL, holder = NULL,
    request_hash = NULL";

/// That an offer's time is over at $2: an open one's when it may no longer be claimed, another's
/// with its token; what is being issued has an hour more to be done.
const OVERDUE: &str = "COALESCE(token_expires_at, expires_at)
    + CASE WHEN state = 'issuing' THEN 3600 ELSE 0 END <= $2";

/// What a wallet claims an offer with, hashed, and what it shall get.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) code: [u8; 32],
    pub(crate) tx_code: Option<[u8; 32]>,
    pub(crate) token: [u8; 32],
    /// Life of the token of an offer that is ready, and of one that is not, seconds.
    pub(crate) token_life_s: (u64, u64),
    /// Whether the wallet asked for a dataset by name.
    pub(crate) identified: bool,
    pub(crate) at: u64,
}

/// What became of a claim.
pub(crate) enum Claimed {
    /// The offer has the token.
    Yes(OfferRecord),
    /// There is no such offer that is open.
    NotOpen,
    /// Another transaction code. Which attempt it was.
    WrongTxCode(u32),
}

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

    /// Trades an offer's codes for a token. The attempt is counted before the transaction code is
    /// compared, and the last wrong one makes the offer void.
    pub(crate) async fn claim_offer(
        &self,
        attempt: &Attempt,
        actor: &Actor,
    ) -> Result<Claimed, IssuerError> {
        let mut transaction = self.write().await?;
        // From here to the end all others wait who try this offer.
        let counted = sqlx::query(
            "UPDATE offers SET attempts = attempts + 1
             WHERE tenant = $1 AND code_hash = $2 AND state = 'open' AND expires_at > $3
             RETURNING *",
        )
        .bind(self.tenant.as_str())
        .bind(hex::encode(attempt.code))
        .bind(seconds(attempt.at))
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = counted else { return Ok(Claimed::NotOpen) };
        let offer = read(&row)?;
        let expected = row.try_get::<Option<String>, _>("tx_code_hash")?;
        let given = attempt.tx_code.map(hex::encode);
        let right = match (&expected, &given) {
            (Some(expected), Some(given)) => equal(expected.as_bytes(), given.as_bytes()),
            (None, None) => true,
            _ => false,
        };
        let details = [("attempt", offer.attempts.to_string())];
        if !right {
            let void = offer.attempts >= MAX_ATTEMPTS;
            if void {
                let sql = format!(
                    "UPDATE offers SET state = 'failed', {DESTROY} WHERE tenant = $1 AND id = $2"
                );
                self.update(&mut transaction, sql, offer.id).await?;
            }
            let action = if void { "offer.fail" } else { "offer.refuse" };
            self.note_offer(&mut transaction, actor, action, offer.id, attempt.at, &details)
                .await?;
            transaction.commit().await?;
            return Ok(Claimed::WrongTxCode(offer.attempts));
        }
        let (ready_s, deferred_s) = attempt.token_life_s;
        let life_s = if offer.ready { ready_s } else { deferred_s };
        let claimed = sqlx::query(
            "UPDATE offers SET state = 'claimed', token_hash = $1, token_expires_at = $2,
                 identified = $3
             WHERE tenant = $4 AND id = $5 RETURNING *",
        )
        .bind(hex::encode(attempt.token))
        .bind(seconds(attempt.at.saturating_add(life_s)))
        .bind(i64::from(attempt.identified))
        .bind(self.tenant.as_str())
        .bind(offer.id.to_string())
        .fetch_one(&mut *transaction)
        .await?;
        let claimed = read(&claimed)?;
        self.note_offer(&mut transaction, actor, "offer.claim", offer.id, attempt.at, &details)
            .await?;
        transaction.commit().await?;
        Ok(Claimed::Yes(claimed))
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

    /// Binds a claimed offer to the holder who asks first. Returns whether it is this one.
    pub(crate) async fn bind_offer(
        &self,
        id: OfferId,
        holder: &HolderCommitment,
    ) -> Result<bool, IssuerError> {
        let bound = sqlx::query(
            "UPDATE offers SET holder = $1
             WHERE tenant = $2 AND id = $3 AND state IN ('claimed', 'issuing')
                 AND (holder IS NULL OR holder = $1)",
        )
        .bind(holder.to_string())
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .execute(self.pool())
        .await?;
        Ok(bound.rows_affected() == 1)
    }

    /// Begins to issue what is offered: from here on the offer cannot be cancelled. Returns whether
    /// it may be issued.
    pub(crate) async fn begin_issuing(&self, id: OfferId) -> Result<bool, IssuerError> {
        let sql = "UPDATE offers SET state = 'issuing'
                   WHERE tenant = $1 AND id = $2 AND ready = 1 AND holder IS NOT NULL
                       AND state IN ('claimed', 'issuing')";
        let begun = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .execute(self.pool())
            .await?;
        Ok(begun.rows_affected() == 1)
    }

    /// Ends an offer whose credential was issued.
    pub(crate) async fn end_issuing(
        &self,
        id: OfferId,
        credential: CredentialId,
        actor: &Actor,
        at: u64,
    ) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        let ended = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE offers SET state = 'issued', credential_id = $1, {DESTROY}
             WHERE tenant = $2 AND id = $3 AND state = 'issuing'"
        )))
        .bind(credential.to_string())
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        if ended.rows_affected() == 1 {
            let details = [("credential", credential.to_string())];
            self.note_offer(&mut transaction, actor, "offer.issue", id, at, &details).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes what a wallet tells of the credential; the same again changes nothing.
    pub(crate) async fn notify_offer(
        &self,
        id: OfferId,
        event: &'static str,
        actor: &Actor,
        at: u64,
    ) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        let sql = "UPDATE offers SET notified = $1 WHERE tenant = $2 AND id = $3
                       AND (notified IS NULL OR notified <> $1)";
        let changed = sqlx::query(sql)
            .bind(event)
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        if changed.rows_affected() == 1 {
            let details = [("event", event.to_owned())];
            self.note_offer(&mut transaction, actor, "offer.notify", id, at, &details).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Cancels an offer that nothing was issued for. Returns whether it was.
    pub(crate) async fn cancel_offer(
        &self,
        id: OfferId,
        actor: &Actor,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let sql = format!(
            "UPDATE offers SET state = 'cancelled', {DESTROY}
             WHERE tenant = $1 AND id = $2 AND state IN ('open', 'claimed')"
        );
        self.step(sql, id, actor, "offer.cancel", at).await
    }

    /// Releases a deferred offer. Returns whether it was to be released.
    pub(crate) async fn release_offer(
        &self,
        id: OfferId,
        actor: &Actor,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let sql = "UPDATE offers SET ready = 1
                   WHERE tenant = $1 AND id = $2 AND ready = 0 AND state IN ('open', 'claimed')";
        self.step(sql.to_owned(), id, actor, "offer.release", at).await
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

    /// Ends an offer whose time is over.
    pub(crate) async fn expire_offer(
        &self,
        id: OfferId,
        actor: &Actor,
        now: u64,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let expired = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE offers SET state = 'expired', {DESTROY} WHERE tenant = $1 AND {OVERDUE}
                 AND id = $3 AND state IN ('open', 'claimed', 'issuing')"
        )))
        .bind(self.tenant.as_str())
        .bind(seconds(now))
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        let expired = expired.rows_affected() == 1;
        if expired {
            self.note_offer(&mut transaction, actor, "offer.expire", id, now, &[]).await?;
        }
        transaction.commit().await?;
        Ok(expired)
    }

    /// What this tenant's nonces are authenticated by.
    pub(crate) async fn nonce_secret(
        &self,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<[u8; 32], IssuerError> {
        let select = "SELECT secret FROM nonce_keys WHERE tenant = $1";
        let known = sqlx::query(select).bind(self.tenant.as_str()).fetch_optional(self.pool());
        let row = match known.await? {
            Some(row) => row,
            None => {
                let mut secret = [0; 32];
                rng.fill_bytes(&mut secret);
                let insert = "INSERT INTO nonce_keys (tenant, secret) VALUES ($1, $2)
                              ON CONFLICT DO NOTHING";
                let insert = sqlx::query(insert).bind(self.tenant.as_str());
                insert.bind(hex::encode(secret)).execute(self.pool()).await?;
                // Another replica may have been first.
                sqlx::query(select).bind(self.tenant.as_str()).fetch_one(self.pool()).await?
            }
        };
        let mut secret = [0; 32];
        hex::decode_to_slice(row.try_get::<String, _>("secret")?, &mut secret)
            .map_err(|_| IssuerError::corrupt("a nonce key"))?;
        Ok(secret)
    }

    /// Takes a nonce, once. Returns whether it was free.
    pub(crate) async fn use_nonce(
        &self,
        nonce: [u8; 32],
        expires_at: u64,
    ) -> Result<bool, IssuerError> {
        let sql = "INSERT INTO used_nonces (tenant, nonce_hash, expires_at) VALUES ($1, $2, $3)
                   ON CONFLICT DO NOTHING";
        let used = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(hex::encode(nonce))
            .bind(seconds(expires_at))
            .execute(self.pool())
            .await?;
        Ok(used.rows_affected() == 1)
    }

    /// Forgets used nonces that could not be used any more anyhow.
    pub(crate) async fn forget_nonces(&self, now: u64) -> Result<(), IssuerError> {
        sqlx::query("DELETE FROM used_nonces WHERE tenant = $1 AND expires_at <= $2")
            .bind(self.tenant.as_str())
            .bind(seconds(now))
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// A step that is one update and its place in the audit log. Returns whether it was taken.
    async fn step(
        &self,
        sql: String,
        id: OfferId,
        actor: &Actor,
        action: &'static str,
        at: u64,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let taken = self.update(&mut transaction, sql, id).await?;
        if taken {
            self.note_offer(&mut transaction, actor, action, id, at, &[]).await?;
        }
        transaction.commit().await?;
        Ok(taken)
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
