//! Several endpoints: one that lies, one that is dead, one that lags.

use crate::node::{Node, Reply};
use crate::world::{World, account, act, impatient};
use attestry_circuits::registry::{RegistryRoot, RegistryTree};
use attestry_ledger::{ClientOptions, LedgerClient, LedgerError, LedgerUrl, RegistryClient};
use serde_json::json;
use std::time::Duration;

const DEAD: &str = "http://127.0.0.1:1";
const GRACE: Duration = Duration::from_secs(600);

fn over(world: &World, urls: &[&str], quorum: usize) -> RegistryClient {
    let options = ClientOptions { quorum: Some(quorum), ..impatient() };
    world.over(LedgerClient::nodes(urls, options).unwrap())
}

/// A node that says yes to everything, and takes transactions without sending them on.
async fn liar(world: &World) -> Node {
    let node = Node::start(&world.ledger).await;
    node.behave(|method, parameters| match method {
        "eth_call" => Reply::Result(json!(format!("0x{:064x}", 1))),
        "eth_getLogs" => Reply::Result(json!([])),
        "eth_blockNumber" => Reply::Result(json!("0xffffffffffff")),
        "eth_estimateGas" => Reply::Result(json!("0x1")),
        "eth_getTransactionCount" => Reply::Result(json!("0xffff")),
        "eth_getTransactionByHash" => Reply::Result(json!(null)),
        "eth_getTransactionReceipt" => Reply::Result(json!(null)),
        "eth_sendRawTransaction" => {
            let raw = parameters[0].as_str().unwrap().parse::<alloy::primitives::Bytes>().unwrap();
            Reply::Result(json!(alloy::primitives::keccak256(raw)))
        }
        _ => Reply::Truth,
    });
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_and_a_dead_endpoint_change_nothing() {
    let world = World::new().await;
    let (liar, other) = (liar(&world).await, Node::start(&world.ledger).await);
    // The liar is asked first.
    let registry = over(&world, &[&liar.url, DEAD, &world.node.url, &other.url], 2);
    let root = world.registry.root().await.unwrap();
    let unknown = RegistryRoot::from_field(5u64.into());
    assert_eq!(registry.root().await.unwrap(), root);
    assert!(registry.is_fresh(root, GRACE).await.unwrap());
    assert!(!registry.is_fresh(unknown, GRACE).await.unwrap());
    assert_eq!(registry.root_record(unknown).await.unwrap(), None);
    assert!(registry.root_record(root).await.unwrap().is_some());
    assert_eq!(
        registry.ledger().block_number().await.unwrap(),
        world.registry.ledger().block_number().await.unwrap()
    );
    assert_eq!(registry.snapshot().await.unwrap().tree.root(), RegistryTree::new().root());

    let sender = account(2);
    for what in 0..3 {
        act(&registry, &sender, what).await.unwrap();
    }
    assert_eq!(world.mined(&sender), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_that_agree_are_no_quorum() {
    let world = World::new().await;
    let liar = liar(&world).await;
    // The liar says that it is fresh.
    let unknown = RegistryRoot::from_field(5u64.into());
    for urls in [vec![&world.node.url[..], &liar.url], vec![&world.node.url, &liar.url, DEAD]] {
        let chain_id = world.registry.ledger().chain_id().await.ok();
        let options = ClientOptions { chain_id, ..impatient() };
        // More than half must agree where nothing else is said.
        let registry = world.over(LedgerClient::nodes(&urls, options).unwrap());
        let answer = registry.is_fresh(unknown, GRACE).await;
        assert!(
            matches!(answer, Err(LedgerError::NoQuorum { agreed: 1, needed: 2 })),
            "{answer:?}"
        );
        assert!(registry.root().await.is_err());
        assert!(registry.root_record(unknown).await.is_err());
    }
    let alone = over(&world, &[DEAD, DEAD, &world.node.url], 2).root().await;
    assert!(matches!(alone, Err(LedgerError::NoQuorum { agreed: 1, needed: 2 })), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_lags_is_waited_for() {
    let world = World::new().await;
    let root = world.registry.root().await.unwrap();
    let late = Node::start(&world.ledger).await;
    let mut answers = 0;
    late.behave(move |method, _| {
        if method == "eth_call" && answers < 2 {
            answers += 1;
            return Reply::Result(json!(format!("0x{:064x}", 0)));
        }
        Reply::Truth
    });
    let registry = over(&world, &[&world.node.url, &late.url], 2);
    assert!(registry.is_fresh(root, GRACE).await.unwrap());
    assert_eq!(late.asked("eth_call").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_another_chain_do_not_count() {
    let world = World::new().await;
    let stranger = Node::start(&world.ledger).await;
    stranger.behave(|method, _| match method {
        "eth_chainId" => Reply::Result(json!("0x7")),
        _ => Reply::Truth,
    });
    let chain = world.registry.ledger().chain_id().await.unwrap();
    let options = ClientOptions { chain_id: Some(chain), ..impatient() };
    let urls = [&stranger.url, &world.node.url];
    let registry = world.over(LedgerClient::nodes(&urls, options).unwrap());
    let root = registry.root().await;
    assert!(matches!(root, Err(LedgerError::NoQuorum { agreed: 1, needed: 2 })), "{root:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_endpoint_of_several_suffices_where_that_is_asked_for() {
    let world = World::new().await;
    let registry = over(&world, &[DEAD, &world.node.url], 1);
    registry.root().await.unwrap();
    act(&registry, &account(2), 1).await.unwrap();
    assert_eq!(world.mined(&account(2)), 1);
}

#[test]
fn several_urls_stand_between_commas() {
    let text = "http://127.0.0.1:8545,https://node.example/rpc";
    let url: LedgerUrl = text.parse().unwrap();
    let LedgerUrl::Http(nodes) = &url else { panic!("{url}") };
    assert_eq!(nodes.len(), 2);
    assert_eq!(url.to_string(), text);
    for text in ["http://127.0.0.1,", ",http://127.0.0.1", "http://127.0.0.1,embedded:x"] {
        assert!(matches!(text.parse::<LedgerUrl>(), Err(LedgerError::InvalidUrl)), "{text}");
    }
    let (none, more) = ([] as [&str; 0], ClientOptions { quorum: Some(2), ..impatient() });
    assert!(LedgerClient::nodes(&none, impatient()).is_err());
    assert!(LedgerClient::nodes(&["http://127.0.0.1"], more).is_err());
}
