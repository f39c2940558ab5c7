//! The ledger as its readers see it: one block's header, and the state after it.

use super::store::{Snapshot, Store, StoreError, failed};
use alloy::consensus::Header;
use alloy::primitives::B256;

/// The latest block on disk and a snapshot taken of it. It does not change.
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    pub(crate) head: Header,
    pub(crate) hash: B256,
}

impl View {
    /// A view of what the store holds now.
    pub(crate) fn of(store: &Store) -> Result<Self, StoreError> {
        let snapshot = store.snapshot()?;
        let number = snapshot.latest_number()?.ok_or_else(|| failed("there is no block"))?;
        let block = snapshot.block(number)?;
        let head = block.ok_or_else(|| failed("the latest block is missing"))?.header;
        let hash = head.hash_slow();
        Ok(Self { snapshot, head, hash })
    }
}
