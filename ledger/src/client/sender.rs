//! Sending: one sender a key, with explicit nonces.
//!
//! An act runs in a task of its own from the moment its nonce is taken: a caller that goes away neither loses the
//! transaction nor leaves a gap.

use super::LedgerClient;
use super::backoff::Backoff;
use super::outbox::{Outbox, OutboxEntry, OutboxState};
use super::quorum::Nodes;
use super::transaction::{Act, Terms};
use crate::{Account, LedgerError};
use alloy::primitives::{Address, B256, Bytes, TxKind, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::{BlockNumberOrTag, TransactionReceipt};
use alloy::sol_types::SolCall;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How often a transaction is signed anew that every node refuses.
const REFUSALS: u32 = 3;
/// How often a nonce is read anew that somebody else took meanwhile.
const LOST_RACES: u32 = 8;

/// The senders of a client, and what they have sent.
pub(super) struct Senders {
    outbox: Arc<dyn Outbox>,
    by_account: Mutex<HashMap<Address, Arc<Sender>>>,
    queue: usize,
}

impl Senders {
    pub(super) fn new(outbox: Arc<dyn Outbox>, queue: usize) -> Self {
        Self { outbox, by_account: Mutex::default(), queue: queue.max(1) }
    }

    fn of(&self, account: Address) -> Arc<Sender> {
        let mut senders = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = senders.entry(account).or_insert_with(|| Arc::new(Sender::new(self.queue)));
        Arc::clone(sender)
    }
}

/// The sender of one key.
pub(super) struct Sender {
    /// The next nonce; `None` until it is read from the ledger. Held while a transaction gets its nonce, is stored
    /// and handed over.
    next: tokio::sync::Mutex<Option<u64>>,
    /// Of transactions that wait to be mined.
    places: Arc<Semaphore>,
    /// Nonces that a task looks after.
    watched: Mutex<HashSet<u64>>,
    /// Whether what an earlier process left was taken up.
    resumed: tokio::sync::OnceCell<()>,
}

impl Sender {
    fn new(queue: usize) -> Self {
        Self {
            next: tokio::sync::Mutex::default(),
            places: Arc::new(Semaphore::new(queue)),
            watched: Mutex::default(),
            resumed: tokio::sync::OnceCell::new(),
        }
    }

    fn watches(&self, nonce: u64) -> bool {
        self.watched().contains(&nonce)
    }

    fn watched(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to send a nonce's transactions again, unless a task has it.
    pub(super) fn watch(&self, nonce: u64) -> Option<Watch<'_>> {
        self.watched().insert(nonce).then(|| Watch { sender: self, nonce })
    }
}

pub(super) struct Watch<'a> {
    sender: &'a Sender,
    nonce: u64,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.sender.watched().remove(&self.nonce);
    }
}

/// What became of handing a transaction over.
pub(super) enum Handover {
    /// A node has it.
    Taken,
    /// A node may have it.
    Unknown,
    /// No node has it.
    Refused(LedgerError),
}

/// What a task needs to bring one account's transactions onto the ledger.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) nodes: Arc<Nodes>,
    pub(super) sender: Arc<Sender>,
    pub(super) account: Account,
    /// Nobody can ask for an outcome any more once this is gone.
    pub(super) client: Weak<Senders>,
    outbox: Arc<dyn Outbox>,
}

impl LedgerClient {
    /// Takes up what an earlier process left in the outbox for an account, and waits until nothing of it is open.
    /// Returns how many transactions there were. The first transaction that is sent takes them up as well, without
    /// waiting.
    ///
    /// # Errors
    /// [`LedgerError::TimedOut`] if some are still open at the deadline: they are looked after further.
    /// [`LedgerError::Outbox`].
    pub async fn resume(&self, account: &Account) -> Result<usize, LedgerError> {
        let deadline = Instant::now() + self.nodes.options.deadline;
        let delivery = self.delivery(account).await?;
        let waiting = delivery.waiting().await?;
        // Also what a task of this process had to leave.
        delivery.take_up().await?;
        let mut backoff = Backoff::polling();
        while !delivery.waiting().await?.is_empty() {
            if Instant::now() >= deadline {
                return Err(LedgerError::TimedOut(self.nodes.options.deadline));
            }
            backoff.wait().await;
        }
        Ok(waiting.len())
    }

    /// Sends a call and waits until it is mined and confirmed.
    pub(crate) async fn send<C: SolCall>(
        &self,
        account: &Account,
        to: Address,
        call: C,
    ) -> Result<TransactionReceipt, LedgerError> {
        self.transact(account, Act { to: TxKind::Call(to), input: call.abi_encode().into() }).await
    }

    /// Deploys a contract and returns its address.
    pub(crate) async fn create(
        &self,
        account: &Account,
        code: Bytes,
    ) -> Result<Address, LedgerError> {
        let receipt = self.transact(account, Act { to: TxKind::Create, input: code }).await?;
        receipt.contract_address.ok_or(LedgerError::Malformed("a deployment without an address"))
    }

    async fn transact(
        &self,
        account: &Account,
        act: Act,
    ) -> Result<TransactionReceipt, LedgerError> {
        let limit = self.nodes.options.deadline;
        let deadline = Instant::now() + limit;
        let delivered = self.deliver(account, &act, deadline);
        let receipt = tokio::time::timeout_at(deadline, delivered)
            .await
            .unwrap_or(Err(LedgerError::TimedOut(limit)))?;
        if receipt.status() {
            return Ok(receipt);
        }
        // Ask what it failed for; the state may have moved on, then the name stays unknown.
        match self.call(act.request(account.address()), BlockNumberOrTag::Latest).await {
            Err(reverted @ LedgerError::Reverted { .. }) => Err(reverted),
            _ => Err(LedgerError::Reverted { name: "unknown".into() }),
        }
    }

    async fn deliver(
        &self,
        account: &Account,
        act: &Act,
        deadline: Instant,
    ) -> Result<TransactionReceipt, LedgerError> {
        let delivery = patiently(deadline, || self.delivery(account)).await?;
        let places = Arc::clone(&delivery.sender.places);
        let place = places.acquire_owned().await.map_err(|_| LedgerError::Stopped)?;
        let idempotency = self.idempotency.as_ref().map(|key| act.under(key));
        let known = {
            let _held = delivery.sender.next.lock().await;
            delivery.known(act, idempotency).await?
        };
        let task = match known {
            Some(entry) => tokio::spawn(async move {
                let _place = place;
                delivery.settle(entry).await
            }),
            // Before a nonce is taken: what the contract refuses costs nothing.
            None => {
                let estimate = || self.estimate(account, act);
                let gas_limit = patiently(deadline, estimate).await?;
                let act = act.clone();
                tokio::spawn(async move {
                    let _place = place;
                    let entry = delivery.place(&act, gas_limit, idempotency, deadline).await?;
                    delivery.settle(entry).await
                })
            }
        };
        task.await.map_err(|_| LedgerError::Stopped)?
    }

    async fn delivery(&self, account: &Account) -> Result<Delivery, LedgerError> {
        let delivery = Delivery {
            nodes: Arc::clone(&self.nodes),
            sender: self.senders.of(account.address()),
            account: account.clone(),
            client: Arc::downgrade(&self.senders),
            outbox: Arc::clone(&self.senders.outbox),
        };
        delivery.sender.resumed.get_or_try_init(|| delivery.take_up()).await?;
        Ok(delivery)
    }

    async fn estimate(&self, account: &Account, act: &Act) -> Result<u64, LedgerError> {
        let chain = self.nodes.chain().await?;
        let request = act.request(account.address());
        let estimate = self.nodes.reached(|node| {
            let request = request.clone();
            async move {
                let estimate = node.provider().estimate_gas(request).into_future();
                node.vouched(chain, 0, estimate).await
            }
        });
        estimate.await.map(|gas| gas.saturating_add(gas / 5))
    }
}

/// Asks again, with growing pauses, while the ledger gives no answer.
async fn patiently<T, F>(deadline: Instant, ask: impl Fn() -> F) -> Result<T, LedgerError>
where
    F: Future<Output = Result<T, LedgerError>>,
{
    let mut backoff = Backoff::retrying();
    loop {
        let pause = backoff.pause();
        match ask().await {
            Err(error) if error.is_absence() && Instant::now() + pause < deadline => {
                tracing::debug!(%error, "asking again");
                tokio::time::sleep(pause).await;
            }
            outcome => return outcome,
        }
    }
}

impl Delivery {
    /// Looks after every entry of the account that waits and that no task looks after.
    async fn take_up(&self) -> Result<(), LedgerError> {
        // What is being placed is not in the outbox for good.
        let _held = self.sender.next.lock().await;
        for entry in self.waiting().await? {
            if !self.sender.watches(entry.nonce) {
                tokio::spawn(self.clone().settle(entry));
            }
        }
        Ok(())
    }

    /// Gives an act its nonce, stores it, and hands it over.
    async fn place(
        &self,
        act: &Act,
        gas_limit: u64,
        idempotency: Option<B256>,
        deadline: Instant,
    ) -> Result<OutboxEntry, LedgerError> {
        let mut next = self.sender.next.lock().await;
        if Instant::now() >= deadline {
            return Err(LedgerError::TimedOut(self.nodes.options.deadline));
        }
        if let Some(entry) = self.known(act, idempotency).await? {
            return Ok(entry);
        }
        let chain_id = self.nodes.chain().await?;
        let (mut refusals, mut races) = (0, 0);
        let mut backoff = Backoff::retrying();
        loop {
            let nonce = match next.take() {
                Some(nonce) => nonce,
                None => patiently(deadline, || self.free_nonce()).await?,
            };
            let gas_price = patiently(deadline, || self.gas_price()).await?;
            let terms = Terms { chain_id, nonce, gas_limit, gas_price };
            let entry = act.sign(&self.account, terms, idempotency).await?;
            self.store(&entry).await?;
            let refusal = match self.hand_over(&entry, 0).await {
                Handover::Refused(error) => error,
                Handover::Taken | Handover::Unknown => {
                    *next = Some(nonce + 1);
                    return Ok(entry);
                }
            };
            let removed = entry.clone();
            if let Err(error) = self.with_outbox(move |outbox| outbox.remove(&removed)).await {
                // What the outbox has is sent sooner or later.
                tracing::error!(%error, nonce, "a refused transaction stays in the outbox");
                *next = Some(nonce + 1);
                return Ok(entry);
            }
            // Another holder of the key may have taken the nonce, or gas may cost more by now.
            if patiently(deadline, || self.free_nonce()).await? == nonce {
                refusals += 1;
                backoff.wait().await;
            } else {
                races += 1;
            }
            if refusals == REFUSALS || races == LOST_RACES {
                return Err(refusal);
            }
        }
    }

    /// The entry under an idempotency key, if there is one. The caller holds the nonce.
    async fn known(
        &self,
        act: &Act,
        idempotency: Option<B256>,
    ) -> Result<Option<OutboxEntry>, LedgerError> {
        let Some(key) = idempotency else { return Ok(None) };
        let (chain, account) = (self.nodes.chain().await?, self.account.address());
        let found = self.with_outbox(move |outbox| outbox.find(chain, account, &key)).await?;
        match found {
            Some(entry) if entry.request != act.digest() => Err(LedgerError::IdempotencyKeyReused),
            Some(OutboxEntry { state: OutboxState::Superseded, nonce, .. }) => {
                Err(LedgerError::Superseded { nonce })
            }
            found => Ok(found),
        }
    }

    /// The nonce after all that the ledger and the outbox know of.
    async fn free_nonce(&self) -> Result<u64, LedgerError> {
        let sent = self.waiting().await?.last().map_or(0, |entry| entry.nonce + 1);
        let account = self.account.address();
        let counted = self.nodes.reached(|node| async move {
            let count = || node.provider().get_transaction_count(account);
            match node.ask(count().pending().into_future()).await {
                // Not every chain has a pending block.
                Err(error) if is_refusal(&error) => node.ask(count().into_future()).await,
                count => count,
            }
        });
        Ok(counted.await?.max(sent))
    }

    /// How many of the account's transactions are mined.
    pub(super) async fn mined(&self) -> Result<u64, LedgerError> {
        let account = self.account.address();
        let counted = self.nodes.reached(|node| async move {
            node.ask(node.provider().get_transaction_count(account).into_future()).await
        });
        counted.await
    }

    /// What to offer for gas: with headroom, and no less than the base fee asks for. An account without funds can
    /// only send where gas is free.
    pub(super) async fn gas_price(&self) -> Result<u128, LedgerError> {
        let chain = self.nodes.chain().await?;
        let account = self.account.address();
        let balance = self.nodes.reached(|node| async move {
            node.ask(node.provider().get_balance(account).into_future()).await
        });
        if balance.await?.is_zero() {
            return Ok(0);
        }
        let price = self
            .nodes
            .reached(|node| async move { node.ask(node.provider().get_gas_price()).await });
        let base_fee = self.nodes.reached(|node| async move {
            let block = node.block(chain, BlockNumberOrTag::Latest).await?;
            let block = block.ok_or(LedgerError::Malformed("a block is missing"))?;
            Ok(block.header.base_fee_per_gas.unwrap_or_default())
        });
        let (price, base_fee) = (price.await?, u128::from(base_fee.await?));
        let highest = price.max(base_fee);
        Ok(highest.saturating_add(highest / 4))
    }

    /// Hands an entry's transactions to the first node that takes one, the dearest first. Another node is the first
    /// to be asked at each attempt.
    pub(super) async fn hand_over(&self, entry: &OutboxEntry, attempt: usize) -> Handover {
        let endpoints = &self.nodes.endpoints;
        let start = attempt % endpoints.len().max(1);
        let (before, from) = endpoints.split_at(start);
        let mut outcome = Handover::Refused(LedgerError::Unreachable);
        for raw in entry.transactions.iter().rev() {
            let hash = keccak256(raw);
            for endpoint in from.iter().chain(before) {
                let error = match endpoint.send(raw, hash).await {
                    Ok(()) => return Handover::Taken,
                    Err(error) => error,
                };
                let refused = is_refusal(&error);
                // The same bytes may have been taken before, and the answer lost.
                match endpoint.knows(hash).await {
                    Ok(true) => return Handover::Taken,
                    Ok(false) if refused => {
                        if !matches!(outcome, Handover::Unknown) {
                            outcome = Handover::Refused(error);
                        }
                    }
                    _ => outcome = Handover::Unknown,
                }
            }
        }
        outcome
    }

    /// An entry as the outbox has it; `None` if it needs no care any more.
    pub(super) async fn stored(
        &self,
        entry: &OutboxEntry,
    ) -> Result<Option<OutboxEntry>, LedgerError> {
        match entry.idempotency {
            Some(key) => {
                let (chain, account) = (entry.chain_id, entry.account);
                self.with_outbox(move |outbox| outbox.find(chain, account, &key)).await
            }
            None => {
                let mut waiting = self.waiting().await?;
                let place = waiting.iter().position(|other| other.nonce == entry.nonce);
                Ok(place.map(|place| waiting.swap_remove(place)))
            }
        }
    }

    async fn waiting(&self) -> Result<Vec<OutboxEntry>, LedgerError> {
        let (chain, account) = (self.nodes.chain().await?, self.account.address());
        self.with_outbox(move |outbox| outbox.waiting(chain, account)).await
    }

    pub(super) async fn store(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        let entry = entry.clone();
        self.with_outbox(move |outbox| outbox.store(&entry)).await
    }

    async fn with_outbox<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Outbox) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let outbox = Arc::clone(&self.outbox);
        let done = tokio::task::spawn_blocking(move || work(outbox.as_ref())).await;
        done.map_err(|_| LedgerError::Stopped)?
    }
}

/// Whether a node said that it will not take a transaction.
fn is_refusal(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Refused { .. } | LedgerError::Reverted { .. })
        && !error.is_absence()
}
