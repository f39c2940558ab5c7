//! What consents are about, and the forms that studies require.

use attestry_credential::schema::Subject;
use attestry_credential::schema::values::{StudyId, Version};
use attestry_service::database::{seconds, unsigned};
use attestry_service::{Actor, TenantId, audit};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::IssuerError;
use crate::consents::{Reconsent, RequiredForm};
use crate::record::CredentialId;

/// Keeps what a consent is about; does nothing for another subject, or a consent to no study.
pub(super) async fn insert_consent(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: CredentialId,
    subject: &Subject,
) -> Result<(), IssuerError> {
    let Subject::Consent(consent) = subject else { return Ok(()) };
    let Some(study) = &consent.study else { return Ok(()) };
    // A consent to no stated form is older than any.
    let version = consent.form_version.map_or(0, |version| version.number());
    let sql = "INSERT INTO consents (tenant, credential_id, study, form_version)
               VALUES ($1, $2, $3, $4)";
    sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(id.to_string())
        .bind(study.to_string())
        .bind(i64::from(version))
        .execute(connection)
        .await?;
    Ok(())
}

impl Storage {
    /// Notes the form that a study requires, and who said so. Returns whether it is told for the
    /// first time.
    pub(crate) async fn require_form(
        &self,
        actor: &Actor,
        form: &RequiredForm,
    ) -> Result<bool, IssuerError> {
        let mut transaction = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO consent_forms (tenant, study, form_version, announced_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.as_str())
        .bind(form.study.to_string())
        .bind(i64::from(form.version.number()))
        .bind(seconds(form.announced_at))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        let (object, details) = (form.study.to_string(), [("form", form.version.to_string())]);
        let action = "consent-form.require";
        let event = audit::Event { actor, action, object: Some(&object), details: &details };
        audit::append(&mut transaction, &self.tenant, form.announced_at, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The latest form that a study requires.
    pub(crate) async fn required_form(
        &self,
        study: &StudyId,
    ) -> Result<Option<RequiredForm>, IssuerError> {
        let row = sqlx::query(
            "SELECT form_version, announced_at FROM consent_forms
             WHERE tenant = $1 AND study = $2 ORDER BY form_version DESC LIMIT 1",
        )
        .bind(self.tenant.as_str())
        .bind(study.to_string())
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| {
            Ok(RequiredForm {
                study: *study,
                version: version(&row)?.ok_or(IssuerError::corrupt("a form version"))?,
                announced_at: unsigned(row.try_get("announced_at")?, "a time")?,
            })
        })
        .transpose()
    }

    /// Active consents to a study under an older form than this, in the order of their ids after
    /// one, at most so many.
    pub(crate) async fn outdated_consents(
        &self,
        form: &RequiredForm,
        after: Option<CredentialId>,
        limit: u32,
    ) -> Result<Vec<Reconsent>, IssuerError> {
        let rows = sqlx::query(
            "SELECT consents.credential_id, consents.form_version FROM consents
             JOIN credentials ON credentials.tenant = consents.tenant
                 AND credentials.id = consents.credential_id
             WHERE consents.tenant = $1 AND consents.study = $2 AND consents.form_version < $3
                 AND consents.credential_id > $4 AND credentials.state = 'active'
             ORDER BY consents.credential_id LIMIT $5",
        )
        .bind(self.tenant.as_str())
        .bind(form.study.to_string())
        .bind(i64::from(form.version.number()))
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        let read = |row: &AnyRow| {
            let id: String = row.try_get("credential_id")?;
            let id = id.parse().map_err(|_| IssuerError::corrupt("an id"))?;
            Ok(Reconsent { id, given: version(row)? })
        };
        rows.iter().map(read).collect()
    }
}

/// The version in a row; none if it is 0.
fn version(row: &AnyRow) -> Result<Option<Version>, IssuerError> {
    let number: u16 = unsigned(row.try_get("form_version")?, "a form version")?;
    let version = Version::from_number(number);
    Ok((number != 0).then_some(version))
}
