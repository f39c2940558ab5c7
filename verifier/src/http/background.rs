//! What a verifier does by the clock, beside its requests.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::Verifier;
use crate::webhooks::Sender;

/// The tasks of all verifiers, which end with this.
pub(super) struct Background {
    tasks: JoinSet<()>,
    sender: Sender,
}

impl Background {
    pub(super) fn start(verifiers: &[Verifier], anchor_interval_s: Option<u64>) -> Self {
        let mut tasks = JoinSet::new();
        for verifier in verifiers {
            let purger = verifier.clone();
            tasks.spawn(async move { purger.purge_by_the_clock().await });
            if let Some(seconds) = anchor_interval_s {
                let (notary, every) = (verifier.clone(), Duration::from_secs(seconds.max(1)));
                tasks.spawn(async move { notary.anchor_by_the_clock(every).await });
            }
            let watchman = verifier.clone();
            tasks.spawn(async move { watchman.expire_sessions_by_the_clock().await });
            let follower = verifier.clone();
            tasks.spawn(async move { follower.follow_withdrawals_by_the_clock().await });
        }
        let webhooks = verifiers.iter().filter_map(Verifier::webhooks).cloned();
        Self { tasks, sender: Sender::start(webhooks.collect()) }
    }

    /// Ends the tasks; messages that are on their way are finished first.
    pub(super) async fn stop(mut self) {
        self.sender.stop().await;
        self.tasks.shutdown().await;
    }
}
