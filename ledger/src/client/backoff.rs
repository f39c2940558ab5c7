//! Pauses that grow and never fall into step with those of others.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Doubling pauses, each shortened at random by up to a half.
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// Between two questions for a receipt.
    pub(super) fn polling() -> Self {
        Self::new(Duration::from_millis(2), Duration::from_millis(500))
    }

    /// Between two attempts at a node that does not answer.
    pub(super) fn retrying() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }

    pub(super) fn pause(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.longest);
        // A hasher is keyed by the operating system's randomness.
        let jitter = (RandomState::new().hash_one(()) % 1024) as u32;
        full - full / 2 * jitter / 1024
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.pause()).await;
    }
}
