//! Records decisions, those that come at the same time in one transaction: a disk that is flushed
//! once for many is what lets many answer at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::session::Decision;
use crate::{ReceiptKey, Storage, VerifierError};

/// Decisions in one transaction, at most.
pub(crate) const GROUP: usize = 64;

/// What is recorded in groups.
pub(crate) trait Recorded: Send + Sync + Sized + 'static {
    /// Records a group of at most [`GROUP`], all or none, and signs what was decided, in order.
    fn record_all(
        group: &[&Self],
        storage: &Storage,
        key: &ReceiptKey,
    ) -> impl Future<Output = Result<Vec<Decision>, VerifierError>> + Send;
}

/// Records decisions. Clones share their groups.
pub(crate) struct Recorder<R>(Arc<Shared<R>>);

struct Shared<R> {
    storage: Storage,
    key: Arc<ReceiptKey>,
    waiting: Mutex<Vec<Waiting<R>>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting<R> {
    verdict: R,
    answer: oneshot::Sender<Result<Decision, VerifierError>>,
}

impl<R: Recorded> Recorder<R> {
    pub(crate) fn new(storage: Storage, key: Arc<ReceiptKey>) -> Self {
        let (waiting, turn) = Default::default();
        Self(Arc::new(Shared { storage, key, waiting, turn }))
    }

    /// Records a verdict, with those that wait beside it.
    pub(crate) async fn record(&self, verdict: R) -> Result<Decision, VerifierError> {
        let (answer, answered) = oneshot::channel();
        self.0.waiting().push(Waiting { verdict, answer });
        // On its own: who stops waiting does not stop what others wait for.
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move { shared.record_waiting().await });
        answered.await.map_err(|_| VerifierError::NotRecorded)?
    }
}

impl<R: Recorded> Shared<R> {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting<R>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what waits, unless whose turn it was before has.
    async fn record_waiting(&self) {
        let _turn = self.turn.lock().await;
        let group: Vec<Waiting<R>> = {
            let mut waiting = self.waiting();
            let count = waiting.len().min(GROUP);
            waiting.drain(..count).collect()
        };
        if group.is_empty() {
            return;
        }
        let verdicts: Vec<&R> = group.iter().map(|waiting| &waiting.verdict).collect();
        match R::record_all(&verdicts, &self.storage, &self.key).await {
            Ok(decisions) => {
                for (waiting, decision) in group.into_iter().zip(decisions) {
                    // Who has gone finds the decision in the session.
                    let _ = waiting.answer.send(Ok(decision));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "decisions were not recorded together");
                // One by one: what is wrong with one of them is not held against the others.
                for waiting in group {
                    let decided =
                        R::record_all(&[&waiting.verdict], &self.storage, &self.key).await;
                    let decided = decided.map(|mut decisions| decisions.pop());
                    let decided = decided.and_then(|one| one.ok_or(VerifierError::NotRecorded));
                    let _ = waiting.answer.send(decided);
                }
            }
        }
    }
}
