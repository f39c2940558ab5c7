//! What an issuer does by the clock, beside its requests.

use std::time::Duration;

use ark_std::rand::rngs::OsRng;
use tokio::task::JoinSet;

use crate::Issuer;

/// The tasks of all issuers, which end with this.
pub(super) struct Background {
    issuers: Vec<Issuer>,
    tasks: JoinSet<()>,
}

impl Background {
    pub(super) fn start(issuers: &[Issuer], anchor_interval_s: Option<u64>) -> Self {
        let mut tasks = JoinSet::new();
        for issuer in issuers {
            let publisher = issuer.clone();
            tasks.spawn(async move { publisher.publish_in_windows(&mut OsRng).await });
            let watcher = issuer.clone();
            tasks.spawn(async move { watcher.notice_expirables_by_the_clock().await });
            let importer = issuer.clone();
            tasks.spawn(async move { importer.import_in_background(&mut OsRng).await });
            let purger = issuer.clone();
            tasks.spawn(async move { purger.purge_offers_by_the_clock().await });
            if let Some(seconds) = anchor_interval_s {
                let (notary, every) = (issuer.clone(), Duration::from_secs(seconds.max(1)));
                tasks.spawn(async move { notary.anchor_by_the_clock(every).await });
            }
        }
        Self { issuers: issuers.to_vec(), tasks }
    }

    /// Ends the tasks; publications that have begun are finished first.
    pub(super) async fn stop(mut self) {
        for issuer in &self.issuers {
            let _idle = issuer.publishing().await;
        }
        self.tasks.shutdown().await;
    }
}
