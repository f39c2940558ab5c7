//! What the embedded ledger's file holds.

use super::store::FORMAT;
use super::{EMBEDDED_CHAIN_ID, EmbeddedLedger};
use crate::LedgerError;
use alloy::primitives::{Address, B256};
use serde::Serialize;
use std::collections::BTreeMap;

/// The embedded ledger in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EmbeddedStatus {
    /// The chain's id.
    pub chain_id: u64,
    /// Number of the latest block.
    pub block: u64,
    /// Its hash.
    pub block_hash: B256,
    /// Its time, Unix seconds.
    pub block_time: u64,
    /// Transactions in all blocks.
    pub transactions: u64,
    /// Transactions that wait for an earlier nonce, by sender.
    pub queued: BTreeMap<Address, u64>,
    /// Size of the file.
    pub file_bytes: u64,
    /// Version of the file's format.
    pub format: u64,
}

impl EmbeddedLedger {
    /// The ledger in figures.
    ///
    /// # Errors
    /// [`LedgerError::Storage`].
    pub fn status(&self) -> Result<EmbeddedStatus, LedgerError> {
        let view = self.view();
        let file = std::fs::metadata(&self.inner.file);
        Ok(EmbeddedStatus {
            chain_id: EMBEDDED_CHAIN_ID,
            block: view.head.number,
            block_hash: view.hash,
            block_time: view.head.timestamp,
            transactions: view.snapshot.counts()?.transactions,
            queued: view.snapshot.queued()?,
            file_bytes: file.map_err(|error| LedgerError::Storage(error.to_string()))?.len(),
            format: FORMAT,
        })
    }
}
