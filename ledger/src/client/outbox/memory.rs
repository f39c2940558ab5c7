//! An outbox that ends with its process.

use super::{Outbox, OutboxEntry, OutboxState};
use crate::LedgerError;
use alloy::primitives::{Address, B256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps entries in memory: for short-lived clients, and for services that can tell from the ledger what they did.
#[derive(Debug, Default)]
pub struct MemoryOutbox(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    waiting: BTreeMap<(u64, Address, u64), OutboxEntry>,
    keyed: BTreeMap<(u64, Address, B256), OutboxEntry>,
}

impl MemoryOutbox {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for MemoryOutbox {
    fn store(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        let (chain, account) = (entry.chain_id, entry.account);
        if let Some(key) = entry.idempotency {
            tables.keyed.insert((chain, account, key), entry.clone());
        }
        let place = (chain, account, entry.nonce);
        match entry.state {
            OutboxState::Waiting => tables.waiting.insert(place, entry.clone()),
            OutboxState::Confirmed | OutboxState::Superseded => tables.waiting.remove(&place),
        };
        Ok(())
    }

    fn remove(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        tables.waiting.remove(&(entry.chain_id, entry.account, entry.nonce));
        if let Some(key) = entry.idempotency {
            tables.keyed.remove(&(entry.chain_id, entry.account, key));
        }
        Ok(())
    }

    fn waiting(&self, chain_id: u64, account: Address) -> Result<Vec<OutboxEntry>, LedgerError> {
        let nonces = (chain_id, account, 0)..=(chain_id, account, u64::MAX);
        Ok(self.tables().waiting.range(nonces).map(|(_, entry)| entry.clone()).collect())
    }

    fn find(
        &self,
        chain_id: u64,
        account: Address,
        idempotency: &B256,
    ) -> Result<Option<OutboxEntry>, LedgerError> {
        Ok(self.tables().keyed.get(&(chain_id, account, *idempotency)).cloned())
    }
}
