//! A wallet trades an offer's codes for a token.

use attestry_service::Actor;
use attestry_service::database::seconds;
use sqlx::Row;

use super::{DESTROY, read};
use crate::IssuerError;
use crate::offers::{MAX_ATTEMPTS, OfferRecord, equal};
use crate::storage::Storage;

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
}
