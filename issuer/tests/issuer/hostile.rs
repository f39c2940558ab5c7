//! Requests that are meant to do harm, over raw connections. After all of them the service still
//! answers, and has issued what was asked of it and nothing else.

use std::time::Duration;

use attestry_issuer::Issuer;
use attestry_service::http::{ConnectionLimits, RequestLimits};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{Office, order};
use crate::world::World;

const SHORT: Duration = Duration::from_millis(200);

async fn office(issuer: Issuer) -> Office {
    Office::open_as(vec![issuer], |service| {
        service.hosting.connections =
            ConnectionLimits { header_time: SHORT, connections: 64, ..service.hosting.connections };
        service.hosting.requests = RequestLimits { body_time: SHORT, ..service.hosting.requests };
    })
    .await
}

async fn connect(office: &Office, text: &[u8]) -> TcpStream {
    let address = office.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is refused may be cut off before all is sent.
    let _ = stream.write_all(text).await;
    stream
}

/// All that comes back until the connection ends.
async fn exchange(office: &Office, text: impl AsRef<[u8]>) -> String {
    let mut stream = connect(office, text.as_ref()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of the answers that came back.
fn statuses(answer: &str) -> Vec<u16> {
    let lines = answer.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line[..3].parse().unwrap()).collect()
}

fn issue(office: &Office, headers: &str, body: &str) -> String {
    let length = body.len();
    let key = office.key();
    format!(
        "POST /credentials/issue HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

/// How many credentials there are, by the audit log.
async fn issued(office: &Office) -> usize {
    let (status, page) = office.get("/audit?action=credential.issue").await;
    assert_eq!(status, 200, "{page}");
    page["entries"].as_array().unwrap().len()
}

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_meant_to_do_harm_are_refused() {
    let world = World::new().await;
    let office = office(world.open().await).await;
    let good = order().to_string();
    let twice = good.replacen("{", "{\"options\":{},", 1);
    let many = format!("{{{}}}", "\"a\":1,".repeat(50_000));
    let number = format!("{{\"resource\":1{}}}", "0".repeat(100_000));
    let exponent = r#"{"resource":{"resourceType":"Practitioner"},"options":{"item":1e999999}}"#;
    let surrogate = r#"{"resource":"\ud800","options":{}}"#;
    let cases = [
        (twice, 400, "malformed-json"),
        ("[".repeat(400_000), 400, "malformed-json"),
        ("{\"a\":".repeat(60_000), 400, "malformed-json"),
        (many, 400, "malformed-json"),
        (number, 400, ""),
        (exponent.to_owned(), 400, ""),
        (surrogate.to_owned(), 400, "malformed-json"),
        ("\u{feff}{}".to_owned(), 400, "malformed-json"),
        (good.replace('}', ""), 400, "malformed-json"),
        (" ".repeat(600_000), 413, "body-too-large"),
    ];
    for (body, status, name) in cases {
        let answer = exchange(&office, issue(&office, JSON, &body)).await;
        let shown = &body[..60.min(body.len())];
        assert_eq!(statuses(&answer), [status], "{shown}: {answer}");
        assert!(answer.contains(&format!("urn:attestry:problem:{name}")), "{shown}: {answer}");
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    {
        let answer =
            exchange(&office, issue(&office, &format!("Content-Type: {media_type}\r\n"), &good));
        assert_eq!(statuses(&answer.await), [415], "{media_type}");
    }
    let compressed = issue(&office, &format!("{JSON}Content-Encoding: gzip\r\n"), "\x1f");
    assert_eq!(statuses(&exchange(&office, compressed).await), [415]);
    assert_eq!(issued(&office).await, 0);
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    assert_eq!(issued(&office).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_slowly_keeps_nobody_waiting() {
    let world = World::new().await;
    let office = office(world.open().await).await;
    let started = issue(&office, JSON, &order().to_string());
    let mut slow = Vec::new();
    for unfinished in
        ["", "G", "GET /healthz HTTP/1.1\r\nX-A: b\r\n", &started[..started.len() - 1]]
    {
        for _ in 0..15 {
            slow.push(connect(&office, unfinished.as_bytes()).await);
        }
    }
    // All places but a few are taken by those.
    assert_eq!(office.get("/healthz").await.0, 200);
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    let mut answers = Vec::new();
    for mut stream in slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answers.push(String::from_utf8_lossy(&answer).into_owned());
    }
    assert!(answers.iter().all(|answer| statuses(answer).iter().all(|status| *status == 408)));
    assert!(answers.iter().any(|answer| answer.contains("urn:attestry:problem:timed-out")));
    assert_eq!(issued(&office).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_no_request_that_was_not_sent_as_one() {
    let world = World::new().await;
    let office = office(world.open().await).await;
    let key = office.key();
    let smuggled = format!(
        "POST /status-lists/publish HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let post = "POST /credentials/issue HTTP/1.1\r\nHost: a\r\n";
    let length = smuggled.len();
    let cases = [
        // The length says one thing and the transfer encoding another.
        format!(
            "{post}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{post}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{smuggled}"),
        format!("{post}Content-Length: 0, {length}\r\n\r\n{smuggled}"),
        format!("{post}Content-Length: +0\r\n\r\n{smuggled}"),
        format!("{post}Content-Length: -1\r\n\r\n{smuggled}"),
        format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{post} Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n{smuggled}"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{smuggled}"),
    ];
    for case in cases {
        let answer = exchange(&office, &case).await;
        let statuses = statuses(&answer);
        assert!(statuses.len() <= 1 && !statuses.contains(&200), "{case}\n\n{answer}");
    }
    let (_, page) = office.get("/audit").await;
    assert!(!page.to_string().contains("publish"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_headers_that_are_not_http_are_refused() {
    let world = World::new().await;
    let office = office(world.open().await).await;
    let get = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    for id in ["a\tb", "é", "../../x", "<script>", "%0d%0aSet-Cookie: a=b", &"a".repeat(65)] {
        let answer = exchange(&office, format!("{get}X-Request-ID: {id}\r\n\r\n")).await;
        assert_eq!(statuses(&answer), [200], "{id}");
        assert!(!answer.contains(id) && !answer.to_lowercase().contains("set-cookie"), "{answer}");
    }
    for wrong in [
        format!("{get}X-Request-ID: a\r\nSet-Cookie\r\n\r\n"),
        format!("{get}X-Request-ID: a\rSet-Cookie: b\r\n\r\n"),
        format!("{get}X-\0: a\r\n\r\n"),
        format!("{get}{}\r\n", "X-A: b\r\n".repeat(200)),
        format!("{get}X-A: {}\r\n\r\n", "b".repeat(100_000)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000)),
        "GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(),
        "GET  /healthz HTTP/1.1\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".to_owned(),
    ] {
        let answer = exchange(&office, &wrong).await;
        let shown = &wrong[..80.min(wrong.len())];
        assert!(statuses(&answer).iter().all(|status| *status >= 400), "{shown}: {answer}");
    }
    for (line, status) in [
        ("GET http://elsewhere.example/healthz", 200),
        ("GET //healthz", 404),
        ("GET /healthz/", 404),
        ("GET /credentials/..%2fhealthz", 401),
        ("GET /../healthz", 404),
        ("GET /%00", 404),
        ("GET /%ff", 404),
        ("TRACE /healthz", 405),
        ("CONNECT elsewhere.example:443", 404),
        ("PURGE /healthz", 405),
        ("OPTIONS *", 404),
    ] {
        let answer =
            exchange(&office, format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert_eq!(statuses(&answer.await), [status], "{line}");
    }
    assert_eq!(office.get("/healthz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_many_times_at_once_is_one_credential() {
    let world = World::new().await;
    let office = office(world.open().await).await;
    let send = async |_: usize| {
        let request = office.request(Method::POST, "/credentials/issue").json(&order());
        let response = request.header("Idempotency-Key", "line-1").send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (status, body["verifiableCredential"]["id"].clone())
    };
    let (a, b, c, d, e, f) = tokio::join!(send(1), send(2), send(3), send(4), send(5), send(6));
    let answers = [a, b, c, d, e, f];
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((answers[0].0, issued(&office).await), (201, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_neither_stops_the_service_nor_unmakes_anything() {
    const YEAR: u64 = 365 * 86_400;
    let world = World::new().await;
    let office = office(world.open().await).await;
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    world.jump_to(crate::world::START - YEAR);
    assert_eq!(office.get("/readyz").await.0, 200);
    let (status, early) = office.post("/credentials/issue", &order()).await;
    assert_eq!(status, 201, "{early}");
    assert_eq!(office.post("/status-lists/publish", &json!({})).await.0, 200);
    world.jump_to(crate::world::START + 20 * YEAR);
    // Licences and keys are over then, and that is said.
    let (status, problem) = office.post("/credentials/issue", &order()).await;
    assert!((400..500).contains(&status), "{problem}");
    assert_eq!(office.get("/healthz").await.0, 200);
    world.jump_to(crate::world::START);
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    assert_eq!(issued(&office).await, 3);
}
