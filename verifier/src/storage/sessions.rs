//! Sessions, and what became of them.

use std::collections::BTreeMap;

use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{Identifier, PresentationRequest};
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Storage;
use crate::session::{Session, SessionStatus};
use crate::studies::StudySession;
use crate::{Quota, SignedReceipt, VerifierError};

const COLUMNS: &str = "SELECT id, request, count_once, created_at FROM sessions WHERE tenant = $1";

impl Storage {
    pub(crate) async fn add_session(
        &self,
        session: &Session,
        study: Option<&StudySession>,
        quota: &Quota,
        actor: &Actor,
    ) -> Result<(), VerifierError> {
        let request = serde_json::to_string(&session.request)
            .map_err(|_| VerifierError::corrupt("a request has no JSON"))?;
        let request_id = session.request.request_id.as_str();
        let mut transaction = self.write().await?;
        for query in &session.request.queries {
            let (question, now) = (query.policy.question(&query.parameters), session.created_at);
            if self.note_question(&mut transaction, &question, quota, now).await?.is_none() {
                return Err(VerifierError::Quota);
            }
        }
        sqlx::query(
            "INSERT INTO sessions
             (tenant, id, request_id, request, count_once, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.tenant().as_str())
        .bind(session.id.as_str())
        .bind(request_id)
        .bind(request)
        .bind(i64::from(session.count_once))
        .bind(seconds(session.created_at))
        .bind(seconds(session.request.expires_at))
        .execute(&mut *transaction)
        .await?;
        if let Some(asked) = study {
            self.add_study_session(&mut transaction, request_id, asked).await?;
        }
        let event = audit::Event {
            actor,
            action: "presentation.request",
            object: Some(request_id),
            details: &[],
        };
        audit::append(&mut transaction, self.tenant(), session.created_at, &event).await?;
        Ok(transaction.commit().await?)
    }

    /// The session in which a wallet was sent this request.
    pub(crate) async fn session(
        &self,
        request_id: &Identifier,
    ) -> Result<Option<Session>, VerifierError> {
        let select = format!("{COLUMNS} AND request_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(request_id.as_str())
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(read_session).transpose()
    }

    /// The session of this handle, and what became of it.
    pub(crate) async fn outcome(
        &self,
        id: &Identifier,
        now: u64,
    ) -> Result<Option<(Session, SessionStatus)>, VerifierError> {
        let select = format!("{COLUMNS} AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(id.as_str())
            .fetch_optional(self.pool())
            .await?;
        let Some(session) = row.as_ref().map(read_session).transpose()? else { return Ok(None) };
        let decision = sqlx::query(
            "SELECT refused, receipt, disclosed FROM decisions
             WHERE tenant = $1 AND request_id = $2",
        )
        .bind(self.tenant().as_str())
        .bind(session.request.request_id.as_str())
        .fetch_optional(self.pool())
        .await?;
        let status = match decision {
            None if now > session.request.expires_at => SessionStatus::Expired,
            None => SessionStatus::Pending,
            Some(row) => {
                let receipt = SignedReceipt::from_text(row.try_get::<String, _>("receipt")?);
                match row.try_get("refused")? {
                    Some(reason) => SessionStatus::Refused { reason, receipt },
                    None => {
                        let disclosed = read_disclosed(row.try_get("disclosed")?)?;
                        SessionStatus::Accepted { receipt, disclosed }
                    }
                }
            }
        };
        Ok(Some((session, status)))
    }

    /// Whether a session has had its answer.
    pub(crate) async fn is_answered(&self, session: &Session) -> Result<bool, VerifierError> {
        let row = sqlx::query("SELECT 1 FROM challenges WHERE tenant = $1 AND nonce = $2")
            .bind(self.tenant().as_str())
            .bind(session.request.nonce.to_string())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.is_some())
    }

    /// Destroys what was disclosed in decisions before a time, and sessions that ended before it
    /// without an answer.
    pub(crate) async fn purge(&self, before: u64) -> Result<(), VerifierError> {
        let mut transaction = self.write().await?;
        let statements = [
            "UPDATE decisions SET disclosed = '{}'
             WHERE tenant = $1 AND decided_at < $2 AND disclosed <> '{}'",
            "DELETE FROM sessions WHERE tenant = $1 AND expires_at < $2 AND NOT EXISTS
             (SELECT 1 FROM decisions WHERE decisions.tenant = sessions.tenant
              AND decisions.request_id = sessions.request_id)",
        ];
        for statement in statements {
            sqlx::query(statement)
                .bind(self.tenant().as_str())
                .bind(seconds(before))
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn read_session(row: &AnyRow) -> Result<Session, VerifierError> {
    let id: String = row.try_get("id")?;
    let request: String = row.try_get("request")?;
    Ok(Session {
        id: id.parse().map_err(|_| VerifierError::corrupt("a session id"))?,
        request: PresentationRequest::from_json(request.as_bytes())
            .map_err(|_| VerifierError::corrupt("a request"))?,
        count_once: row.try_get::<i64, _>("count_once")? != 0,
        created_at: unsigned(row.try_get("created_at")?, "a time")?,
    })
}

fn read_disclosed(text: &str) -> Result<BTreeMap<Identifier, Disclosed>, VerifierError> {
    let corrupt = || VerifierError::corrupt("the disclosed values");
    let queries: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_str(text).map_err(|_| corrupt())?;
    let queries = queries.into_iter().map(|(query, values)| {
        let none = Disclosed::none();
        let values = values.into_iter().fold(none, |all, (claim, value)| all.with(claim, value));
        Ok((query.parse().map_err(|_| corrupt())?, values))
    });
    queries.collect()
}
