//! The embedded ledger over HTTP: what it takes from clients, and what it does not.

use crate::embedded::{ask, fresh};
use crate::world::signed;
use alloy::primitives::{TxKind, hex};
use attestry_ledger::AccountKey;
use attestry_ledger::embedded::{EmbeddedLedger, ServeLimits};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"method":"net_version"}"#;
const HEADERS: &str = "Host: localhost\r\nContent-Type: application/json; charset=utf-8\r\n";

struct Served {
    _folder: TempDir,
    ledger: EmbeddedLedger,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

async fn served(limits: ServeLimits) -> Served {
    let (folder, ledger) = fresh();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async { drop(stopped.await) };
    let server = tokio::spawn(ledger.clone().serve_until(listener, limits, stopped));
    Served { _folder: folder, ledger, address, stop, server }
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn connect(served: &Served, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// All that the server says until it closes the connection: status and body.
async fn read(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

async fn exchange(served: &Served, text: &str) -> (u16, String) {
    read(connect(served, text).await).await
}

fn short() -> Duration {
    Duration::from_millis(50)
}

#[tokio::test]
async fn json_for_this_machine_is_answered_and_nothing_else() {
    let served = served(ServeLimits::default()).await;
    let host = |host: &str| format!("Host: {host}\r\nContent-Type: application/json\r\n");
    for host in [host("localhost:8545"), host("127.0.0.1"), host("[::1]:8545"), HEADERS.into()] {
        let (status, body) = exchange(&served, &post(&host, CHAIN_ID)).await;
        assert_eq!(status, 200, "{host}");
        assert!(body.contains("1337000"));
    }
    // What a web page can make a browser send, with or without a name that leads here.
    for host in [host("evil.example"), host("127.0.0.1.evil.example"), host("10.0.0.1"), host("")] {
        assert_eq!(exchange(&served, &post(&host, CHAIN_ID)).await.0, 403, "{host}");
    }
    for headers in ["Host: localhost\r\n", "Host: localhost\r\nContent-Type: text/plain\r\n"] {
        assert_eq!(exchange(&served, &post(headers, CHAIN_ID)).await.0, 415, "{headers}");
    }
    let get = format!("GET / HTTP/1.1\r\n{HEADERS}Connection: close\r\n\r\n");
    assert_eq!(exchange(&served, &get).await.0, 405);
    assert_eq!(exchange(&served, "rubbish\r\n\r\n").await.0, 400);
    let notification = CHAIN_ID.replace(r#""id":1,"#, "");
    assert_eq!(exchange(&served, &post(HEADERS, &notification)).await, (204, String::new()));
}

#[tokio::test]
async fn bodies_too_large_or_too_slow_and_headers_too_slow_are_refused() {
    let limits = ServeLimits {
        body_bytes: 1_000,
        header_time: short(),
        body_time: short(),
        ..ServeLimits::default()
    };
    let served = served(limits).await;
    assert_eq!(exchange(&served, &post(HEADERS, &" ".repeat(1_001))).await.0, 413);
    let chunked = format!(
        "POST / HTTP/1.1\r\n{HEADERS}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n800\r\n{}\r\n0\r\n\r\n",
        " ".repeat(0x800)
    );
    assert_eq!(exchange(&served, &chunked).await.0, 413);
    let unfinished = post(HEADERS, CHAIN_ID);
    let unfinished = &unfinished[..unfinished.len() - 1];
    assert_eq!(exchange(&served, unfinished).await.0, 408);
    // An end without an answer, or with one that says so.
    let (status, _) = exchange(&served, "POST / HTTP/1.1\r\nHost: local").await;
    assert!(matches!(status, 0 | 408), "{status}");
    assert_eq!(exchange(&served, "").await.0, 0, "an idle connection");
}

#[tokio::test]
async fn one_more_connection_waits_for_a_place() {
    let served = served(ServeLimits { connections: 2, ..ServeLimits::default() }).await;
    let idle = [connect(&served, "").await, connect(&served, "").await];
    let mut third = connect(&served, &post(HEADERS, CHAIN_ID)).await;
    let unanswered = tokio::time::timeout(short(), third.read_u8()).await;
    assert!(unanswered.is_err(), "it was answered beside the others");
    drop(idle);
    assert_eq!(read(third).await.0, 200);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let limits = ServeLimits { connections: 1, read_time: short(), ..ServeLimits::default() };
    let served = served(limits).await;
    // A contract whose answer is 1 MiB of zeros, called 12 times in a batch.
    let account = AccountKey::from_bytes(&[5; 32]).unwrap();
    let create = hex::decode("66621000006000f360005260076019f3").unwrap();
    let raw = hex::encode_prefixed(signed(&account, 0, TxKind::Create, create));
    assert!(ask(&served.ledger, "eth_sendRawTransaction", json!([raw]))["error"].is_null());
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "eth_call",
        "params": [{ "to": account.address().create(0) }],
    });
    let answer = served.ledger.dispatch(call.to_string().as_bytes());
    assert!(answer.len() > 2 << 20, "{}", answer.len());
    let batch = Value::from(vec![call; 12]).to_string();
    let _unread = connect(&served, &post(HEADERS, &batch)).await;
    // The only place becomes free.
    assert_eq!(exchange(&served, &post(HEADERS, CHAIN_ID)).await.0, 200);
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_told_that_the_server_is_busy() {
    let limits = ServeLimits { requests: 0, work_time: short(), ..ServeLimits::default() };
    let served = served(limits).await;
    assert_eq!(exchange(&served, &post(HEADERS, CHAIN_ID)).await.0, 503);
}

#[tokio::test]
async fn a_batch_that_takes_too_long_is_answered_in_part() {
    let served = served(ServeLimits { work_time: short(), ..ServeLimits::default() }).await;
    // Each runs until the gas of a block is spent.
    let call = |id: usize| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_call", "params": [{ "data": "0x5b600056" }] });
    let batch = Value::from((0..128).map(call).collect::<Vec<_>>()).to_string();
    let (status, body) = exchange(&served, &post(HEADERS, &batch)).await;
    let answers: Vec<Value> = serde_json::from_str(&body).unwrap();
    let codes: Vec<i64> = answers.iter().map(|a| a["error"]["code"].as_i64().unwrap()).collect();
    assert_eq!((status, codes.len(), codes[127]), (200, 128, -32002), "{codes:?}");
}

#[tokio::test]
async fn a_server_that_is_stopped_answers_what_was_asked_and_takes_no_more() {
    let served = served(ServeLimits::default()).await;
    let text = post(HEADERS, CHAIN_ID);
    let (first, rest) = text.split_at(text.len() - 1);
    let mut asking = connect(&served, first).await;
    let idle = connect(&served, "").await;
    // Both are accepted by the time that a third is answered.
    assert_eq!(exchange(&served, &text).await.0, 200);
    served.stop.send(()).unwrap();
    assert_eq!(read(idle).await.0, 0);
    asking.write_all(rest.as_bytes()).await.unwrap();
    assert_eq!(read(asking).await.0, 200);
    served.server.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
    assert_eq!(served.ledger.status().unwrap().block, 0);
}
