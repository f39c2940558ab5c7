//! Sessions that end without an answer.

use attestry_service::database::seconds;
use attestry_service::{Actor, audit};

use super::{Storage, enqueue};
use crate::VerifierError;
use crate::session::{Ending, Session};
use crate::webhooks::Event;

impl Storage {
    /// Ends a session, unless it has been answered or has ended: the challenge can be consumed
    /// once, by an answer or by this.
    pub(crate) async fn end(
        &self,
        session: &Session,
        ending: Ending,
        actor: &Actor,
        now: u64,
    ) -> Result<bool, VerifierError> {
        let request_id = session.request.request_id.as_str();
        let mut transaction = self.write().await?;
        if !self.consume(&mut transaction, &session.request.nonce, now).await? {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE sessions SET ended = $3, ended_at = $4, answer_key = NULL, is_open = 0
             WHERE tenant = $1 AND request_id = $2",
        )
        .bind(self.tenant().as_str())
        .bind(request_id)
        .bind(ending.word())
        .bind(seconds(now))
        .execute(&mut *transaction)
        .await?;
        let session_id = session.id.as_str();
        let (action, told) = match ending {
            Ending::Cancelled => {
                ("presentation.cancel", Event::SessionCancelled { session: session_id })
            }
            Ending::Declined => {
                ("presentation.decline", Event::SessionDeclined { session: session_id })
            }
            Ending::Expired => {
                ("presentation.expire", Event::SessionExpired { session: session_id })
            }
        };
        enqueue(&mut transaction, self.tenant(), &[told], now).await?;
        let event = audit::Event { actor, action, object: Some(request_id), details: &[] };
        audit::append(&mut transaction, self.tenant(), now, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
