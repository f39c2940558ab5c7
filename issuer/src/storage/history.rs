//! What became of a credential.

use attestry_service::database::unsigned;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Storage;
use super::search::{SUMMARY, summary};
use crate::IssuerError;
use crate::record::{CredentialId, Reason, State};
use crate::register::ChangeRecord;
use crate::search::Summary;

impl Storage {
    /// A credential's changes of state, in their order.
    pub(crate) async fn changes(&self, id: CredentialId) -> Result<Vec<ChangeRecord>, IssuerError> {
        let rows = sqlx::query(
            "SELECT state, reason, actor, changed_at FROM changes
             WHERE tenant = $1 AND credential_id = $2 ORDER BY version",
        )
        .bind(self.tenant.as_str())
        .bind(id.to_string())
        .fetch_all(self.pool())
        .await?;
        let read = |row: &AnyRow| {
            let (state, reason): (String, String) = (row.try_get("state")?, row.try_get("reason")?);
            Ok(ChangeRecord {
                state: State::from_word(&state).ok_or(IssuerError::corrupt("a state"))?,
                reason: Reason::from_word(&reason).ok_or(IssuerError::corrupt("a reason"))?,
                actor: row.try_get("actor")?,
                changed_at: unsigned(row.try_get("changed_at")?, "a time")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The credential that this one took the place of, or that took its place.
    pub(crate) async fn neighbour(
        &self,
        id: CredentialId,
        towards: Neighbour,
    ) -> Result<Option<Summary>, IssuerError> {
        let condition = match towards {
            Neighbour::Predecessor => "superseded_by = $2",
            Neighbour::Successor => {
                "id = (SELECT superseded_by FROM credentials WHERE tenant = $1 AND id = $2)"
            }
        };
        let sql = format!("SELECT {SUMMARY} FROM credentials WHERE tenant = $1 AND {condition}");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(summary).transpose()
    }
}

/// Along a chain of credentials that took each other's place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Neighbour {
    Predecessor,
    Successor,
}
