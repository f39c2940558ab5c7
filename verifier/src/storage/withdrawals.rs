//! Holders who have withdrawn.

use attestry_circuits::Nullifier;
use attestry_service::database::seconds;
use attestry_service::{Actor, audit};

use super::Storage;
use crate::VerifierError;

impl Storage {
    /// Records that a holder has withdrawn, and that it takes part in studies no longer. Again is
    /// as once: the answer says whether this is the first time.
    pub(crate) async fn withdraw(
        &self,
        nullifier: &Nullifier,
        actor: &Actor,
        now: u64,
    ) -> Result<bool, VerifierError> {
        let mut transaction = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO withdrawals (tenant, nullifier, withdrawn_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant().as_str())
        .bind(nullifier.to_string())
        .bind(seconds(now))
        .execute(&mut *transaction)
        .await?;
        let is_first = inserted.rows_affected() == 1;
        if is_first {
            // Without the nullifier: it stands for a person in a study.
            let event =
                audit::Event { actor, action: "holder.withdraw", object: None, details: &[] };
            audit::append(&mut transaction, self.tenant(), now, &event).await?;
        }
        self.withdraw_participant(&mut transaction, nullifier, actor, now).await?;
        transaction.commit().await?;
        Ok(is_first)
    }
}
