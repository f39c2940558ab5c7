//! Withdrawals on the ledger, which reach the studies without anybody telling the service.

use std::time::Duration;

use attestry_circuits::Nullifier;
use attestry_ledger::LedgerError;
use attestry_service::{Actor, repeat};
use tokio::sync::Mutex;

use crate::check::WithdrawalsSeen;
use crate::{Refusal, Verifier, VerifierError};

/// How often the ledger is asked.
const INTERVAL: Duration = Duration::from_secs(30);
/// Participants, or withdrawals, that are looked at together.
const PAGE: usize = 500;

/// What this process has looked at. Starting, it has looked at nothing: so what happened while no
/// process ran is found.
#[derive(Default)]
pub(crate) struct Followed(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    withdrawals: WithdrawalsSeen,
    /// Where the last participant stands in the order in which they were counted.
    participant: Option<u64>,
}

impl Verifier {
    /// Takes the withdrawals on the ledger of participants: looks at those withdrawals and those
    /// participants that came since it last did. Several replicas may do it at once: one of them
    /// records a withdrawal, and tells of it. Returns how many withdrew.
    ///
    /// # Errors
    /// [`VerifierError::Ledger`] if there is no usable answer; those of storage. What was taken
    /// before stays taken.
    pub async fn follow_withdrawals(&self) -> Result<u64, VerifierError> {
        let mut seen = self.followed().0.lock().await;
        let standing = self.ledger().as_of_now().await.map_err(unreachable)?;
        let (news, withdrawals) =
            standing.withdrawals_after(seen.withdrawals).map_err(unreachable)?;
        let mut withdrawn = 0;
        // Participants first: who is counted after this look comes the next time, and is held
        // against all these withdrawals then, however old the view was that let it be counted.
        loop {
            let page = self.storage().participants_after(seen.participant, PAGE).await?;
            for (_, nullifier) in &page {
                match standing.check_not_withdrawn(*nullifier) {
                    Ok(()) => {}
                    Err(Refusal::Withdrawn) => withdrawn += self.take(nullifier).await?,
                    Err(refusal) => return Err(unreachable(refusal)),
                }
            }
            if let Some((last, _)) = page.last() {
                seen.participant = Some(*last);
            }
            if page.len() < PAGE {
                break;
            }
        }
        for some in news.chunks(PAGE) {
            for nullifier in self.storage().participants_among(some).await? {
                withdrawn += self.take(&nullifier).await?;
            }
        }
        seen.withdrawals = withdrawals;
        Ok(withdrawn)
    }

    /// Records a withdrawal; one, unless another has recorded it.
    async fn take(&self, nullifier: &Nullifier) -> Result<u64, VerifierError> {
        let taken = self.storage().withdraw(nullifier, &Actor::service(), self.now()).await?;
        Ok(u64::from(taken))
    }

    /// Does so again and again.
    pub(crate) async fn follow_withdrawals_by_the_clock(&self) {
        repeat(self.tenant(), INTERVAL, "withdrawals were not followed", || {
            self.follow_withdrawals()
        })
        .await;
    }
}

fn unreachable(_: Refusal) -> VerifierError {
    LedgerError::Unreachable.into()
}
