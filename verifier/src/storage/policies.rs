//! Published policies: versions that are added and retired, and never changed.

use attestry_credential::policy::{FindingCode, PolicyDocument};
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, audit};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::policies::{Numbering, versioned_name};
use crate::{PublishedPolicy, VerifierError};

const COLUMNS: &str = "SELECT document, acknowledged, published_at, retired_at FROM policies
    WHERE tenant = $1";

impl Storage {
    /// Publishes a policy under its id and version, if that is as the numbering has it. What is
    /// published already stays. The answer says whether this is the first time.
    pub(crate) async fn publish(
        &self,
        document: &PolicyDocument,
        acknowledged: &[FindingCode],
        numbering: Numbering,
        actor: &Actor,
        now: u64,
    ) -> Result<(PublishedPolicy, bool), VerifierError> {
        let mut transaction = self.write().await?;
        let (id, version) = (document.id(), document.version());
        if let Some(known) = self.find_version(&mut transaction, id, version).await? {
            let is_same = known.document.hash() == document.hash();
            return if is_same {
                Ok((known, false))
            } else {
                Err(VerifierError::PolicyVersionUsed)
            };
        }
        let newest = "SELECT MAX(version) AS newest FROM policies WHERE tenant = $1 AND id = $2";
        let newest: Option<i64> = sqlx::query(newest)
            .bind(self.tenant().as_str())
            .bind(id)
            .fetch_one(&mut *transaction)
            .await?
            .try_get("newest")?;
        if let (Numbering::Next, Some(newest)) = (numbering, newest)
            && i64::from(version) != newest + 1
        {
            return Err(VerifierError::PolicyVersionSkipped { next: newest.unsigned_abs() + 1 });
        }
        let hash = hex::encode(document.hash());
        let codes: Vec<&str> = acknowledged.iter().map(FindingCode::name).collect();
        sqlx::query(
            "INSERT INTO policies
             (tenant, id, version, hash, document, acknowledged, published_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.tenant().as_str())
        .bind(id)
        .bind(i64::from(version))
        .bind(&hash)
        .bind(document.source().to_string())
        .bind(serde_json::json!(codes).to_string())
        .bind(seconds(now))
        .execute(&mut *transaction)
        .await?;
        let name = versioned_name(document);
        let mut details = vec![("hash", hash)];
        if !codes.is_empty() {
            details.push(("acknowledged", codes.join(" ")));
        }
        let event = audit::Event {
            actor,
            action: "policy.publish",
            object: Some(&name),
            details: &details,
        };
        audit::append(&mut transaction, self.tenant(), now, &event).await?;
        transaction.commit().await?;
        let published = PublishedPolicy {
            document: document.clone(),
            acknowledged: codes.into_iter().map(str::to_owned).collect(),
            published_at: now,
            retired_at: None,
        };
        Ok((published, true))
    }

    /// Retires a version, unless it is retired already or there is none.
    pub(crate) async fn retire_policy(
        &self,
        id: &str,
        version: u32,
        actor: &Actor,
        now: u64,
    ) -> Result<(), VerifierError> {
        let mut transaction = self.write().await?;
        let retired = sqlx::query(
            "UPDATE policies SET retired_at = $4
             WHERE tenant = $1 AND id = $2 AND version = $3 AND retired_at IS NULL",
        )
        .bind(self.tenant().as_str())
        .bind(id)
        .bind(i64::from(version))
        .bind(seconds(now))
        .execute(&mut *transaction)
        .await?;
        if retired.rows_affected() == 1 {
            let name = format!("{id}@{version}");
            let event =
                audit::Event { actor, action: "policy.retire", object: Some(&name), details: &[] };
            audit::append(&mut transaction, self.tenant(), now, &event).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The newest version that is not retired.
    pub(crate) async fn newest_policy(
        &self,
        id: &str,
    ) -> Result<Option<PublishedPolicy>, VerifierError> {
        let select =
            format!("{COLUMNS} AND id = $2 AND retired_at IS NULL ORDER BY version DESC LIMIT 1");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// A version, retired or not.
    pub(crate) async fn policy_version(
        &self,
        id: &str,
        version: u32,
    ) -> Result<Option<PublishedPolicy>, VerifierError> {
        let mut connection = self.pool().acquire().await?;
        self.find_version(&mut connection, id, version).await
    }

    async fn find_version(
        &self,
        connection: &mut AnyConnection,
        id: &str,
        version: u32,
    ) -> Result<Option<PublishedPolicy>, VerifierError> {
        let select = format!("{COLUMNS} AND id = $2 AND version = $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(id)
            .bind(i64::from(version))
            .fetch_optional(connection)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The version of a hash, retired or not.
    pub(crate) async fn policy_by_hash(
        &self,
        hash: &str,
    ) -> Result<Option<PublishedPolicy>, VerifierError> {
        let select = format!("{COLUMNS} AND hash = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(hash)
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// All versions of an id, the newest first.
    pub(crate) async fn policy_versions(
        &self,
        id: &str,
    ) -> Result<Vec<PublishedPolicy>, VerifierError> {
        let select = format!("{COLUMNS} AND id = $2 ORDER BY version DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(id)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read).collect()
    }

    /// The newest versions that are not retired, by id, after an id.
    pub(crate) async fn newest_policies(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<PublishedPolicy>, VerifierError> {
        let select = format!(
            "{COLUMNS} AND retired_at IS NULL AND id > $2 AND version =
             (SELECT MAX(version) FROM policies AS others WHERE others.tenant = policies.tenant
              AND others.id = policies.id AND others.retired_at IS NULL)
             ORDER BY id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(self.tenant().as_str())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<PublishedPolicy, VerifierError> {
    let corrupt = || VerifierError::corrupt("a policy");
    let (document, acknowledged): (String, String) =
        (row.try_get("document")?, row.try_get("acknowledged")?);
    let retired_at: Option<i64> = row.try_get("retired_at")?;
    Ok(PublishedPolicy {
        document: PolicyDocument::from_json(document.as_bytes()).map_err(|_| corrupt())?,
        acknowledged: serde_json::from_str(&acknowledged).map_err(|_| corrupt())?,
        published_at: unsigned(row.try_get("published_at")?, "a time")?,
        retired_at: retired_at.map(|at| unsigned(at, "a time")).transpose()?,
    })
}
