//! Participants of studies: counted once, renewed, withdrawn.

use attestry_circuits::Nullifier;
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Storage, enqueue};
use crate::studies::{Cohort, Participant, ParticipantState, Study, StudySession};
use crate::webhooks::Event;
use crate::{Refusal, SignedReceipt, VerifiedPresentation, VerifierError};

impl Storage {
    /// What a study asks in the session of a request, if it is a study's.
    pub(super) async fn study_session(
        &self,
        connection: &mut AnyConnection,
        request_id: &str,
    ) -> Result<Option<StudySession>, VerifierError> {
        let row = sqlx::query(
            "SELECT study, epoch, revision, participant FROM study_sessions
             WHERE tenant = $1 AND request_id = $2",
        )
        .bind(self.tenant().as_str())
        .bind(request_id)
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StudySession {
            study: row.try_get("study")?,
            epoch: unsigned(row.try_get("epoch")?, "an epoch")?,
            revision: unsigned(row.try_get("revision")?, "a revision")?,
            participant: row.try_get("participant")?,
        }))
    }

    /// Counts a participant, or renews it if it proved an earlier policy of the study before.
    /// Called in the transaction that accepts the answer, after withdrawals were looked for.
    pub(super) async fn count_participant(
        &self,
        connection: &mut AnyConnection,
        asked: &StudySession,
        verified: &VerifiedPresentation,
    ) -> Result<Result<(), Refusal>, VerifierError> {
        let open = sqlx::query(
            "SELECT 1 FROM studies WHERE tenant = $1 AND id = $2 AND closed_at IS NULL",
        )
        .bind(self.tenant().as_str())
        .bind(&asked.study)
        .fetch_optional(&mut *connection)
        .await?;
        if open.is_none() {
            return Ok(Err(Refusal::StudyClosed));
        }
        let counted = sqlx::query(
            "INSERT INTO participants (tenant, study, epoch, nullifier, participant, revision,
             request_id, block, counted_at, proven_at, counted_after)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9,
              (SELECT sequence FROM audit_heads WHERE tenant = $1)) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant().as_str())
        .bind(&asked.study)
        .bind(seconds(asked.epoch))
        .bind(verified.nullifier().to_string())
        .bind(&asked.participant)
        .bind(seconds(asked.revision))
        .bind(verified.request_id().as_str())
        .bind(seconds(verified.block()))
        .bind(seconds(verified.checked_at()))
        .execute(&mut *connection)
        .await?;
        if counted.rows_affected() == 1 {
            return Ok(Ok(()));
        }
        let renewed = sqlx::query(
            "UPDATE participants SET revision = $5, request_id = $6, block = $7, proven_at = $8
             WHERE tenant = $1 AND study = $2 AND epoch = $3 AND nullifier = $4
             AND revision < $5 AND withdrawn_at IS NULL",
        )
        .bind(self.tenant().as_str())
        .bind(&asked.study)
        .bind(seconds(asked.epoch))
        .bind(verified.nullifier().to_string())
        .bind(seconds(asked.revision))
        .bind(verified.request_id().as_str())
        .bind(seconds(verified.block()))
        .bind(seconds(verified.checked_at()))
        .execute(connection)
        .await?;
        Ok(if renewed.rows_affected() == 1 { Ok(()) } else { Err(Refusal::AlreadyCounted) })
    }

    /// Marks the participant of a nullifier as withdrawn, and tells of it.
    pub(super) async fn withdraw_participant(
        &self,
        connection: &mut AnyConnection,
        nullifier: &Nullifier,
        actor: &Actor,
        now: u64,
    ) -> Result<(), VerifierError> {
        let rows = sqlx::query(
            "UPDATE participants SET withdrawn_at = $3
             WHERE tenant = $1 AND nullifier = $2 AND withdrawn_at IS NULL
             RETURNING study, request_id",
        )
        .bind(self.tenant().as_str())
        .bind(nullifier.to_string())
        .bind(seconds(now))
        .fetch_all(&mut *connection)
        .await?;
        for row in rows {
            let study: String = row.try_get("study")?;
            let session = self.session_handle(connection, row.try_get("request_id")?).await?;
            let event = Event::StudyWithdrawn { study: &study, session: session.as_deref() };
            enqueue(connection, self.tenant(), &[event], now).await?;
            self.note(connection, "study.withdraw", &study, &[], actor, now).await?;
        }
        Ok(())
    }

    /// The asking party's handle of the session in which a request was made.
    async fn session_handle(
        &self,
        connection: &mut AnyConnection,
        request_id: &str,
    ) -> Result<Option<String>, VerifierError> {
        let select = "SELECT id FROM sessions WHERE tenant = $1 AND request_id = $2";
        let row = sqlx::query(select)
            .bind(self.tenant().as_str())
            .bind(request_id)
            .fetch_optional(connection)
            .await?;
        Ok(row.map(|row| row.try_get("id")).transpose()?)
    }

    /// Participants who have not withdrawn, in the order in which they were counted: what the audit
    /// log's last entry was before, and the nullifier. Those after an entry, at most so many.
    pub(crate) async fn participants_after(
        &self,
        entry: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Nullifier)>, VerifierError> {
        let rows = sqlx::query(
            "SELECT counted_after, nullifier FROM participants
             WHERE tenant = $1 AND counted_after > $2 AND withdrawn_at IS NULL
             ORDER BY counted_after LIMIT $3",
        )
        .bind(self.tenant().as_str())
        .bind(entry.map_or(-1, seconds))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.pool())
        .await?;
        let read = |row: &AnyRow| {
            Ok((unsigned(row.try_get("counted_after")?, "a sequence")?, read_nullifier(row)?))
        };
        rows.iter().map(read).collect()
    }

    /// Those of the nullifiers that are of participants who have not withdrawn.
    pub(crate) async fn participants_among(
        &self,
        nullifiers: &[Nullifier],
    ) -> Result<Vec<Nullifier>, VerifierError> {
        let select = "SELECT DISTINCT nullifier FROM participants
            WHERE tenant = $1 AND withdrawn_at IS NULL AND nullifier IN";
        let mut connection = self.pool().acquire().await?;
        let rows = self.rows_of(&mut connection, select, nullifiers).await?;
        rows.iter().map(read_nullifier).collect()
    }

    pub(crate) async fn cohort(&self, study: &Study, epoch: u64) -> Result<Cohort, VerifierError> {
        let row = sqlx::query(
            "SELECT
             SUM(CASE WHEN withdrawn_at IS NULL AND revision = $4 THEN 1 ELSE 0 END) AS eligible,
             SUM(CASE WHEN withdrawn_at IS NULL AND revision < $4 THEN 1 ELSE 0 END) AS outdated,
             SUM(CASE WHEN withdrawn_at IS NULL THEN 0 ELSE 1 END) AS withdrawn
             FROM participants WHERE tenant = $1 AND study = $2 AND epoch = $3",
        )
        .bind(self.tenant().as_str())
        .bind(study.id.as_str())
        .bind(seconds(epoch))
        .bind(seconds(study.revision))
        .fetch_one(self.pool())
        .await?;
        let count = |name| -> Result<u64, VerifierError> {
            let count: Option<i64> = row.try_get(name)?;
            Ok(unsigned(count.unwrap_or(0), "a count")?)
        };
        Ok(Cohort {
            epoch,
            eligible: count("eligible")?,
            withdrawn: count("withdrawn")?,
            must_re_prove: count("outdated")?,
        })
    }

    /// Records that the participants of an epoch are exported. Returns the number of the entry in
    /// the audit log.
    pub(crate) async fn note_export(
        &self,
        study: &Study,
        epoch: u64,
        actor: &Actor,
        now: u64,
    ) -> Result<u64, VerifierError> {
        let mut transaction = self.write().await?;
        let (action, details) = ("study.export", [("epoch", epoch.to_string())]);
        let object = Some(study.id.as_str());
        let event = audit::Event { actor, action, object, details: &details };
        let entry = audit::append(&mut transaction, self.tenant(), now, &event).await?;
        transaction.commit().await?;
        Ok(entry)
    }

    /// Participants of an epoch who were counted before an entry of the audit log, after one of
    /// them by id; at most so many.
    pub(crate) async fn export_page(
        &self,
        study: &Study,
        epoch: u64,
        entry: u64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Participant>, VerifierError> {
        let rows = sqlx::query(
            "SELECT participant, revision, block, counted_at, proven_at, withdrawn_at, receipt
             FROM participants JOIN decisions ON decisions.tenant = participants.tenant
             AND decisions.request_id = participants.request_id
             WHERE participants.tenant = $1 AND study = $2 AND epoch = $3
             AND participant > $4 AND counted_after < $5
             ORDER BY participant LIMIT $6",
        )
        .bind(self.tenant().as_str())
        .bind(study.id.as_str())
        .bind(seconds(epoch))
        .bind(after)
        .bind(seconds(entry))
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| read(row, study)).collect()
    }
}

fn read_nullifier(row: &AnyRow) -> Result<Nullifier, VerifierError> {
    let text: String = row.try_get("nullifier")?;
    text.parse().map_err(|_| VerifierError::corrupt("a nullifier"))
}

fn read(row: &AnyRow, study: &Study) -> Result<Participant, VerifierError> {
    let revision = unsigned(row.try_get("revision")?, "a revision")?;
    let withdrawn_at: Option<i64> = row.try_get("withdrawn_at")?;
    Ok(Participant {
        id: row.try_get("participant")?,
        state: match withdrawn_at {
            Some(_) => ParticipantState::Withdrawn,
            None if revision < study.revision => ParticipantState::MustReProve,
            None => ParticipantState::Eligible,
        },
        revision,
        counted_at: unsigned(row.try_get("counted_at")?, "a time")?,
        proven_at: unsigned(row.try_get("proven_at")?, "a time")?,
        withdrawn_at: withdrawn_at.map(|at| unsigned(at, "a time")).transpose()?,
        block: unsigned(row.try_get("block")?, "a block")?,
        receipt: SignedReceipt::from_text(row.try_get::<String, _>("receipt")?),
    })
}
