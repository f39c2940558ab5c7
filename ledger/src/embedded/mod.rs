//! An EVM ledger in this process: the same contracts and the same JSON-RPC as any chain, kept in one file.
//!
//! One writer makes the blocks. A block is one atomic transaction of the store and is on disk before a sender hears
//! of it. Gas is free. Only the latest state is kept, with all blocks, transactions, receipts and logs.

mod block;
mod rpc;
mod server;
mod store;
mod transport;

pub use server::ServeLimits;
pub use transport::EmbeddedTransport;

use crate::LedgerError;
use alloy::consensus::Transaction as _;
use alloy::primitives::B256;
use block::{BlockBuilder, SignedTransaction, StoredBlock};
use revm::context_interface::result::EVMError;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{BlockWriter, Snapshot, Store, StoreError};

/// The chain id of the embedded ledger.
pub const EMBEDDED_CHAIN_ID: u64 = 1_337_000;
/// The file inside the ledger's folder.
const FILE: &str = "ledger.redb";
/// Transactions of one sender that may wait for an earlier nonce.
const MAX_QUEUED: usize = 256;

/// Where block times come from: Unix seconds.
pub trait Clock: Send + Sync + 'static {
    /// The time now, Unix seconds.
    fn now(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// The embedded ledger. Clones share it; the last one closes the file.
#[derive(Clone)]
pub struct EmbeddedLedger {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Box<dyn Clock>,
    /// Arrived, not yet in a block.
    arrived: Mutex<Vec<Submission>>,
    /// Held by whoever makes blocks; the latest block.
    head: Mutex<StoredBlock>,
}

/// A transaction and the place where its sender finds the outcome.
struct Submission {
    transaction: SignedTransaction,
    answer: Answer,
}

type Answer = Arc<Mutex<Option<Result<(), SubmitError>>>>;

/// Why a transaction was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error("{0}")]
    Invalid(String),
    #[error("storage failure")]
    Store(#[from] StoreError),
}

impl std::fmt::Debug for EmbeddedLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedLedger").finish_non_exhaustive()
    }
}

impl EmbeddedLedger {
    /// Opens the ledger in a folder, or makes a new one there.
    ///
    /// # Errors
    /// [`LedgerError::AlreadyOpen`] if another process or handle has it; [`LedgerError::Format`] if another version
    /// wrote it; [`LedgerError::Storage`] if the folder cannot be used.
    pub fn open(folder: &Path, clock: impl Clock) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(folder).map_err(|error| LedgerError::Storage(error.to_string()))?;
        let store = Store::open(&folder.join(FILE))?;
        let snapshot = store.snapshot()?;
        let head = match snapshot.latest_number()? {
            Some(number) => snapshot
                .block(number)?
                .ok_or_else(|| LedgerError::Storage("the latest block is missing".into()))?,
            None => {
                let genesis = block::genesis(clock.now());
                let transaction = store.begin()?;
                BlockWriter::open(&transaction)?.put_block(
                    0,
                    genesis.header.hash_slow(),
                    &genesis,
                )?;
                store::commit(transaction)?;
                genesis
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                clock: Box::new(clock),
                arrived: Mutex::default(),
                head: Mutex::new(head),
            }),
        })
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.inner.store.snapshot()
    }

    fn now(&self) -> u64 {
        self.inner.clock.now()
    }

    /// Takes a transaction. It is in a block on disk when this returns, unless an earlier nonce of its sender is
    /// missing: then it is on disk and waits.
    fn submit(&self, raw: &[u8]) -> Result<B256, SubmitError> {
        let transaction = SignedTransaction::decode(raw, EMBEDDED_CHAIN_ID)
            .map_err(|reason| SubmitError::Invalid(reason.into()))?;
        let hash = transaction.hash;
        let answer = Answer::default();
        lock(&self.inner.arrived).push(Submission { transaction, answer: Arc::clone(&answer) });
        // Whoever holds the head makes blocks of all that has arrived: under load, many in one.
        let mut head = lock(&self.inner.head);
        if lock(&answer).is_none() {
            let batch = std::mem::take(&mut *lock(&self.inner.arrived));
            self.make_blocks(&mut head, batch);
        }
        drop(head);
        let outcome = lock(&answer).take();
        match outcome {
            Some(Ok(())) => Ok(hash),
            Some(Err(error)) => Err(error),
            None => Err(SubmitError::Invalid("transaction was not processed".into())),
        }
    }

    fn make_blocks(&self, head: &mut StoredBlock, batch: Vec<Submission>) {
        let mut waiting: VecDeque<Submission> = batch.into();
        while !waiting.is_empty() {
            let mut answers = Vec::new();
            match self.make_block(head, &mut waiting, &mut answers) {
                Ok(()) => {
                    for (answer, outcome) in answers {
                        *lock(&answer) = Some(outcome);
                    }
                }
                Err(error) => {
                    let unanswered = waiting.drain(..).map(|submission| submission.answer);
                    for answer in answers.into_iter().map(|(answer, _)| answer).chain(unanswered) {
                        *lock(&answer) = Some(Err(error.clone().into()));
                    }
                }
            }
        }
    }

    fn make_block(
        &self,
        head: &mut StoredBlock,
        waiting: &mut VecDeque<Submission>,
        answers: &mut Vec<(Answer, Result<(), SubmitError>)>,
    ) -> Result<(), StoreError> {
        let snapshot = self.snapshot()?;
        let transaction = self.inner.store.begin()?;
        let mut sealed = None;
        {
            let mut writer = BlockWriter::open(&transaction)?;
            let mut builder = BlockBuilder::new(EMBEDDED_CHAIN_ID, head, self.now(), &snapshot);
            while let Some(submission) = waiting.pop_front() {
                if !builder.has_room_for(&submission.transaction) {
                    waiting.push_front(submission);
                    break;
                }
                match place(submission.transaction, &snapshot, &mut builder, &mut writer) {
                    Ok(freed) => {
                        answers.push((submission.answer, Ok(())));
                        if let Some(transaction) = freed {
                            waiting
                                .push_front(Submission { transaction, answer: Answer::default() });
                        }
                    }
                    Err(SubmitError::Store(error)) => {
                        answers.push((submission.answer, Ok(())));
                        return Err(error);
                    }
                    Err(invalid) => answers.push((submission.answer, Err(invalid))),
                }
            }
            if !builder.is_empty() {
                sealed = Some(builder.seal(&mut writer)?);
            }
        }
        store::commit(transaction)?;
        if let Some(block) = sealed {
            *head = block;
        }
        Ok(())
    }
}

/// Puts a transaction into the block, or into the queue if an earlier nonce is missing.
/// Returns the queued transaction that may follow it.
fn place(
    transaction: SignedTransaction,
    snapshot: &Snapshot,
    builder: &mut BlockBuilder<'_>,
    writer: &mut BlockWriter<'_>,
) -> Result<Option<SignedTransaction>, SubmitError> {
    let sender = transaction.sender();
    let nonce = transaction.inner.inner().nonce();
    let expected = builder.nonce(sender)?;
    if nonce < expected {
        let known = snapshot.raw_transaction(&transaction.hash)?.is_some();
        return Err(SubmitError::Invalid(
            if known { "already known" } else { "nonce too low" }.into(),
        ));
    }
    if nonce > expected {
        if writer.queued(sender)? >= MAX_QUEUED {
            return Err(SubmitError::Invalid(
                "too many transactions wait for an earlier nonce".into(),
            ));
        }
        writer.enqueue(sender, nonce, &transaction.raw)?;
        return Ok(None);
    }
    writer.dequeue(sender, nonce)?;
    add(transaction, builder, writer)?;
    let next = writer.waiting(sender, builder.nonce(sender)?)?;
    Ok(next.and_then(|raw| SignedTransaction::decode(&raw, EMBEDDED_CHAIN_ID).ok()))
}

fn add(
    transaction: SignedTransaction,
    builder: &mut BlockBuilder<'_>,
    writer: &mut BlockWriter<'_>,
) -> Result<(), SubmitError> {
    builder.add(transaction, writer).map_err(|failure| match failure {
        EVMError::Database(error) => SubmitError::Store(error),
        other => SubmitError::Invalid(other.to_string()),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
