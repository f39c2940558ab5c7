//! What the embedded ledger keeps on disk: one redb file, one write transaction a block.

use super::block::{SealedBlock, StoredBlock};
use super::state::{AccountRow, SlotKey, SlotRow, StateTables, account_info, slot_key};
use crate::LedgerError;
use alloy::primitives::{Address, B256, Bytes, U256};
use redb::{
    Builder, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase,
    ReadableTable, ReadableTableMetadata, StorageError, TableDefinition, WriteTransaction,
};
use revm::database_interface::{DBErrorMarker, DatabaseRef};
use revm::state::{AccountInfo, Bytecode};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

const ACCOUNTS: TableDefinition<'_, [u8; 20], AccountRow> = TableDefinition::new("accounts");
const STORAGE: TableDefinition<'_, SlotKey, SlotRow> = TableDefinition::new("storage");
const CODE: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("code");
/// Block number to the block, JSON.
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const BLOCK_NUMBERS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("block_numbers");
/// Transaction hash to the signed transaction, EIP-2718.
const TRANSACTIONS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("transactions");
/// Transaction hash to the receipt, as JSON-RPC answers it.
const RECEIPTS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("receipts");
/// Block number and place in the block to the log, as JSON-RPC answers it.
const LOGS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("logs");
/// Transactions that wait for an earlier nonce of their sender.
const QUEUE: TableDefinition<'_, ([u8; 20], u64), &[u8]> = TableDefinition::new("queue");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The store's version. Whatever changes a byte of what a block writes changes it.
pub(crate) const FORMAT: u64 = 1;
/// Pages that redb may keep in memory.
const CACHE_BYTES: usize = 64 << 20;
/// Contracts whose analysed code is kept in memory.
const MAX_CODES: usize = 256;

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

pub(crate) fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError(error.to_string())
}

/// Code by its hash, with the analysis that the EVM needs.
type CodeCache = Arc<Mutex<HashMap<B256, Bytecode>>>;

/// The open file.
pub(crate) struct Store {
    database: Database,
    codes: CodeCache,
}

impl Store {
    /// Opens the file, or makes it.
    pub(crate) fn open(file: &Path) -> Result<Self, LedgerError> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(file);
        let store = Self { database: database.map_err(not_opened)?, codes: CodeCache::default() };
        let transaction = store.begin()?;
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
        commit(transaction)?;
        Ok(store)
    }

    /// Opens a file that is there, after checking every page against its checksum.
    pub(crate) fn open_checked(file: &Path) -> Result<Self, LedgerError> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database = builder.open(file).map_err(not_opened)?;
        let store = Self { database, codes: CodeCache::default() };
        let found = {
            let transaction = store.database.begin_read().map_err(failed)?;
            let meta = transaction.open_table(META).map_err(failed)?;
            meta.get("format").map_err(failed)?.map_or(0, |value| value.value())
        };
        if found != FORMAT {
            return Err(LedgerError::Format { found, expected: FORMAT });
        }
        Ok(store)
    }

    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        Snapshot::open(&transaction, Arc::clone(&self.codes))
    }

    pub(crate) fn begin(&self) -> Result<WriteTransaction, StoreError> {
        self.database.begin_write().map_err(failed)
    }
}

fn not_opened(error: DatabaseError) -> LedgerError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => LedgerError::AlreadyOpen,
        DatabaseError::Storage(StorageError::Corrupted(what)) => LedgerError::Corrupt(what),
        other => failed(other).into(),
    }
}

pub(crate) fn commit(transaction: WriteTransaction) -> Result<(), StoreError> {
    transaction.commit().map_err(failed)
}

/// The ledger as of one block.
pub(crate) struct Snapshot {
    accounts: ReadOnlyTable<[u8; 20], AccountRow>,
    storage: ReadOnlyTable<SlotKey, SlotRow>,
    code: ReadOnlyTable<[u8; 32], &'static [u8]>,
    blocks: ReadOnlyTable<u64, &'static [u8]>,
    block_numbers: ReadOnlyTable<[u8; 32], u64>,
    transactions: ReadOnlyTable<[u8; 32], &'static [u8]>,
    receipts: ReadOnlyTable<[u8; 32], &'static [u8]>,
    logs: ReadOnlyTable<(u64, u64), &'static [u8]>,
    queue: ReadOnlyTable<([u8; 20], u64), &'static [u8]>,
    codes: CodeCache,
}

/// How many rows there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowCounts {
    pub(crate) block_hashes: u64,
    pub(crate) transactions: u64,
    pub(crate) receipts: u64,
    pub(crate) logs: u64,
}

/// A row, or why there is none.
type Row<K, V> = Result<(K, V), StoreError>;

impl Snapshot {
    fn open(transaction: &ReadTransaction, codes: CodeCache) -> Result<Self, StoreError> {
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
            codes,
        })
    }

    pub(crate) fn latest_number(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.blocks.last().map_err(failed)?.map(|(number, _)| number.value()))
    }

    /// A block's row.
    pub(crate) fn block_row(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blocks.get(number).map_err(failed)?.map(|row| row.value().to_vec()))
    }

    pub(crate) fn block(&self, number: u64) -> Result<Option<StoredBlock>, StoreError> {
        let row = self.block_row(number)?;
        row.map(|bytes| serde_json::from_slice(&bytes).map_err(failed)).transpose()
    }

    pub(crate) fn block_number(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        Ok(self.block_numbers.get(hash.0).map_err(failed)?.map(|row| row.value()))
    }

    pub(crate) fn raw_transaction(&self, hash: &B256) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.transactions.get(hash.0).map_err(failed)?.map(|row| row.value().to_vec()))
    }

    /// A transaction's receipt, as JSON.
    pub(crate) fn receipt(&self, hash: &B256) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.receipts.get(hash.0).map_err(failed)?.map(|row| row.value().to_vec()))
    }

    /// Logs of the blocks `from..=to` as JSON, in order, with block number and place in the block.
    pub(crate) fn logs(
        &self,
        from: u64,
        to: u64,
    ) -> Result<impl Iterator<Item = Row<(u64, u64), Vec<u8>>>, StoreError> {
        let rows = self.logs.range((from, 0)..=(to, u64::MAX)).map_err(failed)?;
        Ok(rows.map(|row| {
            let (key, value) = row.map_err(failed)?;
            Ok((key.value(), value.value().to_vec()))
        }))
    }

    pub(crate) fn counts(&self) -> Result<RowCounts, StoreError> {
        Ok(RowCounts {
            block_hashes: self.block_numbers.len().map_err(failed)?,
            transactions: self.transactions.len().map_err(failed)?,
            receipts: self.receipts.len().map_err(failed)?,
            logs: self.logs.len().map_err(failed)?,
        })
    }

    /// All accounts, in order.
    pub(crate) fn accounts(
        &self,
    ) -> Result<impl Iterator<Item = Row<Address, AccountRow>>, StoreError> {
        let rows = self.accounts.iter().map_err(failed)?;
        Ok(rows.map(|row| {
            let (key, value) = row.map_err(failed)?;
            Ok((key.value().into(), value.value()))
        }))
    }

    /// All slots, in order.
    pub(crate) fn slots(&self) -> Result<impl Iterator<Item = Row<SlotKey, SlotRow>>, StoreError> {
        let rows = self.storage.iter().map_err(failed)?;
        Ok(rows.map(|row| {
            let (key, value) = row.map_err(failed)?;
            Ok((key.value(), value.value()))
        }))
    }

    /// All code, in order of its hash.
    pub(crate) fn codes(&self) -> Result<impl Iterator<Item = Row<B256, Vec<u8>>>, StoreError> {
        let rows = self.code.iter().map_err(failed)?;
        Ok(rows.map(|row| {
            let (key, value) = row.map_err(failed)?;
            Ok((key.value().into(), value.value().to_vec()))
        }))
    }

    /// All waiting transactions, by sender and nonce.
    pub(crate) fn queue(
        &self,
    ) -> Result<impl Iterator<Item = Row<(Address, u64), Vec<u8>>>, StoreError> {
        let rows = self.queue.iter().map_err(failed)?;
        Ok(rows.map(|row| {
            let (key, value) = row.map_err(failed)?;
            let (sender, nonce) = key.value();
            Ok(((sender.into(), nonce), value.value().to_vec()))
        }))
    }

    /// How many transactions of each sender wait.
    pub(crate) fn queued(&self) -> Result<BTreeMap<Address, u64>, StoreError> {
        let mut queued = BTreeMap::new();
        for row in self.queue()? {
            let ((sender, _), _) = row?;
            *queued.entry(sender).or_default() += 1;
        }
        Ok(queued)
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

impl DatabaseRef for Snapshot {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        let row = self.accounts.get(address.into_array()).map_err(failed)?;
        Ok(row.map(|row| account_info(&row.value())))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        if code_hash == revm::primitives::KECCAK_EMPTY || code_hash.is_zero() {
            return Ok(Bytecode::default());
        }
        if let Some(code) = super::lock(&self.codes).get(&code_hash) {
            return Ok(code.clone());
        }
        let row = self.code.get(code_hash.0).map_err(failed)?;
        let row = row.ok_or_else(|| failed("code of an account is missing"))?;
        let code = Bytecode::new_legacy(Bytes::copy_from_slice(row.value()));
        let mut codes = super::lock(&self.codes);
        if codes.len() >= MAX_CODES {
            codes.clear();
        }
        codes.insert(code_hash, code.clone());
        Ok(code)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let row = self.storage.get(slot_key(address, slot)).map_err(failed)?;
        Ok(row.map_or(U256::ZERO, |row| U256::from_be_bytes(row.value())))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        let block = self.block(number)?;
        Ok(block.map(|block| block.header.hash_slow()).unwrap_or_default())
    }
}

/// The tables of one write transaction.
pub(crate) struct BlockWriter<'t> {
    accounts: redb::Table<'t, [u8; 20], AccountRow>,
    storage: redb::Table<'t, SlotKey, SlotRow>,
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

    /// Number of the latest block.
    pub(crate) fn latest_number(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.blocks.last().map_err(failed)?.map(|(number, _)| number.value()))
    }

    /// Writes a block and all that belongs to it.
    pub(crate) fn put(&mut self, sealed: &SealedBlock) -> Result<(), StoreError> {
        for transaction in &sealed.transactions {
            self.transactions
                .insert(transaction.hash.0, transaction.raw.as_slice())
                .map_err(failed)?;
            self.receipts
                .insert(transaction.hash.0, transaction.receipt.as_slice())
                .map_err(failed)?;
        }
        let number = sealed.header.number;
        for (index, log) in (0..).zip(&sealed.logs) {
            self.logs.insert((number, index), log.as_slice()).map_err(failed)?;
        }
        self.blocks.insert(number, sealed.row.as_slice()).map_err(failed)?;
        self.block_numbers.insert(sealed.hash.0, number).map_err(failed)?;
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

    /// How many transactions wait.
    pub(crate) fn all_queued(&self) -> Result<u64, StoreError> {
        self.queue.len().map_err(failed)
    }
}

impl StateTables for BlockWriter<'_> {
    fn set_account(
        &mut self,
        address: Address,
        row: Option<&AccountRow>,
    ) -> Result<(), StoreError> {
        let key = address.into_array();
        match row {
            Some(row) => self.accounts.insert(key, row).map(drop),
            None => self.accounts.remove(key).map(drop),
        }
        .map_err(failed)
    }

    fn set_slot(&mut self, key: &SlotKey, row: Option<&SlotRow>) -> Result<(), StoreError> {
        match row {
            Some(row) => self.storage.insert(key, row).map(drop),
            None => self.storage.remove(key).map(drop),
        }
        .map_err(failed)
    }

    fn clear_slots(&mut self, address: Address) -> Result<(), StoreError> {
        let range = slot_key(address, U256::ZERO)..=slot_key(address, U256::MAX);
        self.storage.retain_in(range, |_, _| false).map_err(failed)
    }

    fn add_code(&mut self, hash: B256, code: &[u8]) -> Result<(), StoreError> {
        self.code.insert(hash.0, code).map(drop).map_err(failed)
    }
}
