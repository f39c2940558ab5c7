//! Nodes limit the blocks and the results of a log query, each in its own words.

use crate::node::Reply;
use crate::world::{World, act, impatient};
use attestry_ledger::EthrDid;
use serde_json::Value;

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn blocks(filter: &Value) -> u64 {
    number(&filter["toBlock"]) - number(&filter["fromBlock"]) + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_shrink_until_the_node_answers_and_grow_again() {
    let world = World::new().await;
    let registry = world.through_node(impatient());
    for what in 0..40 {
        act(&world.registry, &world.member, what).await.unwrap();
    }
    for refusal in [
        || Reply::Error(-32005, "block range too large"),
        || Reply::Error(-32602, "exceed maximum block range: 7"),
        || Reply::Status(400),
        || Reply::Status(413),
    ] {
        world.node.behave(move |method, parameters| match method {
            "eth_getLogs" if blocks(&parameters[0]) > 7 => refusal(),
            _ => Reply::Truth,
        });
        let before = world.node.asked("eth_getLogs").len();
        let snapshot = registry.snapshot().await.unwrap();
        assert_eq!(snapshot.tree.root(), world.registry.root().await.unwrap());
        let asked = world.node.asked("eth_getLogs").len() - before;
        // 40 blocks and more in pages of seven at most, and what it took to find that out.
        assert!((6..30).contains(&asked), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_refuses_even_one_block_is_an_error() {
    let world = World::new().await;
    let registry = world.through_node(impatient());
    world.node.behave(|method, _| match method {
        "eth_getLogs" => Reply::Error(-32005, "query returned more than 10000 results"),
        _ => Reply::Truth,
    });
    assert!(registry.snapshot().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_the_node_withholds_is_an_error() {
    let world = World::new().await;
    let registry = world.through_node(impatient());
    act(&world.registry, &world.member, 1).await.unwrap();
    let chain = world.registry.ledger().chain_id().await.unwrap();
    let did = EthrDid::new(chain, world.member.address());
    registry.identities().resolve(&did, 1_800_000_001).await.unwrap();
    world.node.behave(|method, _| match method {
        "eth_getLogs" => Reply::Result(serde_json::json!([])),
        _ => Reply::Truth,
    });
    assert!(registry.identities().resolve(&did, 1_800_000_001).await.is_err());
}
