//! What the embedded ledger keeps on disk: one redb file, one write transaction a block.

use crate::LedgerError;
use alloy::primitives::{Address, B256, Bytes, U256};
use redb::{
    Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, WriteTransaction,
};
use revm::database_interface::{DBErrorMarker, DatabaseRef};
use revm::state::{AccountInfo, Bytecode, EvmState};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Account: nonce (8 bytes) ‖ balance (32) ‖ code hash (32), big-endian.
const ACCOUNTS: TableDefinition<'_, [u8; 20], [u8; 72]> = TableDefinition::new("accounts");
/// Address ‖ slot to value, big-endian.
const STORAGE: TableDefinition<'_, [u8; 52], [u8; 32]> = TableDefinition::new("storage");
const CODE: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("code");
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const BLOCK_NUMBERS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("block_numbers");
const TRANSACTIONS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("transactions");
const RECEIPTS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("receipts");
const LOGS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("logs");
/// Transactions that wait for an earlier nonce of their sender.
const QUEUE: TableDefinition<'_, ([u8; 20], u64), &[u8]> = TableDefinition::new("queue");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const FORMAT: u64 = 1;

/// A failure of the store, in the form that the EVM passes through.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StoreError(pub(crate) String);

impl DBErrorMarker for StoreError {}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Storage(error.0)
    }
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError(error.to_string())
}

/// The open file.
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) fn open(file: &Path) -> Result<Self, LedgerError> {
        let database = Database::create(file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => LedgerError::AlreadyOpen,
            other => failed(other).into(),
        })?;
        let store = Self { database };
        let transaction = store.database.begin_write().map_err(failed)?;
        let found = {
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let found = meta.get("format").map_err(failed)?.map(|value| value.value());
            if found.is_none() {
                meta.insert("format", FORMAT).map_err(failed)?;
            }
            found.unwrap_or(FORMAT)
        };
        if found != FORMAT {
            return Err(LedgerError::Format { found, expected: FORMAT });
        }
        BlockWriter::open(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(store)
    }

    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.database.begin_read().map_err(failed)?)
    }

    pub(crate) fn begin(&self) -> Result<WriteTransaction, StoreError> {
        self.database.begin_write().map_err(failed)
    }
}

pub(crate) fn commit(transaction: WriteTransaction) -> Result<(), StoreError> {
    transaction.commit().map_err(failed)
}

/// The ledger as of one block.
pub(crate) struct Snapshot {
    accounts: ReadOnlyTable<[u8; 20], [u8; 72]>,
    storage: ReadOnlyTable<[u8; 52], [u8; 32]>,
    code: ReadOnlyTable<[u8; 32], &'static [u8]>,
    blocks: ReadOnlyTable<u64, &'static [u8]>,
    block_numbers: ReadOnlyTable<[u8; 32], u64>,
    transactions: ReadOnlyTable<[u8; 32], &'static [u8]>,
    receipts: ReadOnlyTable<[u8; 32], &'static [u8]>,
    logs: ReadOnlyTable<(u64, u64), &'static [u8]>,
}

impl Snapshot {
    fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            accounts: transaction.open_table(ACCOUNTS).map_err(failed)?,
            storage: transaction.open_table(STORAGE).map_err(failed)?,
            code: transaction.open_table(CODE).map_err(failed)?,
            blocks: transaction.open_table(BLOCKS).map_err(failed)?,
            block_numbers: transaction.open_table(BLOCK_NUMBERS).map_err(failed)?,
            transactions: transaction.open_table(TRANSACTIONS).map_err(failed)?,
            receipts: transaction.open_table(RECEIPTS).map_err(failed)?,
            logs: transaction.open_table(LOGS).map_err(failed)?,
        })
    }

    pub(crate) fn latest_number(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.blocks.last().map_err(failed)?.map(|(number, _)| number.value()))
    }

    pub(crate) fn block<T: DeserializeOwned>(&self, number: u64) -> Result<Option<T>, StoreError> {
        parse(self.blocks.get(number).map_err(failed)?.map(|row| row.value().to_vec()))
    }

    pub(crate) fn block_number(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        Ok(self.block_numbers.get(hash.0).map_err(failed)?.map(|row| row.value()))
    }

    pub(crate) fn raw_transaction(&self, hash: &B256) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.transactions.get(hash.0).map_err(failed)?.map(|row| row.value().to_vec()))
    }

    pub(crate) fn receipt<T: DeserializeOwned>(
        &self,
        hash: &B256,
    ) -> Result<Option<T>, StoreError> {
        parse(self.receipts.get(hash.0).map_err(failed)?.map(|row| row.value().to_vec()))
    }

    /// Logs of the blocks `from..=to`, in order.
    pub(crate) fn logs<T: DeserializeOwned>(
        &self,
        from: u64,
        to: u64,
    ) -> Result<impl Iterator<Item = Result<T, StoreError>>, StoreError> {
        let rows = self.logs.range((from, 0)..=(to, u64::MAX)).map_err(failed)?;
        Ok(rows.map(|row| {
            let (_, value) = row.map_err(failed)?;
            serde_json::from_slice(value.value()).map_err(failed)
        }))
    }

    pub(crate) fn nonce(&self, address: Address) -> Result<u64, StoreError> {
        Ok(self.basic_ref(address)?.map_or(0, |info| info.nonce))
    }

    pub(crate) fn code_at(&self, address: Address) -> Result<Bytes, StoreError> {
        match self.basic_ref(address)? {
            Some(info) => Ok(self.code_by_hash_ref(info.code_hash)?.original_bytes()),
            None => Ok(Bytes::new()),
        }
    }
}

fn parse<T: DeserializeOwned>(row: Option<Vec<u8>>) -> Result<Option<T>, StoreError> {
    row.map(|bytes| serde_json::from_slice(&bytes).map_err(failed)).transpose()
}

impl DatabaseRef for Snapshot {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        let Some(row) = self.accounts.get(address.into_array()).map_err(failed)? else {
            return Ok(None);
        };
        let row = row.value();
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&row[..8]);
        Ok(Some(AccountInfo {
            nonce: u64::from_be_bytes(nonce),
            balance: U256::from_be_slice(&row[8..40]),
            code_hash: B256::from_slice(&row[40..]),
            code: None,
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        if code_hash == revm::primitives::KECCAK_EMPTY || code_hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let row = self.code.get(code_hash.0).map_err(failed)?;
        let row = row.ok_or_else(|| failed("code of an account is missing"))?;
        Ok(Bytecode::new_legacy(Bytes::copy_from_slice(row.value())))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let row = self.storage.get(storage_key(address, slot)).map_err(failed)?;
        Ok(row.map_or(U256::ZERO, |row| U256::from_be_bytes(row.value())))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        let block: Option<super::block::StoredBlock> = self.block(number)?;
        Ok(block.map(|block| block.header.hash_slow()).unwrap_or_default())
    }
}

fn storage_key(address: Address, slot: U256) -> [u8; 52] {
    let mut key = [0; 52];
    key[..20].copy_from_slice(address.as_slice());
    key[20..].copy_from_slice(&slot.to_be_bytes::<32>());
    key
}

/// The tables of one write transaction.
pub(crate) struct BlockWriter<'t> {
    accounts: redb::Table<'t, [u8; 20], [u8; 72]>,
    storage: redb::Table<'t, [u8; 52], [u8; 32]>,
    code: redb::Table<'t, [u8; 32], &'static [u8]>,
    blocks: redb::Table<'t, u64, &'static [u8]>,
    block_numbers: redb::Table<'t, [u8; 32], u64>,
    transactions: redb::Table<'t, [u8; 32], &'static [u8]>,
    receipts: redb::Table<'t, [u8; 32], &'static [u8]>,
    logs: redb::Table<'t, (u64, u64), &'static [u8]>,
    queue: redb::Table<'t, ([u8; 20], u64), &'static [u8]>,
}

impl<'t> BlockWriter<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            accounts: transaction.open_table(ACCOUNTS).map_err(failed)?,
            storage: transaction.open_table(STORAGE).map_err(failed)?,
            code: transaction.open_table(CODE).map_err(failed)?,
            blocks: transaction.open_table(BLOCKS).map_err(failed)?,
            block_numbers: transaction.open_table(BLOCK_NUMBERS).map_err(failed)?,
            transactions: transaction.open_table(TRANSACTIONS).map_err(failed)?,
            receipts: transaction.open_table(RECEIPTS).map_err(failed)?,
            logs: transaction.open_table(LOGS).map_err(failed)?,
            queue: transaction.open_table(QUEUE).map_err(failed)?,
        })
    }

    /// Writes what a transaction changed and returns the change as bytes, in a canonical order.
    pub(crate) fn apply(&mut self, state: &EvmState) -> Result<Vec<u8>, StoreError> {
        let mut changes = Vec::new();
        let mut touched: Vec<_> =
            state.iter().filter(|(_, account)| account.is_touched()).collect();
        touched.sort_unstable_by_key(|(address, _)| **address);
        for (address, account) in touched {
            let key = address.into_array();
            changes.extend_from_slice(&key);
            if account.is_selfdestructed() || account.is_created() {
                self.clear_storage(*address)?;
            }
            if account.is_selfdestructed() || account.is_empty() {
                self.accounts.remove(key).map_err(failed)?;
                changes.push(0);
                continue;
            }
            let row = account_row(&account.info);
            self.accounts.insert(key, row).map_err(failed)?;
            changes.push(1);
            changes.extend_from_slice(&row);
            if let Some(code) = account.info.code.as_ref().filter(|code| !code.is_empty()) {
                self.code
                    .insert(account.info.code_hash.0, code.original_byte_slice())
                    .map_err(failed)?;
            }
            let mut slots: Vec<_> = account.changed_storage_slots().collect();
            slots.sort_unstable_by_key(|(slot, _)| **slot);
            for (slot, value) in slots {
                let key = storage_key(*address, *slot);
                let value = value.present_value();
                if value.is_zero() {
                    self.storage.remove(key).map_err(failed)?;
                } else {
                    self.storage.insert(key, value.to_be_bytes::<32>()).map_err(failed)?;
                }
                changes.extend_from_slice(&key[20..]);
                changes.extend_from_slice(&value.to_be_bytes::<32>());
            }
        }
        Ok(changes)
    }

    fn clear_storage(&mut self, address: Address) -> Result<(), StoreError> {
        let range = storage_key(address, U256::ZERO)..=storage_key(address, U256::MAX);
        self.storage.retain_in(range, |_, _| false).map_err(failed)
    }

    pub(crate) fn put_transaction(
        &mut self,
        hash: &B256,
        raw: &[u8],
        receipt: &impl serde::Serialize,
    ) -> Result<(), StoreError> {
        self.transactions.insert(hash.0, raw).map_err(failed)?;
        let receipt = serde_json::to_vec(receipt).map_err(failed)?;
        self.receipts.insert(hash.0, receipt.as_slice()).map_err(failed)?;
        Ok(())
    }

    pub(crate) fn put_log(
        &mut self,
        block: u64,
        index: u64,
        log: &impl serde::Serialize,
    ) -> Result<(), StoreError> {
        let log = serde_json::to_vec(log).map_err(failed)?;
        self.logs.insert((block, index), log.as_slice()).map_err(failed)?;
        Ok(())
    }

    pub(crate) fn put_block(
        &mut self,
        number: u64,
        hash: B256,
        block: &impl serde::Serialize,
    ) -> Result<(), StoreError> {
        let block = serde_json::to_vec(block).map_err(failed)?;
        self.blocks.insert(number, block.as_slice()).map_err(failed)?;
        self.block_numbers.insert(hash.0, number).map_err(failed)?;
        Ok(())
    }

    pub(crate) fn enqueue(
        &mut self,
        sender: Address,
        nonce: u64,
        raw: &[u8],
    ) -> Result<(), StoreError> {
        self.queue.insert((sender.into_array(), nonce), raw).map_err(failed)?;
        Ok(())
    }

    /// Removes the waiting transaction of that sender and nonce, if there is one.
    pub(crate) fn dequeue(&mut self, sender: Address, nonce: u64) -> Result<(), StoreError> {
        self.queue.remove((sender.into_array(), nonce)).map_err(failed)?;
        Ok(())
    }

    /// The waiting transaction of that sender and nonce.
    pub(crate) fn waiting(
        &self,
        sender: Address,
        nonce: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.queue.get((sender.into_array(), nonce)).map_err(failed)?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    /// How many transactions of a sender wait.
    pub(crate) fn queued(&self, sender: Address) -> Result<usize, StoreError> {
        let sender = sender.into_array();
        Ok(self.queue.range((sender, 0)..=(sender, u64::MAX)).map_err(failed)?.count())
    }
}

fn account_row(info: &AccountInfo) -> [u8; 72] {
    let mut row = [0; 72];
    row[..8].copy_from_slice(&info.nonce.to_be_bytes());
    row[8..40].copy_from_slice(&info.balance.to_be_bytes::<32>());
    row[40..].copy_from_slice(info.code_hash.as_slice());
    row
}
