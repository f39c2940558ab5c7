//! What a verifier does by the clock, beside its requests.

use tokio::task::JoinSet;

use crate::Verifier;

/// The tasks of all verifiers, which end with this.
pub(super) struct Background {
    tasks: JoinSet<()>,
}

impl Background {
    pub(super) fn start(verifiers: &[Verifier]) -> Self {
        let mut tasks = JoinSet::new();
        for verifier in verifiers {
            let purger = verifier.clone();
            tasks.spawn(async move { purger.purge_by_the_clock().await });
            let follower = verifier.clone();
            tasks.spawn(async move { follower.follow_withdrawals_by_the_clock().await });
        }
        Self { tasks }
    }

    /// Ends the tasks.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
