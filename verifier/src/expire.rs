//! Sessions whose time has passed: they end by the clock, and who wants to know is told.

use std::time::Duration;

use attestry_service::{Actor, repeat};

use crate::session::Ending;
use crate::{Verifier, VerifierError};

/// How often it is looked for what is due.
const INTERVAL: Duration = Duration::from_secs(5);
/// Sessions that are ended at a time.
const AT_ONCE: u32 = 100;

impl Verifier {
    /// Ends sessions whose time has passed without an answer. Several replicas may do it at once.
    ///
    /// # Errors
    /// [`VerifierError::Database`].
    pub async fn expire_sessions(&self) -> Result<(), VerifierError> {
        loop {
            let overdue = self.storage().overdue(self.now(), AT_ONCE).await?;
            let mut ended = 0;
            for session in &overdue {
                // One whose answer is being recorded is left to that.
                ended += u32::from(self.end(&Actor::service(), session, Ending::Expired).await?);
            }
            if ended < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Does so again and again.
    pub(crate) async fn expire_sessions_by_the_clock(&self) {
        repeat(self.tenant(), INTERVAL, "no session was ended", || self.expire_sessions()).await;
    }
}
