//! Studies as records.

use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Storage, enqueue};
use crate::VerifierError;
use crate::studies::{Study, StudySession};
use crate::webhooks::Event;

const COLUMNS: &str = "SELECT id, name, purpose, epoch, policy_id, policy_version, parameters,
    revision, exports_few, created_at, closed_at FROM studies WHERE tenant = $1";

impl Storage {
    pub(crate) async fn add_study(
        &self,
        study: &Study,
        actor: &Actor,
    ) -> Result<(), VerifierError> {
        let mut transaction = self.write().await?;
        sqlx::query(
            "INSERT INTO studies (tenant, id, name, purpose, epoch, policy_id, policy_version,
             parameters, revision, exports_few, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(self.tenant().as_str())
        .bind(study.id.as_str())
        .bind(&study.name)
        .bind(&study.purpose)
        .bind(seconds(study.epoch))
        .bind(&study.policy_id)
        .bind(i64::from(study.policy_version))
        .bind(serde_json::json!(study.parameters).to_string())
        .bind(seconds(study.revision))
        .bind(i64::from(study.exports_few))
        .bind(seconds(study.created_at))
        .execute(&mut *transaction)
        .await?;
        let details = [("policy", study.policy_name())];
        self.note(
            &mut transaction,
            "study.open",
            study.id.as_str(),
            &details,
            actor,
            study.created_at,
        )
        .await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn study(&self, id: &str) -> Result<Option<Study>, VerifierError> {
        let select = format!("{COLUMNS} AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Studies by id, after an id.
    pub(crate) async fn studies(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Study>, VerifierError> {
        let select = format!("{COLUMNS} AND id > $2 ORDER BY id LIMIT $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read).collect()
    }

    /// Gives an open study its next policy; false if it has changed since it was read.
    pub(crate) async fn change_study_policy(
        &self,
        study: &Study,
        hash: &str,
        actor: &Actor,
        now: u64,
    ) -> Result<bool, VerifierError> {
        let mut transaction = self.write().await?;
        let changed = sqlx::query(
            "UPDATE studies SET policy_id = $3, policy_version = $4, parameters = $5, revision = $6
             WHERE tenant = $1 AND id = $2 AND revision = $7 AND closed_at IS NULL",
        )
        .bind(self.tenant().as_str())
        .bind(study.id.as_str())
        .bind(&study.policy_id)
        .bind(i64::from(study.policy_version))
        .bind(serde_json::json!(study.parameters).to_string())
        .bind(seconds(study.revision))
        .bind(seconds(study.revision - 1))
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        let event = Event::StudyPolicyChanged { study: study.id.as_str(), policy_hash: hash };
        enqueue(&mut transaction, self.tenant(), &[event], now).await?;
        let details = [("policy", study.policy_name()), ("hash", hash.to_owned())];
        self.note(&mut transaction, "study.policy", study.id.as_str(), &details, actor, now)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Starts the study's next epoch; false if it has changed since it was read.
    pub(crate) async fn open_epoch(
        &self,
        study: &Study,
        actor: &Actor,
        now: u64,
    ) -> Result<bool, VerifierError> {
        let mut transaction = self.write().await?;
        let changed = sqlx::query(
            "UPDATE studies SET epoch = $3
             WHERE tenant = $1 AND id = $2 AND epoch = $4 AND closed_at IS NULL",
        )
        .bind(self.tenant().as_str())
        .bind(study.id.as_str())
        .bind(seconds(study.epoch))
        .bind(seconds(study.epoch - 1))
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        let details = [("epoch", study.epoch.to_string())];
        self.note(&mut transaction, "study.epoch", study.id.as_str(), &details, actor, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Closes a study that is open.
    pub(crate) async fn close_study(
        &self,
        id: &str,
        actor: &Actor,
        now: u64,
    ) -> Result<(), VerifierError> {
        let mut transaction = self.write().await?;
        let closed = sqlx::query(
            "UPDATE studies SET closed_at = $3
             WHERE tenant = $1 AND id = $2 AND closed_at IS NULL",
        )
        .bind(self.tenant().as_str())
        .bind(id)
        .bind(seconds(now))
        .execute(&mut *transaction)
        .await?;
        if closed.rows_affected() == 1 {
            self.note(&mut transaction, "study.close", id, &[], actor, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes what a study asks in a session, in the transaction that opens the session.
    pub(super) async fn add_study_session(
        &self,
        connection: &mut AnyConnection,
        request_id: &str,
        asked: &StudySession,
    ) -> Result<(), VerifierError> {
        sqlx::query(
            "INSERT INTO study_sessions (tenant, request_id, study, epoch, revision, participant)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.tenant().as_str())
        .bind(request_id)
        .bind(&asked.study)
        .bind(seconds(asked.epoch))
        .bind(seconds(asked.revision))
        .bind(&asked.participant)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Writes into the audit log what was done to a study. It is named by its id, which says
    /// nothing.
    pub(super) async fn note(
        &self,
        connection: &mut AnyConnection,
        action: &'static str,
        study: &str,
        details: &[(&'static str, String)],
        actor: &Actor,
        now: u64,
    ) -> Result<(), VerifierError> {
        let event = audit::Event { actor, action, object: Some(study), details };
        audit::append(connection, self.tenant(), now, &event).await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<Study, VerifierError> {
    let id: String = row.try_get("id")?;
    let parameters: String = row.try_get("parameters")?;
    let closed_at: Option<i64> = row.try_get("closed_at")?;
    Ok(Study {
        id: id.parse().map_err(|_| VerifierError::corrupt("a study's id"))?,
        name: row.try_get("name")?,
        purpose: row.try_get("purpose")?,
        epoch: unsigned(row.try_get("epoch")?, "an epoch")?,
        policy_id: row.try_get("policy_id")?,
        policy_version: unsigned(row.try_get("policy_version")?, "a version")?,
        parameters: serde_json::from_str(&parameters)
            .map_err(|_| VerifierError::corrupt("a study's parameters"))?,
        revision: unsigned(row.try_get("revision")?, "a revision")?,
        exports_few: row.try_get::<i64, _>("exports_few")? != 0,
        created_at: unsigned(row.try_get("created_at")?, "a time")?,
        closed_at: closed_at.map(|at| unsigned(at, "a time")).transpose()?,
    })
}
