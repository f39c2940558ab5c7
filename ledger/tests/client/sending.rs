//! Sending: nothing twice, nothing lost, no gap.

use crate::node::Reply;
use crate::world::{World, account, act, impatient};
use attestry_ledger::{ClientOptions, LedgerClient, LedgerError};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// What was sent, each once.
fn distinct(sent: &[Value]) -> usize {
    sent.iter().map(|raw| raw.to_string()).collect::<BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_sends_nothing_twice() {
    let world = World::new().await;
    let options = ClientOptions { request_timeout: Duration::from_millis(500), ..impatient() };
    let (registry, sender) = (world.through_node(options), account(2));
    act(&registry, &sender, 1).await.unwrap();
    for lose in ["eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_estimateGas"] {
        let before = world.mined(&sender);
        let mut lost = 0;
        world.node.behave(move |method, _| {
            if method == lose && lost < 2 {
                lost += 1;
                return Reply::Lost;
            }
            Reply::Truth
        });
        act(&registry, &sender, 2).await.unwrap();
        assert_eq!(world.mined(&sender), before + 1, "{lose}");
    }
    assert_eq!(distinct(&world.node.asked("eth_sendRawTransaction")), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_node_that_is_away_or_overloaded() {
    let world = World::new().await;
    let (registry, sender) = (world.through_node(impatient()), account(2));
    for (round, fault) in
        [|| Reply::Status(429), || Reply::Status(503), || Reply::Error(-32005, "limit exceeded")]
            .into_iter()
            .enumerate()
    {
        let mut faults = 0;
        world.node.behave(move |method, _| {
            let sending = ["eth_estimateGas", "eth_getBalance", "eth_sendRawTransaction"];
            if sending.contains(&method) && faults < 4 {
                faults += 1;
                return fault();
            }
            Reply::Truth
        });
        act(&registry, &sender, 1).await.unwrap();
        assert_eq!(world.mined(&sender), round as u64 + 1);
        assert_eq!(distinct(&world.node.asked("eth_sendRawTransaction")), round + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_node_forgets_is_sent_again() {
    let world = World::new().await;
    let (registry, sender) = (world.through_node(impatient()), account(2));
    let mut forgotten = 0;
    world.node.behave(move |method, parameters| {
        if method == "eth_sendRawTransaction" && forgotten < 3 {
            forgotten += 1;
            let raw = parameters[0].as_str().unwrap().parse::<alloy::primitives::Bytes>().unwrap();
            return Reply::Result(json!(alloy::primitives::keccak256(raw)));
        }
        Reply::Truth
    });
    act(&registry, &sender, 1).await.unwrap();
    let sent = world.node.asked("eth_sendRawTransaction");
    assert_eq!((sent.len(), distinct(&sent), world.mined(&sender)), (4, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_node_refuses_takes_no_nonce() {
    let world = World::new().await;
    let (registry, sender) = (world.through_node(impatient()), account(2));
    world.node.behave(|method, _| match method {
        "eth_sendRawTransaction" => Reply::Error(-32000, "no"),
        _ => Reply::Truth,
    });
    let refused = act(&registry, &sender, 1).await;
    assert!(matches!(refused, Err(LedgerError::Refused { code: -32000, .. })), "{refused:?}");
    world.node.behave(|_, _| Reply::Truth);
    act(&registry, &sender, 2).await.unwrap();
    assert_eq!(world.mined(&sender), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_loses_nothing_and_blocks_nobody() {
    let world = World::new().await;
    let (registry, sender) = (world.through_node(impatient()), account(2));
    let patience = [0, 1, 2, 5, 10, 20, 40, 80, 160];
    for (round, wait) in patience.into_iter().enumerate() {
        let what = round as u8;
        let given_up = act(&registry, &sender, what);
        let _ = tokio::time::timeout(Duration::from_millis(wait), given_up).await;
        act(&registry, &sender, 100 + what).await.unwrap();
    }
    // Those that got a nonce are mined too, and nothing waits behind a gap.
    registry.ledger().resume(&sender).await.unwrap();
    let sent = distinct(&world.node.asked("eth_sendRawTransaction"));
    assert_eq!(world.mined(&sender), sent as u64);
    assert!(sent >= patience.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_once_it_is_sent_still_gets_it_mined() {
    let world = World::new().await;
    let (registry, sender) = (world.through_node(impatient()), account(2));
    let sent = Arc::new(tokio::sync::Notify::new());
    let (told, mut first) = (Arc::clone(&sent), true);
    world.node.behave(move |method, _| {
        if method == "eth_sendRawTransaction" && std::mem::take(&mut first) {
            told.notify_one();
            return Reply::Status(503);
        }
        Reply::Truth
    });
    tokio::select! {
        outcome = act(&registry, &sender, 1) => panic!("it was not sent yet: {outcome:?}"),
        () = sent.notified() => {}
    }
    assert_eq!(world.mined(&sender), 0);
    registry.ledger().resume(&sender).await.unwrap();
    assert_eq!(world.mined(&sender), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_acts_of_few_keys_at_once_all_get_through_a_bounded_queue() {
    let world = World::new().await;
    let registry = world.through_node(ClientOptions { queue: 3, ..impatient() });
    let in_flight = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&in_flight);
    world.node.behave(move |method, _| {
        if method == "eth_sendRawTransaction" {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        Reply::Truth
    });
    let mut tasks = JoinSet::new();
    for round in 0..20 {
        for key in [2, 3] {
            let registry = registry.clone();
            tasks.spawn(async move { act(&registry, &account(key), round).await });
        }
    }
    let outcomes = tasks.join_all().await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!((world.mined(&account(2)), world.mined(&account(3))), (20, 20));
    assert_eq!(in_flight.load(Ordering::SeqCst), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_is_kept_and_the_transaction_with_it() {
    let world = World::new().await;
    let deadline = Duration::from_millis(1_500);
    let registry = world.through_node(ClientOptions { deadline, ..impatient() });
    let sender = account(2);
    world.node.behave(|method, _| match method {
        "eth_getTransactionReceipt" => Reply::Result(Value::Null),
        _ => Reply::Truth,
    });
    let outcome = act(&registry, &sender, 1).await;
    assert!(
        matches!(outcome, Err(LedgerError::TimedOut(after)) if after == deadline),
        "{outcome:?}"
    );
    world.node.behave(|_, _| Reply::Truth);
    tokio::time::timeout(Duration::from_secs(20), async {
        while registry.ledger().resume(&sender).await.is_err() {}
    })
    .await
    .unwrap();
    assert_eq!(world.mined(&sender), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_fails_within_the_deadline() {
    let world = World::new().await;
    let deadline = Duration::from_millis(700);
    let options = ClientOptions { deadline, chain_id: Some(1), ..impatient() };
    let registry = world.over(LedgerClient::http("http://127.0.0.1:1", options).unwrap());
    let outcome =
        tokio::time::timeout(Duration::from_secs(5), act(&registry, &account(2), 1)).await;
    assert!(matches!(outcome, Ok(Err(LedgerError::Unreachable))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_another_holder_of_the_key_took_is_noticed() {
    let world = World::new().await;
    let options = ClientOptions { request_timeout: Duration::from_millis(400), ..impatient() };
    let (registry, sender) = (world.through_node(options), account(2));
    act(&registry, &sender, 1).await.unwrap();
    // The node says that it took it and does not have it, while the other one sends.
    world.node.behave(|method, parameters| match method {
        "eth_sendRawTransaction" => {
            let raw = parameters[0].as_str().unwrap().parse::<alloy::primitives::Bytes>().unwrap();
            Reply::Result(json!(alloy::primitives::keccak256(raw)))
        }
        _ => Reply::Truth,
    });
    let (one, other) = tokio::join!(act(&registry, &sender, 2), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        act(&world.registry, &sender, 3).await.unwrap();
        world.node.behave(|_, _| Reply::Truth);
    });
    let () = other;
    assert!(matches!(one, Err(LedgerError::Superseded { nonce: 1 })), "{one:?}");
    // Sent as it was, it was not sent again under another nonce.
    assert_eq!(world.mined(&sender), 2);
    act(&registry, &sender, 4).await.unwrap();
    assert_eq!(world.mined(&sender), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_block_that_no_longer_counts_is_none() {
    let world = World::new().await;
    let registry = world.through_node(ClientOptions { confirmations: 1, ..impatient() });
    let (node, sender) = (world.node.clone(), account(2));
    let mut asked = 0;
    world.node.behave(move |method, parameters| {
        if method != "eth_getTransactionReceipt" {
            return Reply::Truth;
        }
        let mut receipt = node.truth(method, parameters.clone());
        asked += 1;
        if receipt.is_object() && asked < 20 {
            receipt["blockHash"] = json!(alloy::primitives::B256::repeat_byte(1));
        }
        Reply::Result(receipt)
    });
    let (outcome, ()) = tokio::join!(act(&registry, &sender, 1), async {
        while world.mined(&sender) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Depth alone is not enough.
        act(&world.registry, &account(3), 1).await.unwrap();
    });
    outcome.unwrap();
    assert!(world.node.asked("eth_getTransactionReceipt").len() >= 20);
    assert_eq!(world.mined(&sender), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_without_a_pending_block_will_do() {
    let world = World::new().await;
    let (registry, sender) = (world.through_node(impatient()), account(2));
    world.node.behave(|method, parameters| match method {
        "eth_getTransactionCount" if parameters[1] == "pending" => {
            Reply::Error(-32602, "unknown block tag")
        }
        _ => Reply::Truth,
    });
    act(&registry, &sender, 1).await.unwrap();
    act(&registry, &sender, 2).await.unwrap();
    assert_eq!(world.mined(&sender), 2);
}
