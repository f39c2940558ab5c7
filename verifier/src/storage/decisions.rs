//! Decisions: one for each session, each with its challenge, its count and its receipt.

use attestry_circuits::Nullifier;
use attestry_credential::policy::{Disclosed, Question};
use attestry_credential::presentation::{Identifier, Nonce};
use attestry_service::database::seconds;
use attestry_service::{Actor, audit};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

use super::{Storage, enqueue};
use crate::recorder::Recorded;
use crate::session::{Decision, Session, Shown};
use crate::webhooks::Event;
use crate::{
    Quota, Receipt, ReceiptKey, Refusal, SignedReceipt, VerifiedPresentation, VerifierError,
};

/// What is to be recorded of an answer to a session.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The session.
    pub(crate) session: Session,
    /// What the check found. Only refusals that decide a session come here.
    pub(crate) checked: Result<Shown, Refusal>,
    /// What was asked.
    pub(crate) questions: Vec<Question>,
    /// How many values of it may be.
    pub(crate) quota: Quota,
    /// The receipt of an acceptance; refused, it is given the reason.
    pub(crate) receipt: Receipt,
    /// Who answered.
    pub(crate) actor: Actor,
}

impl Recorded for Verdict {
    async fn record_all(
        group: &[&Self],
        storage: &Storage,
        key: &ReceiptKey,
    ) -> Result<Vec<Decision>, VerifierError> {
        storage.decide(group, key).await
    }
}

impl Storage {
    /// Records verdicts, all or none, in one transaction: one answer for each challenge, and what
    /// was verified only if its holder has neither withdrawn nor been counted. Of two replicas
    /// that race, the second waits and finds what the first one wrote.
    pub(crate) async fn decide(
        &self,
        verdicts: &[&Verdict],
        key: &ReceiptKey,
    ) -> Result<Vec<Decision>, VerifierError> {
        let mut transaction = self.write().await?;
        let mut decisions = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            decisions.push(self.decide_one(&mut transaction, verdict, key).await?);
        }
        transaction.commit().await?;
        Ok(decisions)
    }

    async fn decide_one(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        key: &ReceiptKey,
    ) -> Result<Decision, VerifierError> {
        let challenge = &verdict.session.request.nonce;
        if !self.consume(connection, challenge, verdict.receipt.decided_at).await? {
            return Ok(Decision::Refused { refusal: Refusal::Replayed, receipt: None });
        }
        let outcome = match &verdict.checked {
            Ok(Shown::Proven(verified)) => {
                self.hold_against_holder(connection, verdict, verified).await?
            }
            Ok(Shown::Plain(_)) => Ok(()),
            Err(refusal) => Err(refusal.clone()),
        };
        let receipt = key
            .sign(&verdict.receipt.clone().of(outcome.as_ref().copied()))
            .map_err(|_| VerifierError::corrupt("a receipt has no JSON"))?;
        let disclosed = match (&outcome, &verdict.checked) {
            (Ok(()), Ok(Shown::Proven(verified))) => write_disclosed(verified.disclosed()),
            (Ok(()), Ok(Shown::Plain(disclosed))) => write_disclosed(disclosed),
            _ => Map::new(),
        };
        let reason = outcome.as_ref().err().map(Refusal::reason);
        self.record(connection, verdict, reason, &receipt, disclosed).await?;
        Ok(match outcome {
            Ok(()) => Decision::Accepted { receipt },
            Err(refusal) => Decision::Refused { refusal, receipt: Some(receipt) },
        })
    }

    /// Consumes a session's challenge; false if it was consumed before.
    pub(super) async fn consume(
        &self,
        connection: &mut AnyConnection,
        challenge: &Nonce,
        now: u64,
    ) -> Result<bool, VerifierError> {
        let inserted = sqlx::query(
            "INSERT INTO challenges (tenant, nonce, consumed_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant().as_str())
        .bind(challenge.to_string())
        .bind(seconds(now))
        .execute(connection)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Checks what speaks against the holder, and counts it where the session asks for that.
    async fn hold_against_holder(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        verified: &VerifiedPresentation,
    ) -> Result<Result<(), Refusal>, VerifierError> {
        let nullifier = verified.nullifier();
        if self.has_withdrawn(connection, &nullifier).await? {
            return Ok(Err(Refusal::Withdrawn));
        }
        let noted =
            self.note_answers(connection, verified, &verdict.questions, &verdict.quota).await?;
        if noted.is_err() || !verdict.session.count_once {
            return Ok(noted);
        }
        let request_id = verified.request_id().as_str();
        if let Some(asked) = self.study_session(connection, request_id).await? {
            return self.count_participant(connection, &asked, verified).await;
        }
        self.count(connection, verified).await
    }

    /// Counts a holder, unless it has been counted in this scope.
    pub(super) async fn count(
        &self,
        connection: &mut AnyConnection,
        verified: &VerifiedPresentation,
    ) -> Result<Result<(), Refusal>, VerifierError> {
        let counted = sqlx::query(
            "INSERT INTO nullifiers (tenant, scope, nullifier, request_id, counted_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant().as_str())
        .bind(verified.scope().to_string())
        .bind(verified.nullifier().to_string())
        .bind(verified.request_id().as_str())
        .bind(seconds(verified.checked_at()))
        .execute(connection)
        .await?;
        Ok(if counted.rows_affected() == 1 { Ok(()) } else { Err(Refusal::AlreadyCounted) })
    }

    /// Whether a holder has withdrawn by this service.
    async fn has_withdrawn(
        &self,
        connection: &mut AnyConnection,
        nullifier: &Nullifier,
    ) -> Result<bool, VerifierError> {
        let select = "SELECT 1 FROM withdrawals WHERE tenant = $1 AND nullifier = $2";
        let row = sqlx::query(select)
            .bind(self.tenant().as_str())
            .bind(nullifier.to_string())
            .fetch_optional(connection)
            .await?;
        Ok(row.is_some())
    }

    async fn record(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        refused: Option<&'static str>,
        receipt: &SignedReceipt,
        disclosed: Map<String, Value>,
    ) -> Result<(), VerifierError> {
        let request_id = verdict.session.request.request_id.as_str();
        let at = verdict.receipt.decided_at;
        sqlx::query(
            "INSERT INTO decisions (tenant, request_id, refused, receipt, disclosed, decided_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.tenant().as_str())
        .bind(request_id)
        .bind(refused)
        .bind(receipt.as_str())
        .bind(Value::Object(disclosed).to_string())
        .bind(seconds(at))
        .execute(&mut *connection)
        .await?;
        let close = "UPDATE sessions SET is_open = 0, answer_key = NULL
            WHERE tenant = $1 AND request_id = $2";
        let close = sqlx::query(close).bind(self.tenant().as_str()).bind(request_id);
        close.execute(&mut *connection).await?;
        let action = match refused {
            None => "presentation.accept",
            Some(_) => "presentation.refuse",
        };
        let hash = hex::encode(Sha256::digest(receipt.as_str()));
        let mut details = vec![("receipt", hash)];
        details.extend(refused.map(|reason| ("reason", reason.to_owned())));
        let event = audit::Event {
            actor: &verdict.actor,
            action,
            object: Some(request_id),
            details: &details,
        };
        let told = Event::SessionDecided {
            session: verdict.session.id.as_str(),
            accepted: refused.is_none(),
            reason: refused,
            receipt,
        };
        enqueue(connection, self.tenant(), &[told], at).await?;
        audit::append(connection, self.tenant(), at, &event).await?;
        Ok(())
    }
}

fn write_disclosed<'a>(
    queries: impl IntoIterator<Item = (&'a Identifier, &'a Disclosed)>,
) -> Map<String, Value> {
    let queries = queries.into_iter().map(|(query, values)| {
        let values: Map<String, Value> =
            values.iter().map(|(claim, value)| (claim.to_owned(), value.clone())).collect();
        (query.to_string(), Value::Object(values))
    });
    queries.collect()
}
