//! The clock. Everything else is told the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds by the machine's clock; zero if it is before 1970.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// The machine's clock plus seconds that a demonstration has let pass.
#[derive(Clone, Default)]
pub(crate) struct MovableClock {
    ahead: Arc<AtomicU64>,
}

impl MovableClock {
    pub(crate) fn now(&self) -> u64 {
        now() + self.ahead.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}
