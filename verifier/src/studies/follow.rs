//! Withdrawals on the ledger, which reach the studies without anybody telling the service.

use std::time::Duration;

use attestry_circuits::Nullifier;
use attestry_service::Actor;

use crate::{Verifier, VerifierError};

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
        if self.registry().deployment().presentation_verifier.is_none() {
            return Ok(0);
        }
        let (mut after, mut withdrawn) = (String::new(), 0);
        loop {
            let page = self.storage().standing_nullifiers(&after, PAGE).await?;
            for text in &page {
                let nullifier: Nullifier =
                    text.parse().map_err(|_| VerifierError::corrupt("a nullifier"))?;
                if self.registry().nullifier_status(nullifier).await?.withdrawn_at.is_some() {
                    let taken =
                        self.storage().withdraw(&nullifier, &Actor::service(), self.now()).await?;
                    withdrawn += u64::from(taken);
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
