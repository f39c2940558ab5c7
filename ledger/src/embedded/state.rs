//! The state's rows, and what a transaction does to them: the same for the file and for a replay.

use super::store::StoreError;
use alloy::primitives::{Address, B256, U256};
use revm::state::{AccountInfo, EvmState};

/// Account: nonce (8 bytes) ‖ balance (32) ‖ code hash (32), big-endian.
pub(crate) type AccountRow = [u8; 72];
/// Address ‖ slot, big-endian.
pub(crate) type SlotKey = [u8; 52];
/// A slot's value, big-endian; zero has no row.
pub(crate) type SlotRow = [u8; 32];

/// The tables that make up the state.
pub(crate) trait StateTables {
    /// Sets an account's row, or removes it.
    fn set_account(&mut self, address: Address, row: Option<&AccountRow>)
    -> Result<(), StoreError>;
    /// Sets a slot's row, or removes it.
    fn set_slot(&mut self, key: &SlotKey, row: Option<&SlotRow>) -> Result<(), StoreError>;
    /// Removes all slots of an account.
    fn clear_slots(&mut self, address: Address) -> Result<(), StoreError>;
    /// Adds a contract's code.
    fn add_code(&mut self, hash: B256, code: &[u8]) -> Result<(), StoreError>;
}

/// Writes what a transaction changed and returns the change as bytes, in a canonical order.
pub(crate) fn apply(
    state: &EvmState,
    tables: &mut impl StateTables,
) -> Result<Vec<u8>, StoreError> {
    let mut changes = Vec::new();
    let mut touched: Vec<_> = state.iter().filter(|(_, account)| account.is_touched()).collect();
    touched.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in touched {
        changes.extend_from_slice(address.as_slice());
        if account.is_selfdestructed() || account.is_created() {
            tables.clear_slots(*address)?;
        }
        if account.is_selfdestructed() || account.is_empty() {
            tables.set_account(*address, None)?;
            changes.push(0);
            continue;
        }
        let row = account_row(&account.info);
        tables.set_account(*address, Some(&row))?;
        changes.push(1);
        changes.extend_from_slice(&row);
        // Code changes only when a contract is created.
        let code = account.info.code.as_ref().filter(|code| !code.is_empty());
        if let Some(code) = code.filter(|_| account.is_created()) {
            tables.add_code(account.info.code_hash, code.original_byte_slice())?;
        }
        let mut slots: Vec<_> = account.changed_storage_slots().collect();
        slots.sort_unstable_by_key(|(slot, _)| **slot);
        for (slot, value) in slots {
            let key = slot_key(*address, *slot);
            let value = value.present_value();
            let row = value.to_be_bytes::<32>();
            tables.set_slot(&key, Some(&row).filter(|_| !value.is_zero()))?;
            changes.extend_from_slice(&key[20..]);
            changes.extend_from_slice(&row);
        }
    }
    Ok(changes)
}

pub(crate) fn slot_key(address: Address, slot: U256) -> SlotKey {
    let mut key = [0; 52];
    key[..20].copy_from_slice(address.as_slice());
    key[20..].copy_from_slice(&slot.to_be_bytes::<32>());
    key
}

fn account_row(info: &AccountInfo) -> AccountRow {
    let mut row = [0; 72];
    row[..8].copy_from_slice(&info.nonce.to_be_bytes());
    row[8..40].copy_from_slice(&info.balance.to_be_bytes::<32>());
    row[40..].copy_from_slice(info.code_hash.as_slice());
    row
}

/// The account of a row. Its code is looked up by the hash.
pub(crate) fn account_info(row: &AccountRow) -> AccountInfo {
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&row[..8]);
    AccountInfo {
        nonce: u64::from_be_bytes(nonce),
        balance: U256::from_be_slice(&row[8..40]),
        code_hash: B256::from_slice(&row[40..]),
        code: None,
        ..AccountInfo::default()
    }
}
