//! What `verify` finds when the file was changed behind the ledger's back.

use crate::embedded::{ask, fresh};
use crate::world::{World, open, signed};
use alloy::primitives::{TxKind, hex};
use attestry_ledger::embedded::{Verification, verify};
use attestry_ledger::{AccountKey, LedgerError};
use redb::{Database, Key, ReadableDatabase, ReadableTable, TableDefinition, Value};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const ACCOUNTS: TableDefinition<'_, [u8; 20], [u8; 72]> = TableDefinition::new("accounts");
const STORAGE: TableDefinition<'_, [u8; 52], [u8; 32]> = TableDefinition::new("storage");
const CODE: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("code");
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const BLOCK_NUMBERS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("block_numbers");
const TRANSACTIONS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("transactions");
const RECEIPTS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("receipts");
const LOGS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("logs");
const QUEUE: TableDefinition<'_, ([u8; 20], u64), &[u8]> = TableDefinition::new("queue");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// A ledger with contracts, an entry, and a transaction that waits.
async fn written() -> TempDir {
    let mut world = World::new().await;
    world.accredit().await;
    let account = world.account_key();
    let waiting = world.raw_set_attribute(&account, 1, "did/pub/Ed25519/veriKey/hex", 1);
    assert!(!String::from_utf8(world.ledger.dispatch(&waiting)).unwrap().contains("error"));
    world.folder
}

fn file(folder: &Path) -> PathBuf {
    folder.join("ledger.redb")
}

/// A copy of a ledger, changed.
fn changed(original: &TempDir, change: impl FnOnce(&Database)) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(file(original.path()), file(copy.path())).unwrap();
    change(&Database::open(file(copy.path())).unwrap());
    copy
}

/// Sets a row, or removes it.
fn put<K: Key + 'static, V: Value + 'static>(
    database: &Database,
    table: TableDefinition<'_, K, V>,
    key: K::SelfType<'_>,
    row: Option<V::SelfType<'_>>,
) {
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(table).unwrap();
        match row {
            Some(row) => drop(table.insert(key, row).unwrap()),
            None => assert!(table.remove(key).unwrap().is_some()),
        }
    }
    transaction.commit().unwrap();
}

/// The key in the middle of a table, in a form that outlives it.
fn middle<K: Key + 'static, V: Value + 'static, T>(
    database: &Database,
    table: TableDefinition<'_, K, V>,
    row: impl Fn(K::SelfType<'_>, V::SelfType<'_>) -> T,
) -> T {
    let table = database.begin_read().unwrap().open_table(table).unwrap();
    let rows = table.iter().unwrap().count();
    let (key, value) = table.iter().unwrap().nth(rows / 2).unwrap().unwrap();
    row(key.value(), value.value())
}

fn flipped(row: &[u8]) -> Vec<u8> {
    let mut row = row.to_vec();
    let middle = row.len() / 2;
    row[middle] ^= 1;
    row
}

/// Asserts that the first damage found is in that block and begins with those words.
fn assert_named(folder: &TempDir, block: Option<u64>, what: &str) {
    let damages = verify(folder.path()).unwrap().damages;
    let first = damages.first().unwrap_or_else(|| panic!("nothing was found, expected {what}"));
    assert_eq!(first.block, block, "{first:?}");
    assert!(first.what.starts_with(what), "{first:?}, expected {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_nobody_touched_is_whole() {
    let original = written().await;
    let Verification { blocks, transactions, accounts, slots, damages } =
        verify(original.path()).unwrap();
    assert_eq!(damages, []);
    assert!(blocks > 5 && transactions >= blocks - 1 && accounts > 5 && slots > 10);
    // And it goes on after that.
    let ledger = open(&original, &Arc::default()).unwrap();
    assert_eq!(ledger.status().unwrap().block, blocks - 1);
    assert_eq!(ledger.status().unwrap().transactions, transactions);
    let in_use = verify(original.path());
    assert!(matches!(in_use, Err(LedgerError::AlreadyOpen)), "{in_use:?}");
}

#[test]
fn contracts_that_destroy_themselves_leave_the_same_as_in_a_replay() {
    let (folder, ledger) = fresh();
    let account = AccountKey::from_bytes(&[5; 32]).unwrap();
    // Sets slot 0, and leaves code that destroys its contract when it is called.
    let create = hex::decode("60016000556133ff6000526002601ef3").unwrap();
    let send = |nonce: u64, kind: TxKind, input: &[u8]| {
        let raw = hex::encode_prefixed(signed(&account, nonce, kind, input.to_vec()));
        json!({ "jsonrpc": "2.0", "id": nonce, "method": "eth_sendRawTransaction", "params": [raw] })
    };
    let contract = |nonce| account.address().create(nonce);
    // One lives on; one is destroyed in its own block, one in a later one.
    let blocks = [
        json!([
            send(0, TxKind::Create, &create),
            send(1, TxKind::Create, &create),
            send(2, TxKind::Call(contract(1)), b""),
            send(3, TxKind::Create, &create),
        ]),
        json!([send(4, TxKind::Call(contract(3)), b"")]),
    ];
    for block in blocks {
        let answers = String::from_utf8(ledger.dispatch(block.to_string().as_bytes())).unwrap();
        assert!(!answers.contains("error"), "{answers}");
    }
    let code = |nonce| ask(&ledger, "eth_getCode", json!([contract(nonce)]))["result"].clone();
    assert_eq!([0, 1, 3].map(code), ["0x33ff", "0x", "0x"].map(serde_json::Value::from));
    let slot =
        |nonce| ask(&ledger, "eth_getStorageAt", json!([contract(nonce), "0x0"]))["result"].clone();
    assert_eq!(
        [0, 1, 3].map(|nonce| slot(nonce).as_str().unwrap().ends_with('1')),
        [true, false, false]
    );
    assert_eq!(ledger.status().unwrap().block, 2);
    drop(ledger);
    let found = verify(folder.path()).unwrap();
    assert_eq!((found.damages, found.slots), (Vec::new(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_of_any_table_is_named() {
    let original = written().await;
    let last = verify(original.path()).unwrap().blocks - 1;

    for change in [0, 7, 39, 71] {
        let named = changed(&original, |db| {
            let (key, mut row) = middle(db, ACCOUNTS, |key, row| (key, row));
            row[change] ^= 1;
            put(db, ACCOUNTS, key, Some(row));
        });
        assert_named(&named, None, "state: account 0x");
    }
    let named = changed(&original, |db| put(db, ACCOUNTS, [9; 20], Some([0; 72])));
    assert_named(&named, None, "state: account 0x0909");
    let named = changed(&original, |db| {
        put(db, ACCOUNTS, middle(db, ACCOUNTS, |key, _| key), None);
    });
    assert_named(&named, None, "state: account 0x");

    let named = changed(&original, |db| {
        let (key, mut row) = middle(db, STORAGE, |key, row| (key, row));
        row[31] ^= 1;
        put(db, STORAGE, key, Some(row));
    });
    assert_named(&named, None, "state: slot 0x");
    let named = changed(&original, |db| put(db, STORAGE, middle(db, STORAGE, |key, _| key), None));
    assert_named(&named, None, "state: slot 0x");
    let named = changed(&original, |db| {
        let (key, row) = middle(db, CODE, |key, row| (key, flipped(row)));
        put(db, CODE, key, Some(row.as_slice()));
    });
    assert_named(&named, None, "state: code 0x");

    for block in [0, 1, last] {
        for (field, other) in [("timestamp", "0x1"), ("gasUsed", "0x77"), ("number", "0x3")] {
            let named = changed(&original, |db| {
                let table = db.begin_read().unwrap().open_table(BLOCKS).unwrap();
                let row = table.get(block).unwrap().unwrap().value().to_vec();
                let mut row: serde_json::Value = serde_json::from_slice(&row).unwrap();
                assert!(row["header"][field].is_string(), "{row}");
                row["header"][field] = other.into();
                put(db, BLOCKS, block, Some(row.to_string().as_bytes()));
            });
            assert_named(&named, Some(block), "block");
        }
    }
    let named = changed(&original, |db| put(db, BLOCKS, 2, None));
    assert_named(&named, Some(2), "block: missing");
    let named = changed(&original, |db| put(db, BLOCKS, 2, Some(&b"{}"[..])));
    assert_named(&named, Some(2), "block: unreadable");
    let named = changed(&original, |db| put(db, BLOCKS, last, None));
    assert!(!verify(named.path()).unwrap().damages.is_empty(), "the last block is cut off");
    let (hash, number) =
        middle(&Database::open(file(original.path())).unwrap(), BLOCK_NUMBERS, |h, n| (h, n));
    let named = changed(&original, |db| put(db, BLOCK_NUMBERS, hash, Some(number + 1)));
    assert_named(&named, Some(number), "block");
    let named = changed(&original, |db| put(db, BLOCK_NUMBERS, hash, None));
    assert_named(&named, Some(number), "block");
    let named = changed(&original, |db| put(db, BLOCK_NUMBERS, [9; 32], Some(1)));
    assert_named(&named, None, "block hashes: 1 belong to no block");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_transaction_receipt_log_or_waiting_transaction_is_named() {
    let original = written().await;
    let receipt = |db: &Database| {
        middle(db, RECEIPTS, |key, row| (key, serde_json::from_slice(row).unwrap()))
    };
    let block_of = |receipt: &serde_json::Value| {
        let number = receipt["blockNumber"].as_str().unwrap();
        Some(u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap())
    };
    let (hash, found): (_, serde_json::Value) =
        receipt(&Database::open(file(original.path())).unwrap());
    let (block, name) = (block_of(&found), format!("0x{}", hex::encode(hash)));

    let named = changed(&original, |db| {
        let table = db.begin_read().unwrap().open_table(TRANSACTIONS).unwrap();
        let row = flipped(table.get(hash).unwrap().unwrap().value());
        put(db, TRANSACTIONS, hash, Some(row.as_slice()));
    });
    assert_named(&named, block, &format!("transaction {name}: not the one of this hash"));
    let named = changed(&original, |db| put(db, TRANSACTIONS, hash, None));
    assert_named(&named, block, &format!("transaction {name}: missing"));
    let named = changed(&original, |db| put(db, TRANSACTIONS, [9; 32], Some(&b"more"[..])));
    assert_named(&named, None, "transactions: 1 belong to no block");

    let named = changed(&original, |db| {
        let other = found.to_string().replace("0x1\"", "0x0\"");
        assert_ne!(other, found.to_string());
        put(db, RECEIPTS, hash, Some(other.as_bytes()));
    });
    assert_named(&named, block, &format!("receipt of {name}"));
    let named = changed(&original, |db| put(db, RECEIPTS, hash, None));
    assert_named(&named, block, &format!("receipt of {name}: missing"));
    let named = changed(&original, |db| put(db, RECEIPTS, [9; 32], Some(&b"{}"[..])));
    assert_named(&named, None, "receipts: 1 belong to no block");

    let (at, row) = middle(&Database::open(file(original.path())).unwrap(), LOGS, |key, row| {
        (key, flipped(row))
    });
    let name = format!("log {}", at.1);
    let named = changed(&original, |db| put(db, LOGS, at, Some(row.as_slice())));
    assert_named(&named, Some(at.0), &name);
    let named = changed(&original, |db| put(db, LOGS, at, None));
    assert_named(&named, Some(at.0), &format!("{name}: missing"));
    for more in [(at.0, 77), (1 << 40, 0)] {
        let named = changed(&original, |db| put(db, LOGS, more, Some(&b"{}"[..])));
        assert_named(&named, None, "logs: 1 belong to no block");
    }

    let (waiting, raw) =
        middle(&Database::open(file(original.path())).unwrap(), QUEUE, |key, row| {
            (key, row.to_vec())
        });
    let named = changed(&original, |db| {
        put(db, QUEUE, waiting, Some(flipped(&raw).as_slice()));
    });
    assert_named(&named, None, "queue: transaction 1 of 0x");
    let named = changed(&original, |db| put(db, QUEUE, (waiting.0, 2), Some(raw.as_slice())));
    assert_named(&named, None, "queue: transaction 2 of 0x");

    let named = changed(&original, |db| put(db, META, "format", Some(77)));
    let refused = verify(named.path());
    assert!(matches!(refused, Err(LedgerError::Format { found: 77, .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_the_file_is_an_error_or_in_an_unused_page() {
    let original = written().await;
    let whole = verify(original.path()).unwrap();
    let bytes = std::fs::read(file(original.path())).unwrap();
    let mut found = 0;
    for place in (0..24).map(|part| bytes.len() / 24 * part + 200) {
        let copy = tempfile::tempdir().unwrap();
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        std::fs::write(file(copy.path()), bytes).unwrap();
        match verify(copy.path()) {
            Err(LedgerError::Corrupt(_) | LedgerError::Storage(_)) => found += 1,
            other => assert_eq!(other.unwrap(), whole, "at {place}"),
        }
    }
    assert!(found > 0);
}

#[test]
fn a_folder_without_a_ledger_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let missing = verify(folder.path());
    assert!(matches!(missing, Err(LedgerError::Storage(_))), "{missing:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
