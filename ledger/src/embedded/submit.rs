//! How transactions come into blocks: one writer, and a queue for those that come too early.

use super::block::{BlockBuilder, SignedTransaction};
use super::store::{self, BlockWriter, Snapshot, StoreError, failed};
use super::{EMBEDDED_CHAIN_ID, EmbeddedLedger, lock};
use alloy::consensus::Transaction as _;
use alloy::primitives::B256;
use revm::context_interface::result::EVMError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Transactions of one sender that may wait for an earlier nonce.
const MAX_QUEUED: usize = 256;
/// Transactions of all senders that may wait.
const MAX_ALL_QUEUED: u64 = 4096;

/// A transaction and the place where its sender finds the outcome.
pub(super) struct Submission {
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

impl SubmitError {
    fn invalid(reason: &str) -> Self {
        Self::Invalid(reason.to_owned())
    }
}

impl EmbeddedLedger {
    /// Takes transactions. Each that is taken is in a block on disk when this returns, unless an earlier nonce of its
    /// sender is missing: then it is on disk and waits.
    pub(super) fn submit(&self, raw: &[impl AsRef<[u8]>]) -> Vec<Result<B256, SubmitError>> {
        let mut taken = Vec::with_capacity(raw.len());
        let mut arriving = Vec::with_capacity(raw.len());
        for raw in raw {
            taken.push(SignedTransaction::decode(raw.as_ref(), EMBEDDED_CHAIN_ID).map(
                |transaction| {
                    let (hash, answer) = (transaction.hash, Answer::default());
                    arriving.push(Submission { transaction, answer: Arc::clone(&answer) });
                    (hash, answer)
                },
            ));
        }
        lock(&self.inner.arrived).append(&mut arriving);
        // Whoever gets here first makes blocks of all that has arrived: under load, many in one.
        let making = lock(&self.inner.making);
        let is_open = |(_, answer): &(B256, Answer)| lock(answer).is_none();
        if taken.iter().flatten().any(is_open) {
            let batch = std::mem::take(&mut *lock(&self.inner.arrived));
            self.make_blocks(batch.into());
        }
        drop(making);
        let outcome = |(hash, answer): (B256, Answer)| match lock(&answer).take() {
            Some(outcome) => outcome.map(|()| hash),
            None => Err(SubmitError::invalid("transaction was not processed")),
        };
        taken
            .into_iter()
            .map(|taken| taken.map_err(SubmitError::invalid).and_then(outcome))
            .collect()
    }

    /// Makes blocks of waiting transactions whose turn has come. There are some only if the process ended between two
    /// blocks of one sender's transactions.
    pub(super) fn make_blocks_of_queued(&self) -> Result<(), StoreError> {
        let making = lock(&self.inner.making);
        let view = self.view();
        let mut due = VecDeque::new();
        for row in view.snapshot.queue()? {
            let ((sender, nonce), raw) = row?;
            if view.snapshot.nonce(sender)? == nonce
                && let Ok(transaction) = SignedTransaction::decode(&raw, EMBEDDED_CHAIN_ID)
            {
                due.push_back(Submission { transaction, answer: Answer::default() });
            }
        }
        self.make_blocks(due);
        drop(making);
        Ok(())
    }

    fn make_blocks(&self, mut waiting: VecDeque<Submission>) {
        while !waiting.is_empty() {
            let mut answers = Vec::new();
            match self.make_block(&mut waiting, &mut answers) {
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
        waiting: &mut VecDeque<Submission>,
        answers: &mut Vec<(Answer, Result<(), SubmitError>)>,
    ) -> Result<(), StoreError> {
        let transaction = self.inner.store.begin()?;
        {
            let mut writer = BlockWriter::open(&transaction)?;
            let mut view = self.view();
            // It is behind only if it could not be renewed after a block.
            if writer.latest_number()? != Some(view.head.number) {
                view = self.renew_view()?;
            }
            let snapshot = &view.snapshot;
            let mut builder =
                BlockBuilder::new(EMBEDDED_CHAIN_ID, &view.head, view.hash, self.now(), snapshot);
            while let Some(submission) = waiting.pop_front() {
                if !builder.has_room_for(&submission.transaction) {
                    waiting.push_front(submission);
                    break;
                }
                match place(submission.transaction, snapshot, &mut builder, &mut writer) {
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
                writer.put(&builder.seal()?)?;
            }
        }
        if answers.iter().all(|(_, outcome)| outcome.is_err()) {
            // Nothing was taken, so there is nothing to wait for the disk for.
            return transaction.abort().map_err(failed);
        }
        store::commit(transaction)?;
        if let Err(error) = self.renew_view() {
            // The block is on disk all the same: its senders must not hear otherwise.
            tracing::error!(%error, "embedded ledger: the new block cannot be read");
        }
        Ok(())
    }
}

/// Puts a transaction into the block, or into the queue if an earlier nonce is missing.
/// Returns the queued transaction that may follow it.
fn place(
    transaction: SignedTransaction,
    snapshot: &Snapshot,
    builder: &mut BlockBuilder<&Snapshot>,
    writer: &mut BlockWriter<'_>,
) -> Result<Option<SignedTransaction>, SubmitError> {
    let sender = transaction.sender();
    let nonce = transaction.inner.inner().nonce();
    let expected = builder.nonce(sender)?;
    if nonce < expected {
        let known = snapshot.raw_transaction(&transaction.hash)?.is_some();
        return Err(SubmitError::invalid(if known { "already known" } else { "nonce too low" }));
    }
    if nonce > expected {
        if writer.waiting(sender, nonce)?.is_none()
            && (writer.queued(sender)? >= MAX_QUEUED || writer.all_queued()? >= MAX_ALL_QUEUED)
        {
            return Err(SubmitError::invalid("too many transactions wait for an earlier nonce"));
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
    builder: &mut BlockBuilder<&Snapshot>,
    writer: &mut BlockWriter<'_>,
) -> Result<(), SubmitError> {
    builder.add(transaction, writer).map_err(|failure| match failure {
        EVMError::Database(error) => SubmitError::Store(error),
        other => SubmitError::Invalid(other.to_string()),
    })
}
