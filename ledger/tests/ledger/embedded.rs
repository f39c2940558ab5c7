//! The embedded ledger as a node: its JSON-RPC, its queue, its file.

use crate::world::{START, World, open};
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::TxKind;
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use attestry_circuits::status::StatusList;
use attestry_ledger::embedded::{EMBEDDED_CHAIN_ID, EmbeddedLedger, ServeLimits};
use attestry_ledger::{
    Account, AccountKey, ClientOptions, DidKey, LedgerClient, LedgerError, LedgerUrl,
    RegistryClient,
};
use proptest::prelude::*;
use redb::{Database, TableDefinition};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) fn fresh() -> (TempDir, EmbeddedLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder, &Arc::new(AtomicU64::new(START))).unwrap();
    (folder, ledger)
}

pub(crate) fn ask(ledger: &EmbeddedLedger, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    serde_json::from_slice(&ledger.dispatch(request.to_string().as_bytes())).unwrap()
}

fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[7; 32]).unwrap()
}

pub(crate) fn raw_transaction(nonce: u64, chain_id: u64) -> Value {
    let mut transaction = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 5,
        to: TxKind::Call(signer().address()),
        ..TxEip1559::default()
    };
    let signature = signer().sign_transaction_sync(&mut transaction).unwrap();
    let raw = TxEnvelope::Eip1559(transaction.into_signed(signature)).encoded_2718();
    json!([format!("0x{}", hex::encode(raw))])
}

pub(crate) fn nonce(ledger: &EmbeddedLedger) -> Value {
    ask(ledger, "eth_getTransactionCount", json!([signer().address(), "pending"]))["result"].clone()
}

#[test]
fn a_second_opener_is_told_that_the_ledger_is_in_use() {
    let (folder, ledger) = fresh();
    let second = open(&folder, &Arc::default());
    assert!(matches!(second, Err(LedgerError::AlreadyOpen)), "{second:?}");
    drop(ledger);
    assert!(open(&folder, &Arc::default()).is_ok());
}

#[test]
fn a_transaction_waits_for_an_earlier_nonce_even_across_a_restart() {
    let (folder, ledger) = fresh();
    for later in [2, 1] {
        let sent =
            ask(&ledger, "eth_sendRawTransaction", raw_transaction(later, EMBEDDED_CHAIN_ID));
        assert!(sent["result"].is_string(), "{sent}");
    }
    assert_eq!(nonce(&ledger), "0x0");
    drop(ledger);

    let ledger = open(&folder, &Arc::new(AtomicU64::new(START))).unwrap();
    assert_eq!(nonce(&ledger), "0x0");
    let sent = ask(&ledger, "eth_sendRawTransaction", raw_transaction(0, EMBEDDED_CHAIN_ID));
    assert!(sent["result"].is_string(), "{sent}");
    assert_eq!(nonce(&ledger), "0x3");
}

#[test]
fn waiting_transactions_whose_turn_has_come_are_taken_at_the_next_start() {
    const QUEUE: TableDefinition<'_, ([u8; 20], u64), &[u8]> = TableDefinition::new("queue");
    let (folder, ledger) = fresh();
    let waiting = raw_transaction(1, EMBEDDED_CHAIN_ID);
    assert!(ask(&ledger, "eth_sendRawTransaction", waiting)["result"].is_string());
    drop(ledger);
    // As a process leaves it that ends between two blocks of one sender's transactions.
    let raw = raw_transaction(0, EMBEDDED_CHAIN_ID)[0].as_str().unwrap().to_owned();
    let database = Database::open(folder.path().join("ledger.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let key = (signer().address().into_array(), 0);
    let row = hex::decode(raw.trim_start_matches("0x")).unwrap();
    transaction.open_table(QUEUE).unwrap().insert(key, row.as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);

    let ledger = open(&folder, &Arc::new(AtomicU64::new(START))).unwrap();
    assert_eq!(nonce(&ledger), "0x2");
    let status = ledger.status().unwrap();
    assert_eq!((status.block, status.transactions, status.queued.len()), (1, 2, 0));
}

#[test]
fn refuses_transactions_of_other_chains_used_nonces_and_rubbish() {
    let (_folder, ledger) = fresh();
    let mut refused = vec![
        ask(&ledger, "eth_sendRawTransaction", raw_transaction(0, EMBEDDED_CHAIN_ID + 1)),
        ask(&ledger, "eth_sendRawTransaction", json!(["0x02c0"])),
        ask(&ledger, "eth_sendRawTransaction", json!([])),
    ];
    assert!(
        ask(&ledger, "eth_sendRawTransaction", raw_transaction(0, EMBEDDED_CHAIN_ID))["error"]
            .is_null()
    );
    refused.push(ask(&ledger, "eth_sendRawTransaction", raw_transaction(0, EMBEDDED_CHAIN_ID)));
    for answer in refused {
        assert!(answer["error"]["code"].is_i64(), "{answer}");
    }
    assert_eq!(nonce(&ledger), "0x1");
}

#[test]
fn too_many_waiting_transactions_are_refused() {
    let (_folder, ledger) = fresh();
    let answers: Vec<Value> = (1..=257)
        .map(|nonce| {
            ask(&ledger, "eth_sendRawTransaction", raw_transaction(nonce, EMBEDDED_CHAIN_ID))
        })
        .collect();
    assert!(answers[..256].iter().all(|answer| answer["error"].is_null()));
    assert!(answers[256]["error"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_form_a_chain_and_take_their_time_from_the_clock() {
    let mut world = World::new().await;
    world.advance(1_000);
    world.accredit().await;
    assert_eq!(world.client.block_time().await.unwrap(), START + 1_000);
    // A clock that goes back does not take the ledger with it.
    world.clock.store(START, std::sync::atomic::Ordering::SeqCst);
    world.accredit().await;
    assert_eq!(world.client.block_time().await.unwrap(), START + 1_000);

    let provider = world.provider();
    let mut parent = provider.get_block_by_number(0.into()).await.unwrap().unwrap().header;
    for number in 1..=provider.get_block_number().await.unwrap() {
        let block = provider.get_block_by_number(number.into()).full().await.unwrap().unwrap();
        assert_eq!(block.header.parent_hash, parent.hash);
        assert_eq!(block.header.hash, block.header.inner.hash_slow());
        assert!(block.header.timestamp >= parent.timestamp);
        for transaction in block.transactions.txns() {
            let hash = *transaction.inner.tx_hash();
            let receipt = provider.get_transaction_receipt(hash).await.unwrap().unwrap();
            assert_eq!(receipt.block_hash, Some(block.header.hash));
            assert!(
                receipt.inner.logs().iter().all(|log| log.block_hash == Some(block.header.hash))
            );
        }
        parent = block.header;
    }
}

#[test]
fn only_the_latest_state_is_answered_from() {
    let (_folder, ledger) = fresh();
    ask(&ledger, "eth_sendRawTransaction", raw_transaction(0, EMBEDDED_CHAIN_ID));
    let call = json!({ "to": signer().address() });
    assert!(ask(&ledger, "eth_call", json!([call, "0x0"]))["error"].is_object());
    assert_eq!(ask(&ledger, "eth_call", json!([call, "0x1"]))["result"], "0x");
    assert_eq!(ask(&ledger, "eth_call", json!([call]))["result"], "0x");
}

#[test]
fn a_batch_is_answered_in_order_and_limited() {
    let (_folder, ledger) = fresh();
    let request = |id| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_chainId" });
    let batch: Value = [request(3), request(1), json!(7)].into_iter().collect();
    let answers: Value =
        serde_json::from_slice(&ledger.dispatch(batch.to_string().as_bytes())).unwrap();
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(3), &json!(1)));
    assert!(answers[2]["error"].is_object());
    for batch in [vec![], (0..129).map(request).collect()] {
        let answer = ledger.dispatch(Value::from(batch).to_string().as_bytes());
        assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap()["error"]["code"], -32600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_at_once_lose_nothing() {
    let mut world = World::new().await;
    let identities = world.registry.identities();
    let accounts: Vec<Account> = (0..4).map(|_| world.account()).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for account in &accounts {
        for validity in 0..12 {
            let (identities, account) = (identities.clone(), account.clone());
            tasks.spawn(async move {
                let name = [b'a'; 32].into();
                let identity = account.address();
                identities
                    .set_attribute(&account, identity, name, Default::default(), validity)
                    .await
            });
        }
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.len(), 48);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for account in &accounts {
        let sent = world.provider().get_transaction_count(account.address()).await.unwrap();
        assert_eq!(sent, 12);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_of_one_key_both_get_through() {
    let world = World::new().await;
    let clients = [(); 2].map(|()| LedgerClient::embedded(&world.ledger, ClientOptions::default()));
    for round in 0..3 {
        for (client, validity) in clients.iter().zip([1, 2]) {
            // Each keeps count of its own sends only, and finds out about the other's.
            let registry = RegistryClient::at(client.clone(), *world.registry.deployment());
            let (key, account) = (DidKey::Ed25519([round; 32]), &world.members[1]);
            let identities = registry.identities();
            identities.publish_key(account, account.address(), &key, validity).await.unwrap();
        }
    }
    let sent = world.provider().get_transaction_count(world.members[1].address()).await.unwrap();
    assert_eq!(sent, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_reach_it_over_http_and_notice_when_it_is_gone() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(
        world
            .ledger
            .clone()
            .serve(listener, ServeLimits { body_bytes: 20_000, ..Default::default() }),
    );

    let url: LedgerUrl = url.parse().unwrap();
    let client = LedgerClient::connect(&url, || 0, ClientOptions::default()).unwrap();
    let book = world.registry.deployment().address_book;
    let registry = RegistryClient::open(client, book).await.unwrap();
    let list = registry.publish_status(&issuer, index, &StatusList::new(), &[4]).await.unwrap();
    assert_eq!(world.registry.status_list(index).await.unwrap().root(), list.root());

    let too_large = LedgerClient::connect(&url, || 0, ClientOptions::default()).unwrap();
    let members = vec![world.members[0].address(); 1_000];
    let refused = RegistryClient::deploy(too_large, &world.members[0], &members, 1).await;
    assert!(matches!(refused, Err(LedgerError::Refused { code: 413, .. })), "{refused:?}");

    server.abort();
    assert!(server.await.is_err());
    // An open connection ends soon after its server.
    let mut root = registry.root().await;
    for _ in 0..100 {
        if root.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        root = registry.root().await;
    }
    assert!(matches!(root, Err(LedgerError::Unreachable)), "{root:?}");
    let fresh = registry.is_fresh(world.registry.root().await.unwrap(), Duration::MAX).await;
    assert!(matches!(fresh, Err(LedgerError::Unreachable)), "{fresh:?}");
}

#[tokio::test]
async fn a_silent_node_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let request_timeout = Duration::from_millis(50);
    let client =
        LedgerClient::http(&url, ClientOptions { request_timeout, ..Default::default() }).unwrap();
    let answer = client.block_number().await;
    assert!(
        matches!(answer, Err(LedgerError::TimedOut(after)) if after == request_timeout),
        "{answer:?}"
    );
}

#[test]
fn ledger_urls_are_read_strictly() {
    assert_eq!(
        "embedded:data/ledger".parse::<LedgerUrl>().unwrap(),
        LedgerUrl::Embedded("data/ledger".into())
    );
    let node: LedgerUrl = "http://127.0.0.1:8545".parse().unwrap();
    assert_eq!(node.to_string(), "http://127.0.0.1:8545");
    for text in ["", "embedded:", "ws://127.0.0.1", "127.0.0.1:8545", "file:///tmp"] {
        assert!(matches!(text.parse::<LedgerUrl>(), Err(LedgerError::InvalidUrl)), "{text}");
    }
}

#[test]
fn an_account_key_out_of_range_is_refused_and_never_shown() {
    for bytes in [[0; 32], [255; 32]] {
        assert!(matches!(AccountKey::from_bytes(&bytes), Err(LedgerError::InvalidAccountKey)));
    }
    let account = AccountKey::from_bytes(&[7; 32]).unwrap();
    assert_eq!(account.to_bytes()[..], [7; 32]);
    assert!(!format!("{account:?}").contains("0707"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let text =
        prop_oneof!["[a-z]{0,8}", "0x[0-9a-f]{0,70}", "latest|pending|earliest", "\\PC{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key =
            "from|to|data|input|gas|value|fromBlock|toBlock|address|topics|blockHash|[a-z]{1,6}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..5)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn any_method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getStorageAt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_sendRawTransaction",
        "debug_traceTransaction",
    ])
}

fn assert_answers(answer: &[u8]) {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    for answer in answer.as_array().unwrap_or(&vec![answer.clone()]) {
        let has = |name: &str| answer.get(name).is_some();
        assert!(has("result") != has("error"), "{answer}");
    }
}

#[test]
fn any_bytes_and_any_parameters_get_an_answer() {
    let (_folder, ledger) = fresh();
    ask(&ledger, "eth_sendRawTransaction", raw_transaction(0, EMBEDDED_CHAIN_ID));
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..200), |bytes| {
            assert_answers(&ledger.dispatch(&bytes));
            Ok(())
        })
        .unwrap();
    runner
        .run(&any_json(), |request| {
            assert_answers(&ledger.dispatch(request.to_string().as_bytes()));
            Ok(())
        })
        .unwrap();
    runner
        .run(&(any_method(), prop::collection::vec(any_json(), 0..4)), |(method, params)| {
            let request =
                json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params });
            assert_answers(&ledger.dispatch(request.to_string().as_bytes()));
            Ok(())
        })
        .unwrap();
    assert_eq!(ask(&ledger, "eth_blockNumber", json!([]))["result"], "0x1");
}
