//! The end of offers by the clock.

use std::time::Duration;

use attestry_service::{Actor, repeat};

use crate::{Issuer, IssuerError};

/// How often to look for what is over.
const INTERVAL: Duration = Duration::from_secs(60);

impl Issuer {
    /// Ends offers whose time is over, destroys what they offered, and forgets nonces that can no
    /// longer be used. How many offers were ended.
    ///
    /// # Errors
    /// [`IssuerError::Database`]; what is not done is done the next time.
    pub async fn purge_offers(&self) -> Result<u64, IssuerError> {
        let (now, actor) = (self.now(), Actor::service());
        let mut ended = 0;
        loop {
            let before = ended;
            for id in self.storage().overdue_offers(now).await? {
                ended += u64::from(self.storage().expire_offer(id, &actor, now).await?);
            }
            if ended == before {
                break;
            }
        }
        self.storage().forget_nonces(now).await?;
        if ended > 0 {
            tracing::info!(ended, "offers expired");
        }
        Ok(ended)
    }

    /// Ends offers when their time is over, until dropped.
    pub async fn purge_offers_by_the_clock(&self) {
        repeat(self.tenant(), INTERVAL, "expired offers could not be ended", || {
            self.purge_offers()
        })
        .await;
    }
}
