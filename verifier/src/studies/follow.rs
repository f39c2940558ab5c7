//! Withdrawals on the ledger, which reach the studies without anybody telling the service.

use std::time::Duration;

use attestry_circuits::Nullifier;
use attestry_ledger::LedgerError;
use attestry_service::Actor;

use crate::{Refusal, Verifier, VerifierError};

/// How often the ledger is asked.
const INTERVAL: Duration = Duration::from_secs(30);
/// Participants that are looked at together.
const PAGE: u32 = 500;

impl Verifier {
    /// Asks the ledger of each participant who has not withdrawn, and takes the withdrawals that
    /// it knows. Several replicas may do it at once: one of them records a withdrawal, and tells
    /// of it. Returns how many withdrew.
    ///
    /// # Errors
    /// [`VerifierError::Ledger`] if there is no usable answer; those of storage. What was taken
    /// before stays taken.
    pub async fn follow_withdrawals(&self) -> Result<u64, VerifierError> {
        let standing = self.ledger().as_of_now().await;
        let standing = standing.map_err(|_| LedgerError::Unreachable)?;
        let (mut after, mut withdrawn) = (String::new(), 0);
        loop {
            let page = self.storage().standing_nullifiers(&after, PAGE).await?;
            for text in &page {
                let nullifier: Nullifier =
                    text.parse().map_err(|_| VerifierError::corrupt("a nullifier"))?;
                match standing.check_not_withdrawn(nullifier) {
                    Ok(()) => {}
                    Err(Refusal::Withdrawn) => {
                        let (actor, now) = (Actor::service(), self.now());
                        let taken = self.storage().withdraw(&nullifier, &actor, now).await?;
                        withdrawn += u64::from(taken);
                    }
                    Err(_) => return Err(LedgerError::Unreachable.into()),
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after.clone_from(last),
                _ => return Ok(withdrawn),
            }
        }
    }

    /// Does so again and again. What fails is tried at the next time.
    pub(crate) async fn follow_withdrawals_by_the_clock(&self) {
        loop {
            if let Err(error) = self.follow_withdrawals().await {
                tracing::warn!(%error, tenant = %self.tenant(), "withdrawals were not followed");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
