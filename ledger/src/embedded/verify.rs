//! The check that the embedded ledger's file says what its transactions say.

use super::block::{BlockBuilder, SealedBlock, SignedTransaction, StoredBlock};
use super::replay::{ReplayedState, StateChanges};
use super::store::{RowCounts, Snapshot, Store, StoreError};
use super::{EMBEDDED_CHAIN_ID, FILE};
use crate::LedgerError;
use alloy::consensus::{Header, Transaction as _};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use std::cmp::Ordering;
use std::path::Path;

/// Damages that are listed; there may be more.
const MAX_DAMAGES: usize = 100;

/// A row that is not what the transactions say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The block that it belongs to; `None` for the state and the queue, which are of the latest.
    pub block: Option<u64>,
    /// What is damaged.
    pub what: String,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Blocks that were replayed, the first one included.
    pub blocks: u64,
    /// Their transactions.
    pub transactions: u64,
    /// Accounts in the state that they lead to.
    pub accounts: u64,
    /// Slots of contracts in that state.
    pub slots: u64,
    /// What differs, at most 100 rows. The replay ends at a block that is not the one that was made.
    pub damages: Vec<Damage>,
}

/// Replays every transaction of an embedded ledger that no process has open, from the first block, and compares each
/// block, transaction, receipt and log, and at the end the whole state, byte by byte. Every page of the file is checked
/// against its checksum first. Memory is needed for the state and one block.
///
/// This finds damage. It does not find a ledger that somebody with access to the file replaced by another that is
/// whole: who must rule that out keeps a block's hash elsewhere.
///
/// # Errors
/// [`LedgerError::Corrupt`] if the file's pages are damaged; [`LedgerError::Storage`] if there is no file or it cannot
/// be read; [`LedgerError::AlreadyOpen`]; [`LedgerError::Format`].
pub fn verify(folder: &Path) -> Result<Verification, LedgerError> {
    let store = Store::open_checked(&folder.join(FILE))?;
    let snapshot = store.snapshot()?;
    let mut replay = Replay {
        snapshot: &snapshot,
        state: ReplayedState::default(),
        expected: RowCounts::default(),
        found: Verification::default(),
    };
    if replay.blocks()? {
        replay.state_rows()?;
        replay.queue()?;
    }
    Ok(replay.found)
}

struct Replay<'s> {
    snapshot: &'s Snapshot,
    state: ReplayedState,
    /// Rows that the replayed blocks have.
    expected: RowCounts,
    found: Verification,
}

/// What stops a replay: a block that cannot be made again, or the store.
enum Stop {
    Damaged(String),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Replay<'_> {
    fn damage(&mut self, block: Option<u64>, what: impl Into<String>) {
        if self.found.damages.len() < MAX_DAMAGES {
            self.found.damages.push(Damage { block, what: what.into() });
        }
    }

    /// Replays the blocks; whether the last one was reached.
    fn blocks(&mut self) -> Result<bool, StoreError> {
        let last = self.snapshot.latest_number()?;
        let mut parent: Option<(Header, B256)> = None;
        for number in 0..=last.unwrap_or_default() {
            match self.block(number, parent.as_ref()) {
                Ok(header) => parent = Some(header),
                Err(Stop::Damaged(what)) => {
                    self.damage(Some(number), what);
                    return Ok(false);
                }
                Err(Stop::Store(error)) => return Err(error),
            }
            self.found.blocks += 1;
        }
        // Each row that a block has was compared, so a row too many is of no block.
        let counts = self.snapshot.counts()?;
        for (table, found, expected) in [
            ("block hashes", counts.block_hashes, self.expected.block_hashes),
            ("transactions", counts.transactions, self.expected.transactions),
            ("receipts", counts.receipts, self.expected.receipts),
            ("logs", counts.logs, self.expected.logs),
        ] {
            if found > expected {
                self.damage(None, format!("{table}: {} belong to no block", found - expected));
            }
        }
        Ok(true)
    }

    /// Replays a block and compares what belongs to it.
    fn block(
        &mut self,
        number: u64,
        parent: Option<&(Header, B256)>,
    ) -> Result<(Header, B256), Stop> {
        let damaged = |what: &str| Stop::Damaged(what.to_owned());
        let row = self.snapshot.block_row(number)?.ok_or_else(|| damaged("block: missing"))?;
        let stored: StoredBlock =
            serde_json::from_slice(&row).map_err(|_| damaged("block: unreadable"))?;
        let sealed = match parent {
            None if !stored.transactions.is_empty() => {
                return Err(damaged("block: the first one has transactions"));
            }
            None => SealedBlock::genesis(stored.header.timestamp)?,
            Some(parent) => self.replay(&stored, parent)?,
        };
        if self.snapshot.block_number(&sealed.hash)? != Some(number) {
            return Err(Stop::Damaged(format!(
                "block: the replay gives {}, which is not the hash of this block",
                sealed.hash
            )));
        }
        if sealed.row != row {
            return Err(damaged("block: header or list of transactions"));
        }
        self.expected.block_hashes += 1;
        for rows in &sealed.transactions {
            self.found.transactions += 1;
            self.expected.transactions += 1;
            match self.snapshot.receipt(&rows.hash)? {
                None => self.damage(Some(number), format!("receipt of {}: missing", rows.hash)),
                Some(receipt) => {
                    self.expected.receipts += 1;
                    if receipt != rows.receipt {
                        self.damage(Some(number), format!("receipt of {}", rows.hash));
                    }
                }
            }
        }
        self.logs(number, &sealed.logs)?;
        self.state.add_block_hash(number, sealed.hash);
        Ok((sealed.header, sealed.hash))
    }

    /// Makes a block again from its time and its transactions.
    fn replay(
        &mut self,
        stored: &StoredBlock,
        parent: &(Header, B256),
    ) -> Result<SealedBlock, Stop> {
        let mut changes = StateChanges::default();
        let time = stored.header.timestamp;
        let (parent, hash) = parent;
        let mut builder = BlockBuilder::new(EMBEDDED_CHAIN_ID, parent, *hash, time, &self.state);
        for hash in &stored.transactions {
            let damaged = |what: &str| Stop::Damaged(format!("transaction {hash}: {what}"));
            let raw = self.snapshot.raw_transaction(hash)?;
            let raw = raw.ok_or_else(|| damaged("missing"))?;
            let transaction = SignedTransaction::decode(&raw, EMBEDDED_CHAIN_ID)
                .ok()
                .filter(|transaction| transaction.hash == *hash);
            let transaction = transaction.ok_or_else(|| damaged("not the one of this hash"))?;
            builder.add(transaction, &mut changes).map_err(|_| damaged("cannot be executed"))?;
        }
        let sealed = builder.seal()?;
        changes.apply(&mut self.state);
        Ok(sealed)
    }

    fn logs(&mut self, number: u64, expected: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut rows = self.snapshot.logs(number, number)?.peekable();
        let mut damages = Vec::new();
        for (index, log) in (0..).zip(expected) {
            match rows.next_if(|row| row.as_ref().map_or(true, |((_, at), _)| *at == index)) {
                None => damages.push(format!("log {index}: missing")),
                Some(row) => {
                    self.expected.logs += 1;
                    if row?.1 != *log {
                        damages.push(format!("log {index}"));
                    }
                }
            }
        }
        for damage in damages {
            self.damage(Some(number), damage);
        }
        Ok(())
    }

    /// Compares the state that the replay led to with the stored one.
    fn state_rows(&mut self) -> Result<(), StoreError> {
        let state = std::mem::take(&mut self.state);
        self.found.accounts = state.accounts.len() as u64;
        self.found.slots = state.slots.len() as u64;
        for address in differing(state.accounts, self.snapshot.accounts()?)? {
            self.damage(None, format!("state: account {address}"));
        }
        for key in differing(state.slots, self.snapshot.slots()?)? {
            let (account, slot) = key.split_at(20);
            let account = Address::from_slice(account);
            self.damage(None, format!("state: slot 0x{} of {account}", hex::encode(slot)));
        }
        let codes = state.codes.into_iter();
        let codes = codes.map(|(hash, code)| (hash, code.original_byte_slice().to_vec()));
        for hash in differing(codes, self.snapshot.codes()?)? {
            self.damage(None, format!("state: code {hash}"));
        }
        Ok(())
    }

    /// Checks that what waits can come into a block one day.
    fn queue(&mut self) -> Result<(), StoreError> {
        let mut damaged = Vec::new();
        for row in self.snapshot.queue()? {
            let ((sender, nonce), raw) = row?;
            let waits = SignedTransaction::decode(&raw, EMBEDDED_CHAIN_ID).is_ok_and(|found| {
                found.sender() == sender && found.inner.inner().nonce() == nonce
            });
            if !waits || nonce < self.snapshot.nonce(sender)? {
                damaged.push(format!("queue: transaction {nonce} of {sender}"));
            }
        }
        for what in damaged {
            self.damage(None, what);
        }
        Ok(())
    }
}

/// Keys whose rows differ, or are on one side only. Both sides are in order.
fn differing<K: Ord, V: PartialEq>(
    expected: impl IntoIterator<Item = (K, V)>,
    found: impl Iterator<Item = Result<(K, V), StoreError>>,
) -> Result<Vec<K>, StoreError> {
    let (mut expected, mut found) = (expected.into_iter().peekable(), found.peekable());
    let mut keys = Vec::new();
    while keys.len() < MAX_DAMAGES {
        let order = match (expected.peek(), found.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (Some((key, _)), Some(Ok((other, _)))) => key.cmp(other),
            (_, Some(_)) => Ordering::Greater,
        };
        let left = if order.is_le() { expected.next() } else { None };
        let right = if order.is_ge() { found.next().transpose()? } else { None };
        let same = matches!((&left, &right), (Some((_, row)), Some((_, other))) if row == other);
        if !same {
            keys.extend(left.or(right).map(|(key, _)| key));
        }
    }
    Ok(keys)
}
