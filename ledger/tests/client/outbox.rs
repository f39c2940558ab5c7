//! The outbox: stored before it is sent, taken up after a crash, done once.

use crate::node::{Node, Reply};
use crate::world::{World, account, act, impatient};
use alloy::primitives::{Address, B256, Bytes};
use attestry_ledger::{
    ClientOptions, FileOutbox, LedgerClient, LedgerError, MemoryOutbox, Outbox, OutboxEntry,
    OutboxState,
};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn open(file: &Path) -> Arc<dyn Outbox> {
    Arc::new(FileOutbox::open(file).unwrap())
}

/// An outbox whose calls, and those of the node, are told in order.
struct Told {
    outbox: MemoryOutbox,
    events: Arc<Mutex<Vec<String>>>,
    broken: bool,
}

impl Outbox for Told {
    fn store(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        if self.broken {
            return Err(LedgerError::Outbox("the disk is full".into()));
        }
        let stored = entry.transactions.iter().map(|raw| format!("stored {raw}"));
        self.events.lock().unwrap().extend(stored);
        self.outbox.store(entry)
    }

    fn remove(&self, entry: &OutboxEntry) -> Result<(), LedgerError> {
        self.outbox.remove(entry)
    }

    fn waiting(&self, chain_id: u64, account: Address) -> Result<Vec<OutboxEntry>, LedgerError> {
        self.outbox.waiting(chain_id, account)
    }

    fn find(
        &self,
        chain_id: u64,
        account: Address,
        idempotency: &B256,
    ) -> Result<Option<OutboxEntry>, LedgerError> {
        self.outbox.find(chain_id, account, idempotency)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_stored_before_it_is_sent() {
    let world = World::new().await;
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let (seen, node) = (Arc::clone(&events), world.node.clone());
    node.behave(move |method, parameters| {
        if method == "eth_sendRawTransaction" {
            seen.lock().unwrap().push(format!("sent {}", parameters[0].as_str().unwrap()));
        }
        Reply::Truth
    });
    let client = LedgerClient::http(&world.node.url, impatient()).unwrap();
    let told = |broken| {
        let events = Arc::clone(&events);
        Arc::new(Told { outbox: MemoryOutbox::default(), events, broken })
    };
    act(&world.over(client.clone().with_outbox(told(false))), &account(2), 1).await.unwrap();
    {
        let events = events.lock().unwrap();
        let raw = events[1].strip_prefix("sent ").unwrap();
        assert_eq!(events[0], format!("stored {raw}"));
    }
    // What cannot be stored is not sent.
    let before = world.node.asked("eth_sendRawTransaction").len();
    let broken = act(&world.over(client.with_outbox(told(true))), &account(3), 1).await;
    assert!(matches!(broken, Err(LedgerError::Outbox(_))), "{broken:?}");
    assert_eq!(world.node.asked("eth_sendRawTransaction").len(), before);
}

/// Sends three acts through a process that ends before any is mined.
async fn crash(world: &World, file: &Path, reply: fn() -> Reply) -> Vec<Value> {
    world.node.behave(move |method, _| match method {
        "eth_sendRawTransaction" => reply(),
        "eth_getTransactionReceipt" | "eth_getTransactionByHash" => Reply::Result(Value::Null),
        _ => Reply::Truth,
    });
    let (node, deployment, file) =
        (world.node.clone(), *world.registry.deployment(), file.to_owned());
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options =
                ClientOptions { request_timeout: Duration::from_millis(300), ..impatient() };
            let client = LedgerClient::http(&node.url, options).unwrap();
            let client = client.with_outbox(open(&file));
            let registry = attestry_ledger::RegistryClient::at(client, deployment);
            let sender = account(2);
            let acts = async {
                tokio::join!(
                    act(&registry, &sender, 1),
                    act(&registry, &sender, 2),
                    act(&registry, &sender, 3),
                )
            };
            tokio::select! {
                outcomes = acts => panic!("they were not mined: {outcomes:?}"),
                () = has_sent(&node, 3) => {}
            }
        });
        // Ends every task where it is.
        runtime.shutdown_timeout(Duration::from_secs(5));
    });
    tokio::task::spawn_blocking(|| process.join().unwrap()).await.unwrap();
    sent(&world.node)
}

/// The different transactions that a node was sent.
fn sent(node: &Node) -> Vec<Value> {
    let mut sent = node.asked("eth_sendRawTransaction");
    sent.sort_by_key(Value::to_string);
    sent.dedup();
    sent
}

/// Waits until a node was sent so many transactions, and has had time to act on them.
async fn has_sent(node: &Node, transactions: usize) {
    while sent(node).len() < transactions {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_is_sent_as_it_was() {
    // The node never heard of it; the node took it, and nobody heard of that.
    for (reply, mined) in
        [(|| Reply::Silence) as fn() -> Reply, || Reply::Lost].into_iter().zip([0, 3])
    {
        let world = World::new().await;
        let file = world.folder.path().join("outbox.redb");
        let sender = account(2);
        let sent = crash(&world, &file, reply).await;
        assert_eq!((sent.len(), world.mined(&sender)), (3, mined));

        world.node.behave(|_, _| Reply::Truth);
        let client = LedgerClient::http(&world.node.url, impatient()).unwrap();
        let client = client.with_outbox(open(&file));
        assert_eq!(client.resume(&sender).await.unwrap(), 3);
        assert_eq!(world.mined(&sender), 3);
        for raw in world.node.asked("eth_sendRawTransaction") {
            assert!(sent.contains(&raw), "it was signed anew");
        }
        assert_eq!(client.resume(&sender).await.unwrap(), 0);
        act(&world.over(client), &sender, 4).await.unwrap();
        assert_eq!(world.mined(&sender), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_act_after_a_crash_takes_up_what_was_left() {
    let world = World::new().await;
    let file = world.folder.path().join("outbox.redb");
    let sender = account(2);
    crash(&world, &file, || Reply::Silence).await;
    world.node.behave(|_, _| Reply::Truth);
    let client = LedgerClient::http(&world.node.url, impatient()).unwrap();
    act(&world.over(client.with_outbox(open(&file))), &sender, 4).await.unwrap();
    assert_eq!(world.mined(&sender), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_with_an_idempotency_key_is_done_once() {
    let world = World::new().await;
    let file = world.folder.path().join("outbox.redb");
    let sender = account(2);
    for outbox in [open(&file), Arc::new(MemoryOutbox::default())] {
        let before = world.mined(&sender);
        let client = LedgerClient::http(&world.node.url, impatient()).unwrap();
        let registry = world.over(client.with_outbox(outbox)).idempotent(b"one");
        let (first, second) = tokio::join!(act(&registry, &sender, 1), act(&registry, &sender, 1));
        first.unwrap();
        second.unwrap();
        act(&registry, &sender, 1).await.unwrap();
        assert_eq!(world.mined(&sender), before + 1);

        let reused = act(&registry, &sender, 2).await;
        assert!(matches!(reused, Err(LedgerError::IdempotencyKeyReused)), "{reused:?}");
        act(&registry.idempotent(b"two"), &sender, 2).await.unwrap();
        // Each account has keys of its own.
        act(&registry, &account(3), 2).await.unwrap();
        assert_eq!(world.mined(&sender), before + 2);
    }
    // The next process knows the keys, and its memory does not.
    let client = LedgerClient::http(&world.node.url, impatient()).unwrap();
    let registry = world.over(client.with_outbox(open(&file))).idempotent(b"one");
    let before = world.mined(&sender);
    act(&registry, &sender, 1).await.unwrap();
    assert_eq!(world.mined(&sender), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_of_several_transactions_is_done_once() {
    let world = World::new().await;
    let registry = world.through_node(impatient()).idempotent(b"new member");
    let added = account(5).address();
    let members = [&world.member];
    registry.change_membership(&members, &[], &[added], 1).await.unwrap();
    let before = world.mined(&world.member);
    registry.change_membership(&members, &[], &[added], 1).await.unwrap();
    assert_eq!(world.mined(&world.member), before);
    let plain = world.through_node(impatient());
    assert!(plain.change_membership(&members, &[], &[added], 1).await.is_err());
}

#[test]
fn both_outboxes_keep_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.redb");
    let account = Address::repeat_byte(1);
    let entry = |nonce, idempotency| OutboxEntry {
        chain_id: 5,
        account,
        nonce,
        idempotency,
        request: B256::repeat_byte(9),
        transactions: vec![Bytes::from_static(&[1, 2]), Bytes::from_static(&[3])],
        state: OutboxState::Waiting,
    };
    let key = B256::repeat_byte(7);
    for outbox in [open(&file), Arc::new(MemoryOutbox::default())] {
        for nonce in [300, 2, 1] {
            outbox.store(&entry(nonce, None)).unwrap();
        }
        let keyed = entry(4, Some(key));
        outbox.store(&keyed).unwrap();
        outbox.store(&OutboxEntry { chain_id: 6, ..entry(0, None) }).unwrap();
        let nonces = || {
            let waiting = outbox.waiting(5, account).unwrap();
            waiting.iter().map(|entry| entry.nonce).collect::<Vec<_>>()
        };
        assert_eq!(nonces(), [1, 2, 4, 300]);
        assert_eq!(outbox.find(5, account, &key).unwrap(), Some(keyed.clone()));
        assert_eq!(outbox.find(6, account, &key).unwrap(), None);

        outbox.remove(&entry(2, None)).unwrap();
        outbox.store(&OutboxEntry { state: OutboxState::Confirmed, ..entry(1, None) }).unwrap();
        let confirmed = OutboxEntry { state: OutboxState::Confirmed, ..keyed.clone() };
        outbox.store(&confirmed).unwrap();
        assert_eq!(nonces(), [300]);
        assert_eq!(outbox.find(5, account, &key).unwrap(), Some(confirmed));
        outbox.remove(&keyed).unwrap();
        assert_eq!(outbox.find(5, account, &key).unwrap(), None);
    }
    let first = FileOutbox::open(&file).unwrap();
    assert_eq!(first.waiting(5, account).unwrap().len(), 1);
    let second = FileOutbox::open(&file);
    assert!(matches!(second, Err(LedgerError::Outbox(_))), "{second:?}");
}
