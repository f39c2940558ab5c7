//! Direct checks over HTTP: single answers, and files of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use attestry_credential::presentation::{PresentationRequest, PresentationResponse};
use attestry_service::Actor;
use attestry_service::audit::{self, Filter};
use attestry_verifier::http::{Access, Service, serve};
use attestry_verifier::{SignedReceipt, Verifier};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{World, only};

struct Asked {
    world: World,
    address: SocketAddr,
    client: Client,
    request: PresentationRequest,
}

async fn served(verifier: Verifier) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(
        listener,
        Service::new(vec![verifier], Access::Open),
        std::future::pending(),
    ));
    address
}

impl Asked {
    async fn new() -> Self {
        let world = World::new().await;
        let address = served(world.verifier.clone()).await;
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let request = world.session().await.request;
        Self { world, address, client, request }
    }

    async fn answer(&self, holder: u32) -> PresentationResponse {
        self.world.answer(&self.world.nurse(holder), &self.request).await
    }

    async fn check(&self, presentation: &Value) -> (StatusCode, Value) {
        let body = json!({
            "verifiablePresentation": presentation, "options": { "request": self.request },
        });
        let url = format!("http://{}/presentations/verify", self.address);
        let answer = self.client.post(url).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn file(&self, lines: &[String]) -> Vec<Value> {
        let answer = self.post(lines.join("\n")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        read(&answer.text().await.unwrap())
    }

    fn post(&self, body: String) -> reqwest::RequestBuilder {
        let url = format!("http://{}/presentations/verify-batch", self.address);
        self.client.post(url).header("content-type", "application/x-ndjson").body(body)
    }

    fn header(&self, count_once: bool) -> String {
        json!({ "request": self.request, "countOnce": count_once }).to_string()
    }

    /// The SHA-256 of every receipt that the audit log has of direct checks.
    async fn logged(&self) -> Vec<String> {
        let database = self.world.database.open().await;
        let tenant = self.world.verifier.tenant();
        let action = Some("presentation.check".to_owned());
        let (filter, mut before) = (Filter { action, ..Filter::default() }, None);
        let mut hashes = Vec::new();
        loop {
            let page = audit::page(database.pool(), tenant, &filter, before, 100).await.unwrap();
            for (name, value) in page.entries.iter().flat_map(|entry| &entry.details) {
                if name.starts_with("receipts") {
                    hashes.extend(value.split(' ').map(str::to_owned));
                }
            }
            before = page.next;
            if before.is_none() {
                return hashes;
            }
        }
    }

    /// That a receipt holds and is in the log.
    async fn is_proven(&self, receipt: &Value) -> bool {
        let text = receipt.as_str().unwrap();
        let key = self.world.verifier.receipt_verifying_key();
        let holds = SignedReceipt::from_text(text).verify(&key).is_ok();
        holds && self.logged().await.contains(&hex::encode(Sha256::digest(text)))
    }
}

fn line(id: &str, answer: &PresentationResponse) -> String {
    json!({ "id": id, "presentation": answer }).to_string()
}

fn read(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_check_says_yes_or_why_not_and_consumes_nothing() {
    let asked = Asked::new().await;
    let answer = serde_json::to_value(asked.answer(4).await).unwrap();
    for _ in 0..2 {
        let (status, verdict) = asked.check(&answer).await;
        assert_eq!((status, &verdict["verified"]), (StatusCode::OK, &json!(true)), "{verdict}");
        assert_eq!((&verdict["errors"], &verdict["warnings"]), (&json!([]), &json!([])));
        assert!(asked.is_proven(&verdict["receipt"]).await);
    }
    let mut changed = answer.clone();
    changed["presentations"]["q1"]["now"] = (asked.world.now() - 1).into();
    let (status, verdict) = asked.check(&changed).await;
    assert_eq!((status, &verdict["verified"]), (StatusCode::BAD_REQUEST, &json!(false)));
    assert_eq!(verdict["errors"][0]["type"], "urn:attestry:problem:altered");
    assert!(asked.is_proven(&verdict["receipt"]).await);

    changed["presentations"] = json!({});
    let (status, verdict) = asked.check(&changed).await;
    assert_eq!((status, &verdict["verified"]), (StatusCode::BAD_REQUEST, &json!(false)));
    assert_eq!(verdict["errors"][0]["type"], "urn:attestry:problem:malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_check_minds_audience_expiry_and_withdrawals() {
    let mut asked = Asked::new().await;
    let answer = serde_json::to_value(asked.answer(4).await).unwrap();
    let reason = async |asked: &Asked| {
        let (status, verdict) = asked.check(&answer).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        verdict["errors"][0]["type"].as_str().unwrap().to_owned()
    };
    let own = asked.request.client_id.clone();
    asked.request.client_id =
        "did:ethr:embedded:0x00000000000000000000000000000000000000c2".parse().unwrap();
    assert!(reason(&asked).await.ends_with(":wrong-audience"));
    asked.request.client_id = own;

    let expires_at = std::mem::replace(&mut asked.request.expires_at, asked.world.now() - 1);
    assert!(reason(&asked).await.ends_with(":expired-session"));
    asked.request.expires_at = expires_at;

    let answer: PresentationResponse = serde_json::from_value(answer.clone()).unwrap();
    let nullifier = answer.presentations.values().next().unwrap().parts.nullifier;
    let nurse = asked.world.nurse(4);
    let fresh = asked.world.answer(&nurse, &asked.request).await;
    let key = nurse.withdrawal_key(&asked.request.scope());
    asked.world.verifier.withdraw(&Actor::operator(), &key).await.unwrap();
    let (_, verdict) = asked.check(&serde_json::to_value(&fresh).unwrap()).await;
    assert_eq!(verdict["errors"][0]["type"], "urn:attestry:problem:withdrawn");
    assert_ne!(key.nullifier(), nullifier, "each nurse has a secret of its own");
    let (status, _) = asked.check(&serde_json::to_value(&answer).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_service_says_when_to_come_again() {
    let asked = Asked::new().await;
    let full = asked.world.verifier_with(asked.world.registry.clone(), |parts| {
        parts.config.checks.max_waiting_checks = 0;
    });
    let address = served(full.await).await;
    let body = json!({
        "verifiablePresentation": asked.answer(4).await, "options": { "request": asked.request },
    });
    let url = format!("http://{address}/presentations/verify");
    let answer = asked.client.post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:attestry:problem:overloaded");
    assert!(asked.logged().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_answered_line_by_line_whatever_some_lines_are() {
    let asked = Asked::new().await;
    let mut pool = Vec::new();
    for holder in 0..3 {
        pool.push(asked.answer(holder).await);
    }
    let mut bad = pool[0].clone();
    only(&mut bad).proof = [0; 128];
    let mut lines = vec![asked.header(false)];
    for number in 0..2_000 {
        lines.push(match number % 10 {
            3 => line(&number.to_string(), &bad),
            5 => "{\"id\": \"no item\"}".to_owned(),
            7 => "no json".to_owned(),
            _ => line(&number.to_string(), &pool[number % pool.len()]),
        });
    }
    let answers = asked.file(&lines).await;
    assert_eq!(answers.len(), 2_001);
    for (number, answer) in answers[..2_000].iter().enumerate() {
        let verified = answer["verified"].as_bool().unwrap();
        match number % 10 {
            3 => {
                assert_eq!((verified, &answer["reason"]), (false, &json!("bad-proof")));
                assert!(answer["receipt"].is_string());
            }
            5 => assert_eq!(
                (&answer["id"], &answer["reason"]),
                (&json!("no item"), &json!("malformed"))
            ),
            7 => assert_eq!(
                (&answer["line"], &answer["reason"]),
                (&json!(number + 1), &json!("malformed"))
            ),
            _ => {
                assert!(verified && answer["id"].as_str() == Some(&number.to_string()), "{answer}")
            }
        }
    }
    let summary = json!({ "checked": 2_000, "accepted": 1_400, "refused": 600, "undecided": 0 });
    assert_eq!(answers[2_000], json!({ "summary": summary }));
    assert!(asked.is_proven(&answers[0]["receipt"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_may_carry_its_own_request() {
    let asked = Asked::new().await;
    let answer = asked.answer(4).await;
    let own = json!({ "id": "a", "presentation": answer, "request": asked.request }).to_string();
    let none = line("b", &answer);
    let answers = asked.file(&[own.clone(), none.clone()]).await;
    assert_eq!(
        (&answers[0]["verified"], &answers[1]["reason"]),
        (&json!(true), &json!("malformed"))
    );
    // Of two requests it cannot be told which was meant.
    let answers = asked.file(&[asked.header(false), own, none]).await;
    assert_eq!(
        (&answers[0]["reason"], &answers[1]["verified"]),
        (&json!("malformed"), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_at_once_count_each_holder_once() {
    let asked = Asked::new().await;
    let mut lines = vec![asked.header(true)];
    let mut pool = Vec::new();
    for holder in 0..6 {
        pool.push(asked.answer(holder).await);
    }
    for number in 0..120 {
        lines.push(line(&number.to_string(), &pool[number % pool.len()]));
    }
    let (one, other) = tokio::join!(asked.file(&lines), asked.file(&lines));
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for answer in one[..120].iter().chain(&other[..120]) {
        let reason = answer.get("reason").map_or("accepted", |reason| reason.as_str().unwrap());
        *reasons.entry(reason.to_owned()).or_default() += 1;
    }
    let expected = [("accepted", 6), ("already-counted", 234)];
    assert_eq!(reasons, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_of_lines_is_refused_before_it_is_read() {
    let asked = Asked::new().await;
    let gzip = asked.post(String::new()).header("content-encoding", "gzip").send().await.unwrap();
    assert_eq!(gzip.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let url = format!("http://{}/presentations/verify-batch", asked.address);
    let other = asked.client.post(url).json(&json!({})).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for header in ["{", "[]", "{\"request\": {}}", "{\"countOnce\": 1}", "{\"other\": 1}"] {
        let answer = asked.post(format!("{header}\n")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{header}");
    }
    let nothing = asked.post(String::new()).send().await.unwrap();
    assert_eq!(read(&nothing.text().await.unwrap())[0]["summary"]["checked"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_long_ends_the_file_and_its_answers_say_so() {
    let asked = Asked::new().await;
    let answer = line("a", &asked.answer(4).await);
    let long = "x".repeat(300 * 1024);
    let answers = asked.file(&[asked.header(false), answer.clone(), long, answer]).await;
    assert_eq!((answers.len(), &answers[0]["verified"]), (2, &json!(true)));
    assert_eq!(answers[1]["error"]["type"], "urn:attestry:problem:body-too-large");
    assert_eq!(answers[1]["summary"]["checked"], 1);
}

/// The beginning of a file, over a connection that the test holds.
async fn begun(asked: &Asked) -> TcpStream {
    let mut stream = TcpStream::connect(asked.address).await.unwrap();
    let head = "POST /presentations/verify-batch HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    send(&mut stream, &format!("{}\n", asked.header(true))).await.unwrap();
    stream
}

async fn send(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await
}

async fn until(stream: &mut TcpStream, marker: &str) -> String {
    let mut text = String::new();
    while !text.contains(marker) {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "closed after {text}");
        text.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_answered_while_the_file_goes_on_and_a_cut_connection_counts_what_was_answered() {
    let asked = Asked::new().await;
    let answer = format!("{}\n", line("first", &asked.answer(4).await));
    let mut stream = begun(&asked).await;
    send(&mut stream, &answer).await.unwrap();
    let first = until(&mut stream, "\"receipt\"").await;
    assert!(first.contains("\"verified\":true"), "{first}");
    send(&mut stream, &answer).await.unwrap();
    assert!(until(&mut stream, "\"reason\"").await.contains("already-counted"));
    drop(stream);
    let again = asked.file(&[asked.header(true), answer.trim().to_owned()]).await;
    assert_eq!(again[0]["reason"], "already-counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_not_read_from() {
    let asked = Asked::new().await;
    let mut stream = begun(&asked).await;
    // Short lines with answers as long as they: nothing of them is checked.
    let lines = "{}\n".repeat(16 * 1024);
    let mut sent = 0;
    let stalled = loop {
        let sending = tokio::time::timeout(Duration::from_secs(2), send(&mut stream, &lines)).await;
        match sending {
            Ok(Ok(())) => sent += 1,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => break true,
        }
        if sent > 4_096 {
            break false;
        }
    };
    assert!(stalled, "200 MB were read and their answers kept");
}
