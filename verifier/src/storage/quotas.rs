//! What was asked and answered with which values. Written in the transactions that open sessions
//! and record decisions, so that replicas count together.

use std::collections::HashMap;

use attestry_circuits::Nullifier;
use attestry_credential::policy::Question;
use attestry_service::database::{seconds, unsigned};
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::quota::Quota;
use crate::{Refusal, VerifiedPresentation, VerifierError};

impl Storage {
    /// Notes that a question is asked. Returns with how many values it was asked in the window,
    /// this one among them; none if that is one too many, and then nothing is noted.
    pub(super) async fn note_question(
        &self,
        connection: &mut AnyConnection,
        question: &Question,
        quota: &Quota,
        now: u64,
    ) -> Result<Option<u64>, VerifierError> {
        let (shape, values) = (hex::encode(question.shape), hex::encode(question.values));
        let asked = sqlx::query(
            "SELECT COUNT(CASE WHEN question <> $3 THEN 1 END) AS others,
             COUNT(CASE WHEN question = $3 AND asked_at >= $5 THEN 1 END) AS noted
             FROM questions WHERE tenant = $1 AND shape = $2 AND asked_at > $4",
        )
        .bind(self.tenant().as_str())
        .bind(&shape)
        .bind(&values)
        .bind(seconds(quota.since(now)))
        .bind(seconds(now))
        .fetch_one(&mut *connection)
        .await?;
        let others: u64 = unsigned(asked.try_get("others")?, "a count")?;
        if others >= u64::from(quota.values_per_question) {
            return Ok(None);
        }
        // Of those who ask it in one second, the first notes it.
        if asked.try_get::<i64, _>("noted")? > 0 {
            return Ok(Some(others + 1));
        }
        sqlx::query(
            "INSERT INTO questions (tenant, shape, question, asked_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, shape, question) DO UPDATE SET asked_at = excluded.asked_at",
        )
        .bind(self.tenant().as_str())
        .bind(&shape)
        .bind(&values)
        .bind(seconds(now))
        .execute(connection)
        .await?;
        Ok(Some(others + 1))
    }

    /// Notes the questions of direct checks and the answers to them, unless a value is one too
    /// many. Answers are noted from a question's second value on: as long as it is asked with one
    /// value, which is how files of answers come, nobody searches. `known` is what was noted
    /// before in this transaction.
    pub(super) async fn note_check(
        &self,
        connection: &mut AnyConnection,
        verified: &VerifiedPresentation,
        questions: &[Question],
        quota: &Quota,
        known: &mut HashMap<Question, Option<u64>>,
    ) -> Result<Result<(), Refusal>, VerifierError> {
        for question in questions {
            let values = match known.get(question) {
                Some(values) => *values,
                None => {
                    let now = verified.checked_at();
                    let values = self.note_question(connection, question, quota, now).await?;
                    known.insert(*question, values);
                    values
                }
            };
            let one = std::slice::from_ref(question);
            let noted = match values {
                None => Err(Refusal::Quota),
                Some(1) => Ok(()),
                Some(_) => self.note_answers(connection, verified, one, quota).await?,
            };
            if noted.is_err() {
                return Ok(noted);
            }
        }
        Ok(Ok(()))
    }

    /// Notes that a holder answers questions with yes, unless that is one value too many.
    pub(super) async fn note_answers(
        &self,
        connection: &mut AnyConnection,
        verified: &VerifiedPresentation,
        questions: &[Question],
        quota: &Quota,
    ) -> Result<Result<(), Refusal>, VerifierError> {
        let (nullifier, now) = (verified.nullifier(), verified.checked_at());
        for question in questions {
            if !self.note_answer(connection, &nullifier, question, quota, now).await? {
                return Ok(Err(Refusal::Quota));
            }
        }
        Ok(Ok(()))
    }

    async fn note_answer(
        &self,
        connection: &mut AnyConnection,
        nullifier: &Nullifier,
        question: &Question,
        quota: &Quota,
        now: u64,
    ) -> Result<bool, VerifierError> {
        let (shape, values) = (hex::encode(question.shape), hex::encode(question.values));
        let others = sqlx::query(
            "SELECT COUNT(*) AS others FROM answered_questions
             WHERE tenant = $1 AND nullifier = $2 AND shape = $3 AND question <> $4
             AND answered_at > $5",
        )
        .bind(self.tenant().as_str())
        .bind(nullifier.to_string())
        .bind(&shape)
        .bind(&values)
        .bind(seconds(quota.since(now)))
        .fetch_one(&mut *connection)
        .await?;
        let others: u64 = unsigned(others.try_get("others")?, "a count")?;
        if others >= u64::from(quota.values_per_holder) {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO answered_questions (tenant, nullifier, shape, question, answered_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, nullifier, shape, question)
             DO UPDATE SET answered_at = excluded.answered_at",
        )
        .bind(self.tenant().as_str())
        .bind(nullifier.to_string())
        .bind(&shape)
        .bind(&values)
        .bind(seconds(now))
        .execute(connection)
        .await?;
        Ok(true)
    }

    /// Forgets values that do not count any more.
    pub(crate) async fn purge_quotas(&self, since: u64) -> Result<(), VerifierError> {
        let mut transaction = self.write().await?;
        for statement in [
            "DELETE FROM questions WHERE tenant = $1 AND asked_at <= $2",
            "DELETE FROM answered_questions WHERE tenant = $1 AND answered_at <= $2",
        ] {
            sqlx::query(statement)
                .bind(self.tenant().as_str())
                .bind(seconds(since))
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}
