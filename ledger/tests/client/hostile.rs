//! Whatever a node answers that is not the truth is an error, never a yes.

use crate::node::Reply;
use crate::world::{World, act, impatient};
use attestry_ledger::{ClientOptions, LedgerClient, LedgerError, RegistryClient};
use serde_json::json;
use std::io::{Read, Write};
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(600);

/// Every question that decides something fails.
async fn fails(registry: &RegistryClient, world: &World, what: &str) {
    let root = world.registry.root().await.unwrap();
    let answers = [
        registry.root().await.map(|_| ()),
        registry.is_fresh(root, GRACE).await.map(|_| ()),
        registry.root_record(root).await.map(|_| ()),
        registry.snapshot().await.map(|_| ()),
        registry.ledger().block_number().await.map(|_| ()),
        registry.ledger().block_time().await.map(|_| ()),
    ];
    for (place, answer) in answers.iter().enumerate() {
        assert!(answer.is_err(), "{what}: question {place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_the_truth_is_an_error() {
    let world = World::new().await;
    let elsewhere = crate::node::Node::start(&world.ledger).await;
    let bodies = [
        ("another id", r#"{"jsonrpc":"2.0","id":987654,"result":"0x1"}"#),
        ("no id", r#"{"jsonrpc":"2.0","result":"0x1"}"#),
        ("HTML", "<html><body>502 Bad Gateway</body></html>"),
        ("nothing", ""),
        ("null", "null"),
        ("a batch", r#"[{"jsonrpc":"2.0","id":0,"result":"0x1"}]"#),
        ("no result", r#"{"jsonrpc":"2.0","id":0}"#),
    ];
    type Fault = Box<dyn Fn() -> Reply + Send>;
    let mut faults: Vec<(&str, Fault)> = Vec::new();
    for (what, body) in bodies {
        faults.push((what, Box::new(|| Reply::Body(body.to_owned()))));
    }
    for (what, result) in [
        ("a null result", json!(null)),
        ("a list", json!([])),
        ("an object", json!({ "number": "0x1" })),
        ("text", json!("yes")),
        ("too long a number", json!(format!("0x{}", "f".repeat(65)))),
    ] {
        faults.push((what, Box::new(move || Reply::Result(result.clone()))));
    }
    for status in [401, 404, 429, 500, 503] {
        faults.push(("a status", Box::new(move || Reply::Status(status))));
    }
    faults.push(("an error", Box::new(|| Reply::Error(-32000, "no"))));
    let url = elsewhere.url.clone();
    faults.push(("a redirect", Box::new(move || Reply::Redirect(url.clone()))));
    for (what, fault) in faults {
        world.node.behave(move |_, _| fault());
        // At the first contact, and when the chain is known already.
        fails(&world.through_node(impatient()), &world, what).await;
        let chain_id = world.registry.ledger().chain_id().await.ok();
        let registry = world.through_node(ClientOptions { chain_id, ..impatient() });
        fails(&registry, &world, what).await;
    }
    assert!(elsewhere.asked("eth_chainId").is_empty(), "a redirect was followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_any_size_is_cut_off() {
    let world = World::new().await;
    let options = ClientOptions { max_answer_bytes: 10_000, ..impatient() };
    let registry = world.through_node(options);
    world.node.behave(|_, _| Reply::Padded(5_000));
    registry.root().await.unwrap();
    world.node.behave(|_, _| Reply::Padded(10_000));
    fails(&registry, &world, "a huge answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_drips_or_never_comes_times_out() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
        }
    });
    let request_timeout = Duration::from_millis(300);
    let options = ClientOptions { request_timeout, ..impatient() };
    fails(&world.over(LedgerClient::http(&url, options).unwrap()), &world, "a drip").await;

    world.node.behave(|_, _| Reply::Silence);
    fails(&world.through_node(options), &world, "silence").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_another_chain_is_refused() {
    let world = World::new().await;
    let given = world.through_node(ClientOptions { chain_id: Some(5), ..impatient() });
    let root = given.root().await;
    assert!(matches!(root, Err(LedgerError::WrongChain { expected: 5, .. })), "{root:?}");

    let met = world.through_node(impatient());
    met.root().await.unwrap();
    world.node.behave(|method, _| match method {
        "eth_chainId" => Reply::Result(json!("0x7")),
        _ => Reply::Truth,
    });
    let root = met.root().await;
    assert!(matches!(root, Err(LedgerError::WrongChain { found: 7, .. })), "{root:?}");
    fails(&met, &world, "another chain").await;
    let sent = act(&met, &world.member, 1).await;
    assert!(matches!(sent, Err(LedgerError::WrongChain { found: 7, .. })), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_falls_behind_is_refused() {
    let world = World::new().await;
    let registry = world.through_node(ClientOptions { max_fallback_blocks: 1, ..impatient() });
    registry.root().await.unwrap();
    let head = world.registry.ledger().block_number().await.unwrap();
    assert!(head > 2);
    let answer = |number: u64| {
        move |method: &str, _: &serde_json::Value| match method {
            "eth_blockNumber" => Reply::Result(json!(format!("{number:#x}"))),
            _ => Reply::Truth,
        }
    };
    // As far as a reorganisation may go.
    world.node.behave(answer(head - 1));
    registry.root().await.unwrap();
    world.node.behave(answer(head - 2));
    let root = registry.root().await;
    assert!(matches!(root, Err(LedgerError::Behind { .. })), "{root:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_are_cut_short_or_not_asked_for_are_an_error() {
    let world = World::new().await;
    let registry = world.through_node(impatient());
    let issuer = world.member.address();
    let key = attestry_circuits::schnorr::SigningKey::random(
        &mut <ark_std::rand::rngs::StdRng as ark_std::rand::SeedableRng>::seed_from_u64(3),
    );
    let accreditation = attestry_ledger::Accreditation {
        issuer,
        schema: attestry_circuits::SchemaId { id: 1, version: 1 },
        key: key.verifying_key(),
        accredited_until: 1_900_000_000,
    };
    world.registry.accredit(&[&world.member], &accreditation).await.unwrap();
    assert_eq!(registry.snapshot().await.unwrap().entries.len(), 1);

    let truth = world.node.truth("eth_getLogs", json!([{ "fromBlock": "0x0" }]));
    let logs = truth.as_array().unwrap();
    let entry = |log: &&serde_json::Value| {
        log["address"].as_str().unwrap().parse::<attestry_ledger::Address>().unwrap()
            == registry.deployment().issuer_registry
    };
    let log = logs.iter().rfind(entry).unwrap().clone();
    let changed = |key: &str, value: serde_json::Value| {
        let mut log = log.clone();
        log[key] = value;
        json!([log])
    };
    for answer in [
        json!([]),
        json!([log, log]),
        changed("removed", json!(true)),
        changed("blockNumber", json!("0xfffff")),
        changed("blockNumber", json!(null)),
        changed("address", json!(issuer)),
        changed("topics", json!([])),
    ] {
        let lie = answer.clone();
        world.node.behave(move |method, _| match method {
            "eth_getLogs" => Reply::Result(lie.clone()),
            _ => Reply::Truth,
        });
        let snapshot = registry.snapshot().await;
        assert!(snapshot.is_err(), "{answer}");
    }
}
