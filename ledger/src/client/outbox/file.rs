//! An outbox on disk: one redb file.

use super::{Outbox, OutboxEntry, OutboxState};
use crate::LedgerError;
use alloy::primitives::{Address, B256};
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use std::path::Path;

/// Chain id, account and nonce.
type Place = (u64, [u8; 20], u64);
/// Chain id, account and idempotency key.
type Key = (u64, [u8; 20], [u8; 32]);

/// To the entry as JSON.
const WAITING: TableDefinition<'_, Place, &[u8]> = TableDefinition::new("waiting");
/// To the entry as JSON.
const KEYED: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("keyed");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const FORMAT: u64 = 1;

/// Keeps entries in a file, synced before a transaction is sent.
pub struct FileOutbox {
    database: Database,
}

impl std::fmt::Debug for FileOutbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileOutbox").finish_non_exhaustive()
    }
}

impl FileOutbox {
    /// Opens an outbox, or makes an empty one. One process has it at a time.
    ///
    /// # Errors
    /// [`LedgerError::Outbox`] if another process has it open, or the file cannot be used; [`LedgerError::Format`].
    pub fn open(file: &Path) -> Result<Self, LedgerError> {
        let database = Database::create(file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => {
                LedgerError::Outbox("it is in use by another process".into())
            }
            other => failed(other),
        })?;
        let transaction = database.begin_write().map_err(failed)?;
        {
            transaction.open_table(WAITING).map_err(failed)?;
            transaction.open_table(KEYED).map_err(failed)?;
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let found = meta.get("format").map_err(failed)?.map(|value| value.value());
            match found {
                Some(FORMAT) => {}
                Some(found) => return Err(LedgerError::Format { found, expected: FORMAT }),
                None => {
                    meta.insert("format", FORMAT).map_err(failed)?;
                }
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(Self { database })
    }

    fn write(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        change(&transaction)?;
        transaction.commit().map_err(failed)
    }
}

impl Outbox for FileOutbox {
    fn store(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        let json = serde_json::to_vec(entry).map_err(failed)?;
        let (chain, account) = (entry.chain_id, entry.account.into_array());
        self.write(|transaction| {
            if let Some(key) = entry.idempotency {
                let mut keyed = transaction.open_table(KEYED).map_err(failed)?;
                keyed.insert((chain, account, key.0), json.as_slice()).map_err(failed)?;
            }
            let mut waiting = transaction.open_table(WAITING).map_err(failed)?;
            let place = (chain, account, entry.nonce);
            match entry.state {
                OutboxState::Waiting => waiting.insert(place, json.as_slice()),
                OutboxState::Confirmed | OutboxState::Superseded => waiting.remove(place),
            }
            .map_err(failed)?;
            Ok(())
        })
    }

    fn remove(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        let (chain, account) = (entry.chain_id, entry.account.into_array());
        self.write(|transaction| {
            let mut waiting = transaction.open_table(WAITING).map_err(failed)?;
            waiting.remove((chain, account, entry.nonce)).map_err(failed)?;
            if let Some(key) = entry.idempotency {
                let mut keyed = transaction.open_table(KEYED).map_err(failed)?;
                keyed.remove((chain, account, key.0)).map_err(failed)?;
            }
            Ok(())
        })
    }

    fn waiting(&self, chain_id: u64, account: Address) -> Result<Vec<OutboxEntry>, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let waiting = transaction.open_table(WAITING).map_err(failed)?;
        let account = account.into_array();
        let nonces = (chain_id, account, 0)..=(chain_id, account, u64::MAX);
        let mut found = Vec::new();
        for row in waiting.range(nonces).map_err(failed)? {
            let (_, json) = row.map_err(failed)?;
            found.push(serde_json::from_slice(json.value()).map_err(failed)?);
        }
        Ok(found)
    }

    fn find(
        &self,
        chain_id: u64,
        account: Address,
        idempotency: &B256,
    ) -> Result<Option<OutboxEntry>, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let keyed = transaction.open_table(KEYED).map_err(failed)?;
        let json = keyed.get((chain_id, account.into_array(), idempotency.0)).map_err(failed)?;
        json.map(|json| serde_json::from_slice(json.value()).map_err(failed)).transpose()
    }
}

fn failed(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Outbox(error.to_string())
}
