//! Transactions that were signed: each is stored before it is sent, and until its outcome is known.

mod file;
mod memory;

pub use file::FileOutbox;
pub use memory::MemoryOutbox;

use crate::LedgerError;
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

/// What an outbox keeps of one nonce of an account. It holds signed transactions, which are public once sent, and
/// no key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The chain that the transactions are valid on.
    pub chain_id: u64,
    /// The account that signed.
    pub account: Address,
    /// The nonce of every one of the transactions: at most one of them is ever mined.
    pub nonce: u64,
    /// What the caller's idempotency key stands for, if one was given.
    pub idempotency: Option<B256>,
    /// Keccak-256 of what is asked for, to tell another act under the same idempotency key.
    pub request: B256,
    /// The transactions, EIP-2718, in the order in which they were signed: each pays more than the one before.
    pub transactions: Vec<Bytes>,
    /// How far it is.
    pub state: OutboxState,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboxState {
    /// To be sent, or sent, and not yet confirmed.
    Waiting,
    /// One of its transactions is confirmed.
    Confirmed,
    /// Another transaction of the account has the nonce.
    Superseded,
}

/// Where signed transactions are kept. What was stored when a process ends is there for the next one, if the outbox
/// is a durable one.
///
/// An outbox belongs to one client at a time. Its methods may block, and are called off the async threads.
pub trait Outbox: Send + Sync + 'static {
    /// Stores an entry in place of an earlier one of its chain, account and nonce. When this returns, the entry is
    /// as safe as it will be. An entry that no longer waits is kept only for its idempotency key.
    ///
    /// # Errors
    /// [`LedgerError::Outbox`]: nothing may be assumed about the entry then.
    fn store(&self, entry: &OutboxEntry) -> Result<(), LedgerError>;

    /// Forgets an entry that no node has taken.
    ///
    /// # Errors
    /// [`LedgerError::Outbox`].
    fn remove(&self, entry: &OutboxEntry) -> Result<(), LedgerError>;

    /// The entries of an account that wait, in the order of their nonces.
    ///
    /// # Errors
    /// [`LedgerError::Outbox`].
    fn waiting(&self, chain_id: u64, account: Address) -> Result<Vec<OutboxEntry>, LedgerError>;

    /// The entry with an idempotency key, in any state.
    ///
    /// # Errors
    /// [`LedgerError::Outbox`].
    fn find(
        &self,
        chain_id: u64,
        account: Address,
        idempotency: &B256,
    ) -> Result<Option<OutboxEntry>, LedgerError>;
}
