//! Sessions, and what became of them.

use std::collections::BTreeMap;

use attestry_credential::oid4vp::{AuthorizationRequest, EncryptionSecret, SignedRequest};
use attestry_credential::policy::{Disclosed, FindingCode};
use attestry_credential::presentation::{Identifier, PresentationRequest};
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;
use zeroize::Zeroizing;

use super::Storage;
use crate::delivery::{Delivery, Redirect};
use crate::plain::envelope;
use crate::session::{Ending, Session, SessionStatus};
use crate::studies::StudySession;
use crate::{Quota, SignedReceipt, VerifierError};

const COLUMNS: &str = "SELECT id, request, count_once, created_at, signed_request, answer_key,
    redirect_uri, response_code, ended, plain FROM sessions WHERE tenant = $1";

impl Storage {
    pub(crate) async fn add_session(
        &self,
        session: &Session,
        study: Option<&StudySession>,
        acknowledged: &[FindingCode],
        quota: &Quota,
        actor: &Actor,
    ) -> Result<(), VerifierError> {
        let request = match session.plain {
            None => serde_json::to_string(&session.request)
                .map_err(|_| VerifierError::corrupt("a request has no JSON"))?,
            Some(_) => claims(session)?.to_string(),
        };
        let request_id = session.request.request_id.as_str();
        let Delivery { answer_key, redirect, .. } = &session.delivery;
        let answer_key = answer_key.as_ref().map(|key| Zeroizing::new(hex::encode(key.to_bytes())));
        let redirect = redirect.as_ref();
        let mut transaction = self.write().await?;
        for query in &session.request.queries {
            let (question, now) = (query.policy.question(&query.parameters), session.created_at);
            if self.note_question(&mut transaction, &question, quota, now).await?.is_none() {
                return Err(VerifierError::Quota);
            }
        }
        sqlx::query(
            "INSERT INTO sessions
             (tenant, id, request_id, request, count_once, created_at, expires_at,
              signed_request, answer_key, redirect_uri, response_code, plain)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(self.tenant().as_str())
        .bind(session.id.as_str())
        .bind(request_id)
        .bind(request)
        .bind(i64::from(session.count_once))
        .bind(seconds(session.created_at))
        .bind(seconds(session.request.expires_at))
        .bind(&session.delivery.signed_request)
        .bind(answer_key.as_ref().map(|key| key.as_str()))
        .bind(redirect.map(|redirect| redirect.uri.as_str()))
        .bind(redirect.map(|redirect| redirect.code.as_str()))
        .bind(i64::from(session.plain.is_some()))
        .execute(&mut *transaction)
        .await?;
        if let Some(asked) = study {
            self.add_study_session(&mut transaction, request_id, asked).await?;
        }
        let codes: Vec<_> = acknowledged.iter().map(FindingCode::name).collect();
        let details = [("acknowledged", codes.join(" "))];
        let event = audit::Event {
            actor,
            action: "presentation.request",
            object: Some(request_id),
            details: if codes.is_empty() { &[] } else { &details },
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
            None if session.ended == Some(Ending::Cancelled) => SessionStatus::Cancelled,
            None if session.ended == Some(Ending::Declined) => SessionStatus::Declined,
            None if session.ended == Some(Ending::Expired) => SessionStatus::Expired,
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

    /// Open sessions whose time has passed.
    pub(crate) async fn overdue(
        &self,
        now: u64,
        limit: u32,
    ) -> Result<Vec<Session>, VerifierError> {
        let select =
            format!("{COLUMNS} AND is_open = 1 AND expires_at < $2 ORDER BY expires_at LIMIT $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(seconds(now))
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read_session).collect()
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

    /// Destroys what was disclosed in decisions before a time, and sessions that ended without an
    /// answer and whose time passed before it. Open ones are to be ended first.
    pub(crate) async fn purge(&self, before: u64) -> Result<(), VerifierError> {
        let mut transaction = self.write().await?;
        let statements = [
            "UPDATE decisions SET disclosed = '{}'
             WHERE tenant = $1 AND decided_at < $2 AND disclosed <> '{}'",
            "DELETE FROM sessions WHERE tenant = $1 AND expires_at < $2 AND ended IS NOT NULL",
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
    let corrupt = || VerifierError::corrupt("a request");
    let (request, plain) = match row.try_get::<i64, _>("plain")? {
        0 => {
            let request = PresentationRequest::from_json(request.as_bytes());
            (request.map_err(|_| corrupt())?, None)
        }
        _ => {
            let claims = serde_json::from_str(&request).map_err(|_| corrupt())?;
            let asked = AuthorizationRequest::from_claims(&claims).map_err(|_| corrupt())?;
            (envelope(&asked), Some(asked.dcql_query))
        }
    };
    Ok(Session {
        id: id.parse().map_err(|_| VerifierError::corrupt("a session id"))?,
        request,
        plain,
        count_once: row.try_get::<i64, _>("count_once")? != 0,
        created_at: unsigned(row.try_get("created_at")?, "a time")?,
        delivery: read_delivery(row)?,
        ended: match row.try_get::<Option<String>, _>("ended")? {
            None => None,
            Some(word) => {
                let ending = Ending::from_word(&word);
                Some(ending.ok_or(VerifierError::corrupt("how a session ended"))?)
            }
        },
    })
}

/// The claims of a session's request object.
fn claims(session: &Session) -> Result<Value, VerifierError> {
    let signed = SignedRequest::parse(session.delivery.signed_request.as_bytes());
    let signed = signed.map_err(|_| VerifierError::corrupt("a request object"))?;
    Ok(signed.unverified_claims().clone())
}

fn read_delivery(row: &AnyRow) -> Result<Delivery, VerifierError> {
    let corrupt = || VerifierError::corrupt("how a session is answered");
    let text = |column| row.try_get::<Option<String>, _>(column);
    let key = |text: String| {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(Zeroizing::new(text).as_bytes(), bytes.as_mut()).ok()?;
        EncryptionSecret::from_bytes(&bytes)
    };
    let redirect = match (text("redirect_uri")?, text("response_code")?) {
        (Some(uri), Some(code)) => Some(Redirect {
            uri: uri.parse().map_err(|_| corrupt())?,
            code: code.parse().map_err(|_| corrupt())?,
        }),
        _ => None,
    };
    Ok(Delivery {
        signed_request: row.try_get("signed_request")?,
        answer_key: text("answer_key")?.map(|text| key(text).ok_or_else(corrupt)).transpose()?,
        redirect,
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
