//! The embedded ledger's JSON-RPC: the specification's letter, and requests that want too much.

use crate::embedded::{ask, fresh, nonce, raw_transaction};
use crate::world::{World, changeOwnerCall, open, signed};
use alloy::primitives::{Address, TxKind, hex};
use alloy::sol_types::{Revert, SolCall, SolError};
use attestry_ledger::AccountKey;
use attestry_ledger::embedded::{EMBEDDED_CHAIN_ID, EmbeddedLedger};
use redb::{Database, ReadableTable, TableDefinition};
use serde_json::{Value, json};
use std::sync::Arc;

/// Init code that runs until its gas is spent.
const ENDLESS: &str = "0x5b600056";

/// The answer, of which there is none to a notification.
fn answer(ledger: &EmbeddedLedger, request: &str) -> Option<Value> {
    let answer = ledger.dispatch(request.as_bytes());
    (!answer.is_empty()).then(|| serde_json::from_slice(&answer).unwrap())
}

/// Asserts that a request is refused with that code, under that id.
fn assert_refused(ledger: &EmbeddedLedger, request: &str, code: i64, id: &Value) {
    let answer = answer(ledger, request).unwrap();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&code.into(), id), "{request}");
    assert_eq!(answer["jsonrpc"], "2.0");
    assert!(answer["error"]["message"].is_string() && answer.get("result").is_none());
}

#[test]
fn requests_are_answered_under_their_id_of_any_kind() {
    let (_folder, ledger) = fresh();
    for id in ["1", "-7", "1.5", "\"a\"", "\"\"", "null", "123456789012345678901234567890"] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"net_version","id":{id}}}"#);
        let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"{EMBEDDED_CHAIN_ID}"}}"#);
        assert_eq!(String::from_utf8(ledger.dispatch(request.as_bytes())).unwrap(), expected);
    }
}

#[test]
fn what_is_no_request_is_refused_by_the_codes_of_the_specification() {
    let (_folder, ledger) = fresh();
    let parse_error =
        [r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, "[", "", "{}{}"];
    for text in parse_error {
        assert_refused(&ledger, text, -32700, &Value::Null);
    }
    for text in [
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        r#"{"foo": "boo"}"#,
        r#"{"jsonrpc": "2.0", "method": "net_version", "id": {}}"#,
        r#"{"jsonrpc": "2.0", "method": "net_version", "id": true}"#,
        r#"{"jsonrpc": "2.0", "method": "net_version", "id": 1, "id": 2}"#,
        "[]",
        "1",
        "null",
    ] {
        assert_refused(&ledger, text, -32600, &Value::Null);
    }
    for text in [
        r#"{"jsonrpc": "1.0", "method": "net_version", "id": 5}"#,
        r#"{"method": "net_version", "id": 5}"#,
        r#"{"jsonrpc": "2.0", "method": "net_version", "params": 1, "id": 5}"#,
        r#"{"jsonrpc": "2.0", "method": "net_version", "params": null, "id": 5}"#,
        r#"{"jsonrpc": "2.0", "id": 5}"#,
    ] {
        assert_refused(&ledger, text, -32600, &json!(5));
    }
    let unknown = r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#;
    assert_refused(&ledger, unknown, -32601, &json!("1"));
    let named = r#"{"jsonrpc": "2.0", "method": "eth_getCode", "params": {"address": 1}, "id": 1}"#;
    assert_refused(&ledger, named, -32602, &json!(1));
}

#[test]
fn notifications_are_acted_on_and_not_answered() {
    let (_folder, ledger) = fresh();
    let notify = |method: &str, params: &Value| {
        json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
    };
    let send = notify("eth_sendRawTransaction", &raw_transaction(0, EMBEDDED_CHAIN_ID));
    assert_eq!(answer(&ledger, &send), None);
    assert_eq!(nonce(&ledger), "0x1");
    let unknown = notify("foobar", &json!([]));
    assert_eq!(answer(&ledger, &unknown), None);
    assert_eq!(answer(&ledger, &format!("[{unknown},{unknown}]")), None);

    let batch = format!(
        r#"[{unknown}, 1, {{"foo": "boo"}}, {{"jsonrpc":"2.0","method":"eth_blockNumber","id":"9"}}]"#
    );
    let answers = answer(&ledger, &batch).unwrap();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 3);
    assert!(answers[..2].iter().all(|a| a["error"]["code"] == -32600 && a["id"].is_null()));
    assert_eq!(answers[2], json!({ "jsonrpc": "2.0", "id": "9", "result": "0x1" }));
}

#[test]
fn transactions_side_by_side_in_a_batch_are_one_block() {
    let (_folder, ledger) = fresh();
    let send = |id: u64, nonce| {
        let params = raw_transaction(nonce, EMBEDDED_CHAIN_ID);
        json!({ "jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": params })
    };
    let number = json!({ "jsonrpc": "2.0", "id": 9, "method": "eth_blockNumber" });
    let broken =
        json!({ "jsonrpc": "2.0", "id": 8, "method": "eth_sendRawTransaction", "params": ["0x"] });
    let batch =
        json!([number, send(1, 1), send(2, 0), broken, send(3, 0), number, send(4, 2), number]);
    let answers = answer(&ledger, &batch.to_string()).unwrap();
    let ids: Vec<_> = answers.as_array().unwrap().iter().map(|a| a["id"].clone()).collect();
    assert_eq!(ids, [9, 1, 2, 8, 3, 9, 4, 9].map(Value::from));
    for (place, block) in [(0, "0x0"), (5, "0x1"), (7, "0x2")] {
        assert_eq!(answers[place]["result"], block, "{answers}");
    }
    assert_eq!(answers[3]["error"]["message"], "malformed transaction");
    assert_eq!(answers[4]["error"]["message"], "nonce too low");
    assert_eq!(nonce(&ledger), "0x3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_has_its_data_under_code_3() {
    let world = World::new().await;
    // By somebody who does not own the identity.
    let call = changeOwnerCall { identity: Address::repeat_byte(1), newOwner: Address::ZERO };
    let registry = world.registry.deployment().did_registry;
    let call = json!([{ "to": registry, "data": hex::encode_prefixed(call.abi_encode()) }]);
    let reason = Revert::from("bad_actor").abi_encode();
    for method in ["eth_call", "eth_estimateGas"] {
        let error = ask(&world.ledger, method, call.clone())["error"].clone();
        assert_eq!(error["code"], 3, "{error}");
        assert_eq!(error["data"], hex::encode_prefixed(&reason));
    }
}

#[test]
fn work_without_end_is_cut_off_by_gas() {
    let (_folder, ledger) = fresh();
    for gas in [json!("0xffffffffffffffff"), json!(null)] {
        let call = json!([{ "data": ENDLESS, "gas": gas }]);
        for method in ["eth_call", "eth_estimateGas"] {
            let answer = ask(&ledger, method, call.clone());
            assert_eq!(answer["error"]["code"], -32000, "{answer}");
        }
    }
}

#[test]
fn an_estimate_is_enough_and_little_more() {
    let (_folder, ledger) = fresh();
    let call = json!({ "to": "0x00000000000000000000000000000000000000aa", "data": "0x01" });
    let gas = |answer: Value| {
        let text = answer["result"].as_str().unwrap().trim_start_matches("0x").to_owned();
        u64::from_str_radix(&text, 16).unwrap()
    };
    // 21000 and 16 for a byte.
    let estimate = gas(ask(&ledger, "eth_estimateGas", json!([call])));
    assert!((21_016..21_016 + 21_016 / 64 + 2).contains(&estimate), "{estimate}");
    // Init code that fails with less than 3,000,000 gas and spends nearly nothing.
    let picky = "0x5a622dc6c010600a57fe5b00";
    let estimate = gas(ask(&ledger, "eth_estimateGas", json!([{ "data": picky }])));
    assert!((3_000_000..3_110_000).contains(&estimate), "{estimate}");
}

#[test]
fn requests_for_too_much_are_refused_with_the_reason() {
    let (_folder, ledger) = fresh();
    let percentiles = vec![1; 200_000];
    let history = ask(&ledger, "eth_feeHistory", json!(["0x400", "latest", percentiles]));
    assert_eq!(history["error"]["code"], -32005);
    let few = ask(&ledger, "eth_feeHistory", json!(["0x400", "latest", [1, 50]]));
    assert_eq!(few["result"]["reward"], json!([["0x0", "0x0"]]));

    let deep = "[".repeat(100_000);
    assert_refused(&ledger, &deep, -32700, &Value::Null);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(answer(&ledger, &deep).unwrap()[0]["error"]["code"], -32600);
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":{deep}}}"#);
    assert_refused(&ledger, &deep, -32602, &json!(1));

    let large = format!("0x{}", "00".repeat((128 << 10) + 1));
    let sent = ask(&ledger, "eth_sendRawTransaction", json!([large]));
    assert_eq!(sent["error"]["message"], "oversized data");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_found_by_range_block_address_and_topics() {
    let mut world = World::new().await;
    world.accredit().await;
    let logs = |filter: Value| ask(&world.ledger, "eth_getLogs", json!([filter]));
    let all = logs(json!({ "fromBlock": "earliest", "toBlock": "latest" }));
    let all = all["result"].as_array().unwrap();
    assert!(all.len() > 3, "{all:?}");
    // The same as from the receipts, and each found by what it has.
    for log in all {
        let receipt =
            ask(&world.ledger, "eth_getTransactionReceipt", json!([log["transactionHash"]]));
        assert!(receipt["result"]["logs"].as_array().unwrap().contains(log));
        let filters = [
            json!({ "fromBlock": "0x0", "address": log["address"] }),
            json!({ "fromBlock": "0x0", "topics": [log["topics"][0]] }),
            json!({ "blockHash": log["blockHash"], "topics": [[log["topics"][0], log["blockHash"]]] }),
        ];
        for filter in filters {
            assert!(logs(filter)["result"].as_array().unwrap().contains(log));
        }
        let other = json!({ "fromBlock": "0x0", "topics": [log["blockHash"]] });
        assert_eq!(logs(other)["result"], json!([]));
    }
    // Ranges beyond the last block end there.
    assert_eq!(
        logs(json!({ "fromBlock": "0x0", "toBlock": "0xffffffffffff" }))["result"].as_array(),
        Some(all)
    );
    assert_eq!(logs(json!({ "fromBlock": "0xfffff" }))["result"], json!([]));
}

#[test]
fn more_than_10000_logs_or_blocks_are_too_many_for_one_answer() {
    let (folder, ledger) = fresh();
    let logs = |ledger: &EmbeddedLedger, filter: Value| ask(ledger, "eth_getLogs", json!([filter]));
    // Init code that logs nothing, so many times.
    let account = AccountKey::from_bytes(&[5; 32]).unwrap();
    for (nonce, times) in [(0, 10_000_u32), (1, 10_001)] {
        let create = hex::decode(format!("62{times:06x}5b60006000a0600190038060045700")).unwrap();
        let raw = hex::encode_prefixed(signed(&account, nonce, TxKind::Create, create));
        let sent = ask(&ledger, "eth_sendRawTransaction", json!([raw]));
        assert!(sent["error"].is_null(), "{sent}");
    }
    let answer = |block: &str| logs(&ledger, json!({ "fromBlock": block, "toBlock": block }));
    assert_eq!(answer("0x1")["result"].as_array().unwrap().len(), 10_000);
    let refused = answer("0x2");
    assert_eq!(refused["error"]["code"], -32005, "{refused}");
    drop(ledger);

    // A last block so far on that it might as well have 20000 before it.
    const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
    let database = Database::open(folder.path().join("ledger.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut blocks = transaction.open_table(BLOCKS).unwrap();
        let row = blocks.get(2).unwrap().unwrap().value().to_vec();
        let mut row: Value = serde_json::from_slice(&row).unwrap();
        row["header"]["number"] = "0x4e20".into();
        blocks.insert(20_000, row.to_string().as_bytes()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let ledger = open(&folder, &Arc::default()).unwrap();
    let refused = logs(&ledger, json!({ "fromBlock": "0x3", "toBlock": "0x2713" }));
    assert_eq!(refused["error"]["code"], -32005, "{refused}");
    for to in ["0x2712", "0x3"] {
        let found = logs(&ledger, json!({ "fromBlock": "0x3", "toBlock": to }));
        assert_eq!(found["result"], json!([]), "{found}");
    }
}
