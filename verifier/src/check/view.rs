//! What the ledger says: held in memory, and confirmed for each decision.
//!
//! A decision rests on a view that was confirmed after its answer arrived. Whoever arrives while
//! a confirmation is under way waits for the next one, which begins when that one ends: a hundred
//! at once share it. While no block is added a confirmation reads the latest block and no events.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use attestry_circuits::Nullifier;
use attestry_circuits::registry::RegistryRoot;
use attestry_ledger::{
    BlockSeen, LedgerError, RegistryClient, RegistryHistory, RegistryNews, RootStanding,
};
use tokio::sync::{OnceCell, oneshot};
use tokio::time::Instant;

use crate::{ChecksConfig, Clock, Refusal};

/// For how long a decision waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often to read again when the ledger moved on between two reads.
const ATTEMPTS: usize = 4;

/// The ledger as the verifier knows it. Clones share it.
#[derive(Clone)]
pub(crate) struct LedgerView(Arc<Shared>);

struct Shared {
    registry: RegistryClient,
    clock: Clock,
    /// As long as a replaced root is accepted, the time of its replacement matters.
    registry_grace_s: u64,
    max_lag_s: Option<u64>,
    outage_grace_s: u64,
    takes_withdrawals: bool,
    learnt: RwLock<Learnt>,
    last: Mutex<Option<Confirmation>>,
    rounds: Mutex<Rounds>,
}

#[derive(Default)]
struct Learnt {
    history: Option<RegistryHistory>,
    /// How many histories were forgotten before this one.
    forgotten: u64,
}

/// When the ledger last answered, by both clocks, before it was asked.
#[derive(Clone, Copy)]
struct Confirmation {
    block: BlockSeen,
    at: u64,
    instant: Instant,
}

/// Who waits for the next confirmation.
#[derive(Default)]
struct Rounds {
    is_running: bool,
    waiting: Vec<oneshot::Sender<Round>>,
}

/// What a confirmation came to. A ledger that gives no answer may do so within the grace; one
/// whose answer cannot be used may not.
type Round = Result<Arc<Standing>, Failure>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Absent,
    Unusable,
}

/// How many of the ledger's withdrawals somebody has seen, and in which history.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WithdrawalsSeen {
    forgotten: u64,
    count: usize,
}

/// The view that a decision rests on.
pub(crate) struct Standing {
    view: Arc<Shared>,
    block: BlockSeen,
    /// The verifier's clock before the ledger was asked.
    confirmed_at: u64,
    in_grace: bool,
    /// Replaced roots that the ledger's clock has been asked about.
    fresh: Mutex<Vec<(RegistryRoot, Arc<OnceCell<bool>>)>>,
}

impl LedgerView {
    pub(crate) fn new(registry: RegistryClient, checks: &ChecksConfig, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            takes_withdrawals: registry.deployment().presentation_verifier.is_some(),
            registry,
            clock,
            registry_grace_s: checks.registry_grace_s,
            max_lag_s: checks.max_ledger_lag_s,
            outage_grace_s: checks.ledger_grace_s,
            learnt: RwLock::default(),
            last: Mutex::default(),
            rounds: Mutex::default(),
        }))
    }

    /// The deployment that is looked at.
    pub(crate) fn registry(&self) -> &RegistryClient {
        &self.0.registry
    }

    /// The view as of now or later.
    ///
    /// # Errors
    /// [`Refusal::LedgerUnreachable`] if the ledger gives no usable answer, and has given none
    /// within the grace.
    pub(crate) async fn as_of_now(&self) -> Result<Arc<Standing>, Refusal> {
        let round = tokio::time::timeout(PATIENCE, self.next_round()).await;
        match round.unwrap_or(Err(Failure::Absent)) {
            Ok(standing) => Ok(standing),
            Err(Failure::Absent) => self.in_grace().ok_or(Refusal::LedgerUnreachable),
            Err(Failure::Unusable) => Err(Refusal::LedgerUnreachable),
        }
    }

    async fn next_round(&self) -> Round {
        let (sender, receiver) = oneshot::channel();
        let starts = {
            let mut rounds = lock(&self.0.rounds);
            rounds.waiting.push(sender);
            !std::mem::replace(&mut rounds.is_running, true)
        };
        if starts {
            // Whoever waits may go away; the others still get their answer.
            tokio::spawn(Arc::clone(&self.0).run_rounds());
        }
        receiver.await.unwrap_or(Err(Failure::Unusable))
    }

    /// The view as it was last confirmed, if that is within the grace by both clocks.
    fn in_grace(&self) -> Option<Arc<Standing>> {
        let last = (*lock(&self.0.last))?;
        let grace = self.0.outage_grace_s;
        let by_clock = (self.0.clock)().saturating_sub(last.at) <= grace;
        let by_instant = last.instant.elapsed() <= Duration::from_secs(grace);
        if grace == 0 || !by_clock || !by_instant {
            return None;
        }
        tracing::warn!(block = last.block.number, "decided without the ledger, within the grace");
        Some(Arc::new(Standing::new(&self.0, last.block, last.at, true)))
    }
}

impl Shared {
    async fn run_rounds(self: Arc<Self>) {
        let _running = Running(&self);
        loop {
            let waiting = {
                let mut rounds = lock(&self.rounds);
                rounds.waiting.retain(|waiter| !waiter.is_closed());
                if rounds.waiting.is_empty() {
                    rounds.is_running = false;
                    return;
                }
                std::mem::take(&mut rounds.waiting)
            };
            let round = self.confirm().await;
            for waiter in waiting {
                // One that has gone needs no answer.
                drop(waiter.send(round.clone()));
            }
        }
    }

    async fn confirm(self: &Arc<Self>) -> Round {
        let (at, instant) = ((self.clock)(), Instant::now());
        match self.refresh().await {
            Ok(block) => {
                *lock(&self.last) = Some(Confirmation { block, at, instant });
                Ok(Arc::new(Standing::new(self, block, at, false)))
            }
            Err(error) => {
                tracing::warn!(%error, "the registry could not be read");
                Err(if error.is_absence() { Failure::Absent } else { Failure::Unusable })
            }
        }
    }

    /// Brings the history up to the ledger's latest block, from the beginning if its last block
    /// is no more.
    async fn refresh(&self) -> Result<BlockSeen, LedgerError> {
        for _ in 0..ATTEMPTS {
            let seen = read(&self.learnt).history.as_ref().map(RegistryHistory::head);
            let blocks = match (self.registry.news(seen, self.registry_grace_s).await?, seen) {
                (RegistryNews::None, Some(seen)) => return Ok(seen),
                (RegistryNews::None | RegistryNews::Reorganised, _) => {
                    tracing::warn!("the ledger was reorganised: its registry is read anew");
                    self.forget();
                    continue;
                }
                (RegistryNews::Blocks(blocks), _) => blocks,
            };
            let history = &mut write(&self.learnt).history;
            let added = match history {
                Some(history) => history.add(blocks),
                None => RegistryHistory::new(blocks).map(|first| *history = Some(first)),
            };
            match (added, history) {
                (Ok(()), Some(history)) => return Ok(history.head()),
                // The ledger may have moved on between two reads.
                (Ok(()), None) | (Err(LedgerError::RootMismatch), _) => {}
                (Err(error), _) => return Err(error),
            }
        }
        // What was learnt may be at fault.
        self.forget();
        Err(LedgerError::RootMismatch)
    }

    fn forget(&self) {
        let mut learnt = write(&self.learnt);
        learnt.history = None;
        learnt.forgotten += 1;
        drop(learnt);
        *lock(&self.last) = None;
    }
}

/// Lets the next round start should this one not come to its end.
struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut rounds = lock(&self.0.rounds);
        if rounds.is_running && std::thread::panicking() {
            rounds.is_running = false;
            rounds.waiting.clear();
        }
    }
}

impl Standing {
    fn new(view: &Arc<Shared>, block: BlockSeen, confirmed_at: u64, in_grace: bool) -> Self {
        Self { view: Arc::clone(view), block, confirmed_at, in_grace, fresh: Mutex::default() }
    }

    /// Block at which the registry was read, or an earlier one.
    pub(crate) fn block(&self) -> u64 {
        self.block.number
    }

    /// Whether the ledger gives no answer and is decided without, as the configuration allows.
    pub(crate) fn in_grace(&self) -> bool {
        self.in_grace
    }

    /// Checks that a root is current or was replaced within the grace, by the ledger's clock and
    /// by the verifier's.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoot`], [`Refusal::StaleRoot`], [`Refusal::LedgerLagging`];
    /// [`Refusal::LedgerUnreachable`] if there is no usable answer, which is never a yes.
    pub(crate) async fn check_root(&self, root: RegistryRoot, now: u64) -> Result<(), Refusal> {
        let block = self.block();
        // A ledger that is decided without cannot add blocks; it counts how it was.
        let asked_at = if self.in_grace { self.confirmed_at.min(now) } else { now };
        if self.view.max_lag_s.is_some_and(|limit| asked_at.saturating_sub(self.block.time) > limit)
        {
            return Err(Refusal::LedgerLagging);
        }
        let superseded_at = match self.with_history(|history| history.root(root))? {
            None => return Err(Refusal::UnknownRoot { block }),
            Some(RootStanding::Current) => return Ok(()),
            Some(RootStanding::Superseded(at)) => at,
        };
        let grace = self.view.registry_grace_s;
        let by_clock = superseded_at.is_some_and(|at| now.saturating_sub(at) <= grace);
        if by_clock && grace != 0 && self.is_fresh(root).await? {
            Ok(())
        } else {
            Err(Refusal::StaleRoot { block })
        }
    }

    /// Checks that the holder has not withdrawn on the ledger, if the deployment takes
    /// withdrawals.
    ///
    /// # Errors
    /// [`Refusal::Withdrawn`]; [`Refusal::LedgerUnreachable`] if there is no usable answer.
    pub(crate) fn check_not_withdrawn(&self, nullifier: Nullifier) -> Result<(), Refusal> {
        if !self.view.takes_withdrawals {
            return Ok(());
        }
        match self.with_history(|history| history.is_withdrawn(nullifier))? {
            true => Err(Refusal::Withdrawn),
            false => Ok(()),
        }
    }

    /// The withdrawals on the ledger that have not been seen: all of them after the registry was
    /// read anew, as after a reorganisation. With them, what is seen then.
    ///
    /// # Errors
    /// [`Refusal::LedgerUnreachable`] if there is no usable answer.
    pub(crate) fn withdrawals_after(
        &self,
        seen: WithdrawalsSeen,
    ) -> Result<(Vec<Nullifier>, WithdrawalsSeen), Refusal> {
        let learnt = read(&self.view.learnt);
        let all = learnt.history.as_ref().ok_or(Refusal::LedgerUnreachable)?.withdrawn();
        let known = if seen.forgotten == learnt.forgotten { seen.count } else { 0 };
        let news = all.get(known..).unwrap_or_default().to_vec();
        Ok((news, WithdrawalsSeen { forgotten: learnt.forgotten, count: all.len() }))
    }

    /// Whether a replaced root counts by the ledger's clock. That clock is the ledger's alone
    /// where blocks are made only for transactions, so it is asked, once for all who share this
    /// view.
    async fn is_fresh(&self, root: RegistryRoot) -> Result<bool, Refusal> {
        if self.in_grace {
            return Ok(true);
        }
        let cell = {
            let mut fresh = lock(&self.fresh);
            match fresh.iter().find(|(known, _)| *known == root) {
                Some((_, cell)) => Arc::clone(cell),
                None => {
                    let cell = Arc::default();
                    fresh.push((root, Arc::clone(&cell)));
                    cell
                }
            }
        };
        let grace = Duration::from_secs(self.view.registry_grace_s);
        let asked = cell.get_or_try_init(|| self.view.registry.is_fresh(root, grace));
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(is_fresh)) => Ok(*is_fresh),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the registry could not be read");
                Err(Refusal::LedgerUnreachable)
            }
            Err(_) => Err(Refusal::LedgerUnreachable),
        }
    }

    /// The history, which may have gone on since.
    fn with_history<T>(&self, ask: impl FnOnce(&RegistryHistory) -> T) -> Result<T, Refusal> {
        read(&self.view.learnt).history.as_ref().map(ask).ok_or(Refusal::LedgerUnreachable)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}
