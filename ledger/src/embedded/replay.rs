//! The state made anew in memory, for a replay.

use super::state::{AccountRow, SlotKey, SlotRow, StateTables, account_info, slot_key};
use super::store::{StoreError, failed};
use alloy::primitives::{Address, B256, Bytes, U256};
use revm::database_interface::DatabaseRef;
use revm::state::{AccountInfo, Bytecode};
use std::collections::BTreeMap;

/// Blocks whose hashes a contract can ask for.
const BLOCK_HASHES: u64 = 256;

/// The state of the blocks that were replayed.
#[derive(Clone, Default)]
pub(crate) struct ReplayedState {
    pub(crate) accounts: BTreeMap<Address, AccountRow>,
    pub(crate) slots: BTreeMap<SlotKey, SlotRow>,
    pub(crate) codes: BTreeMap<B256, Bytecode>,
    block_hashes: BTreeMap<u64, B256>,
}

impl ReplayedState {
    /// Makes a block's hash known to the contracts of later blocks.
    pub(crate) fn add_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
        if let Some(old) = number.checked_sub(BLOCK_HASHES) {
            self.block_hashes.remove(&old);
        }
    }
}

/// What a block changes, kept apart until the block is done: its transactions read the state before it.
#[derive(Default)]
pub(crate) struct StateChanges(Vec<Change>);

enum Change {
    Account(Address, Option<AccountRow>),
    Slot(SlotKey, Option<SlotRow>),
    NoSlots(Address),
    Code(B256, Bytes),
}

impl StateChanges {
    pub(crate) fn apply(self, state: &mut ReplayedState) {
        for change in self.0 {
            match change {
                Change::Account(address, Some(row)) => {
                    state.accounts.insert(address, row);
                }
                Change::Account(address, None) => {
                    state.accounts.remove(&address);
                }
                Change::Slot(key, Some(row)) => {
                    state.slots.insert(key, row);
                }
                Change::Slot(key, None) => {
                    state.slots.remove(&key);
                }
                Change::NoSlots(address) => {
                    let range = slot_key(address, U256::ZERO)..=slot_key(address, U256::MAX);
                    let keys: Vec<SlotKey> =
                        state.slots.range(range).map(|(key, _)| *key).collect();
                    for key in keys {
                        state.slots.remove(&key);
                    }
                }
                Change::Code(hash, code) => {
                    state.codes.insert(hash, Bytecode::new_legacy(code));
                }
            }
        }
    }
}

impl StateTables for StateChanges {
    fn set_account(
        &mut self,
        address: Address,
        row: Option<&AccountRow>,
    ) -> Result<(), StoreError> {
        self.0.push(Change::Account(address, row.copied()));
        Ok(())
    }

    fn set_slot(&mut self, key: &SlotKey, row: Option<&SlotRow>) -> Result<(), StoreError> {
        self.0.push(Change::Slot(*key, row.copied()));
        Ok(())
    }

    fn clear_slots(&mut self, address: Address) -> Result<(), StoreError> {
        self.0.push(Change::NoSlots(address));
        Ok(())
    }

    fn add_code(&mut self, hash: B256, code: &[u8]) -> Result<(), StoreError> {
        self.0.push(Change::Code(hash, Bytes::copy_from_slice(code)));
        Ok(())
    }
}

impl DatabaseRef for ReplayedState {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        Ok(self.accounts.get(&address).map(account_info))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        if code_hash == revm::primitives::KECCAK_EMPTY || code_hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let code = self.codes.get(&code_hash).cloned();
        code.ok_or_else(|| failed("code of an account is missing"))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let row = self.slots.get(&slot_key(address, slot));
        Ok(row.map_or(U256::ZERO, |row| U256::from_be_bytes(*row)))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        Ok(self.block_hashes.get(&number).copied().unwrap_or_default())
    }
}
