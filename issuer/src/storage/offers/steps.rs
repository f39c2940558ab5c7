//! The steps of an offer after it is claimed, and its ends. Each is a condition on the state that
//! it starts from, so that of two replicas one takes it.

use attestry_circuits::HolderCommitment;
use attestry_service::Actor;
use attestry_service::database::seconds;

use super::{DESTROY, OVERDUE};
use crate::IssuerError;
use crate::offers::OfferId;
use crate::record::CredentialId;
use crate::storage::Storage;

impl Storage {
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
}
