//! Expirables: credentials whose end is 120, 90, 60 or 30 days away.

use std::time::Duration;

use attestry_service::{Actor, repeat};

use crate::record::CredentialId;
use crate::{Issuer, IssuerError, LONGEST_PAGE};

/// Days before its end at which a credential is noticed.
pub const MARKS: [u16; 4] = [30, 60, 90, 120];

const DAY_S: u64 = 86_400;
const HOUR: Duration = Duration::from_secs(3_600);

/// That a credential will end soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryNotice {
    /// The credential.
    pub id: CredentialId,
    /// The mark that it has passed: one of [`MARKS`].
    pub days: u16,
    /// Its last second of validity, Unix.
    pub valid_until: u64,
}

impl Issuer {
    /// Notices each active credential that has passed a mark; of the marks that it passed at once,
    /// the last. Returns how many notices are new.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn notice_expirables(&self) -> Result<u64, IssuerError> {
        let now = self.now();
        let (mut from, mut noticed) = (now, 0);
        for days in MARKS {
            let until = now.saturating_add(u64::from(days) * DAY_S);
            noticed += self.storage().notice_ends(days, (from, until), now).await?;
            from = until.saturating_add(1);
        }
        if noticed > 0 {
            tracing::info!(noticed, "credentials will end soon");
        }
        Ok(noticed)
    }

    /// Notices expirables now and every hour, until dropped.
    pub async fn notice_expirables_by_the_clock(&self) {
        repeat(self.tenant(), HOUR, "ends that are near could not be noticed", || {
            self.notice_expirables()
        })
        .await;
    }

    /// What is noticed and not yet acknowledged, the nearest end first, at most [`LONGEST_PAGE`].
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn expirables(&self, limit: u32) -> Result<Vec<ExpiryNotice>, IssuerError> {
        self.storage().open_notices(limit.min(LONGEST_PAGE)).await
    }

    /// Closes a credential's notices; it is noticed again at the next mark. Once more changes
    /// nothing.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Database`].
    pub async fn acknowledge_expiry(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<(), IssuerError> {
        let id = self.credential(id).await?.id;
        self.storage().acknowledge(actor, id, self.now()).await?;
        Ok(())
    }
}
