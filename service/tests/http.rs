//! What every route of a service is wrapped in, over real connections.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use attestry_service::http::{
    ConnectionLimits, IdempotencyKey, JsonBody, Metrics, Path, Problem, RequestLimits, finish,
    serve,
};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);
const AMPLE: RequestLimits = RequestLimits { body_bytes: 1000, time: LONG, body_time: LONG };

async fn start(limits: RequestLimits, connections: ConnectionLimits) -> SocketAddr {
    let metrics = Metrics::new(1_790_000_000);
    let gauge = metrics.gauge("things", "Things that are there");
    gauge.set(&"texas".parse().unwrap(), 3);
    let counted = metrics.clone();
    let tenant = Router::new()
        .route("/echo", post(async |JsonBody(body): JsonBody| Json(body)))
        .route("/things/{id}", get(async |Path(id): Path<u32>| Json(json!(id))))
        .route("/key", get(async |IdempotencyKey(key): IdempotencyKey| Json(json!(key))));
    let routes = Router::new()
        .route("/metrics", get(async move || counted.answer()))
        .route("/never", get(async || std::future::pending::<()>().await))
        .route("/fail", get(async || Problem::internal(&Secret).detail("a secret")))
        .nest("/t/texas", tenant.clone())
        .merge(tenant);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = finish(routes, limits, &metrics);
    tokio::spawn(serve(listener, app, connections, std::future::pending()));
    address
}

#[derive(Debug, thiserror::Error)]
#[error("a secret")]
struct Secret;

/// Sends a text and reads until the connection ends.
async fn exchange(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn ask(address: SocketAddr, line: &str, headers: &str, body: &str) -> (u16, String, Value) {
    let length = body.len();
    let answer = exchange(
        address,
        &format!(
            "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ),
    )
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn a_body_is_json_declared_small_and_says_nothing_twice() {
    let address = start(AMPLE, ConnectionLimits::default()).await;
    let post = async |headers: &str, body: &str| {
        let (status, _, answer) = ask(address, "POST /echo", headers, body).await;
        (status, answer["type"].as_str().unwrap_or_default().to_owned())
    };
    for declared in [JSON, "Content-Type: Application/LD+JSON; charset=utf-8\r\n"] {
        assert_eq!(post(declared, r#"{"a":[1]}"#).await, (200, String::new()));
    }
    let problem = |status: u16, name: &str| (status, format!("urn:attestry:problem:{name}"));
    let other = problem(415, "unsupported-media-type");
    for wrong in ["", "Content-Type: text/json\r\n", "Content-Type: text/x+json\r\n"] {
        assert_eq!(post(wrong, "{}").await, other, "{wrong}");
    }
    let nested = "[".repeat(900);
    for body in ["", "{", "{} {}", r#"{"a":1,"a":2}"#, &nested] {
        assert_eq!(post(JSON, body).await, problem(400, "malformed-json"), "{body}");
    }
    let long = format!("\"{}\"", "a".repeat(1000));
    assert_eq!(post(JSON, &long).await, problem(413, "body-too-large"));
}

#[tokio::test]
async fn every_answer_is_careful_and_has_an_id() {
    let address = start(AMPLE, ConnectionLimits::default()).await;
    for (line, status) in [
        ("GET /key", 200),
        ("GET /nothing", 404),
        ("GET /things/%FF", 404),
        ("GET /things/x", 404),
        ("DELETE /key", 405),
        ("GET /fail", 500),
    ] {
        let (got, head, _) = ask(address, line, "X-Request-ID: trace-1\r\n", "").await;
        assert_eq!(got, status, "{line}");
        for header in [
            "x-request-id: trace-1",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(head.contains(header), "{line}: {head}");
        }
        assert_eq!(head.contains("content-type: application/problem+json"), status != 200);
    }
    let (_, head, _) = ask(address, "GET /key", "X-Request-ID: a\r\nX-Request-ID: b\r\n", "").await;
    assert!(!head.contains("x-request-id: a\r\n") && !head.contains("x-request-id: b\r\n"));
}

#[tokio::test]
async fn what_failed_inside_is_not_told() {
    let address = start(AMPLE, ConnectionLimits::default()).await;
    let (status, _, problem) = ask(address, "GET /fail", "", "").await;
    assert_eq!(status, 500);
    let expected = json!({
        "type": "urn:attestry:problem:internal", "title": "The service failed", "status": 500,
    });
    assert_eq!(problem, expected);
}

#[tokio::test]
async fn an_idempotency_key_is_visible_and_given_once() {
    let address = start(AMPLE, ConnectionLimits::default()).await;
    let key = async |headers: &str| ask(address, "GET /key", headers, "").await;
    assert_eq!(key("Idempotency-Key: line-1\r\n").await.2, json!("line-1"));
    assert_eq!(key("").await.2, Value::Null);
    let long = format!("Idempotency-Key: {}\r\n", "a".repeat(256));
    let twice = "Idempotency-Key: a\r\nIdempotency-Key: a\r\n";
    for wrong in ["Idempotency-Key: \r\n", "Idempotency-Key: a b\r\n", &long, twice] {
        let (status, _, problem) = key(wrong).await;
        assert_eq!((status, &problem["field"]), (400, &json!("Idempotency-Key")), "{wrong}");
    }
}

#[tokio::test]
async fn whoever_is_slow_is_told_or_cut_off() {
    let connections =
        ConnectionLimits { header_time: SHORT, connections: 4, ..ConnectionLimits::default() };
    let limits = RequestLimits { time: SHORT * 4, body_time: SHORT, ..AMPLE };
    let address = start(limits, connections).await;
    let unfinished = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let answer = exchange(address, unfinished).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("timed-out"), "{answer}");
    let never = ask(address, "GET /never", "", "").await;
    assert_eq!((never.0, &never.2["type"]), (408, &json!("urn:attestry:problem:timed-out")));
    for unfinished in ["", "GET /key HTTP/1.1\r\nHost:"] {
        assert!(!exchange(address, unfinished).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(ask(address, "GET /key", "", "").await.0, 200);
}

#[tokio::test]
async fn a_header_has_a_size() {
    let address = start(AMPLE, ConnectionLimits::default()).await;
    let large = format!("X-Large: {}\r\n", "a".repeat(20_000));
    let many = "X-Many: a\r\n".repeat(200);
    for headers in [large, many] {
        let answer = exchange(address, &format!("GET /key HTTP/1.1\r\n{headers}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn metrics_count_by_route_and_tenant_and_name_nothing_that_was_sent() {
    let address = start(AMPLE, ConnectionLimits::default()).await;
    for line in ["GET /things/4711", "GET /t/texas/things/4711", "GET /secret", "SECRET /key"] {
        ask(address, line, "", "").await;
    }
    let answer =
        exchange(address, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"));
    for line in [
        r#"http_requests_total{method="GET",route="/things/{id}",status="2xx",tenant="default"} 1"#,
        r#"http_requests_total{method="GET",route="/things/{id}",status="2xx",tenant="texas"} 1"#,
        r#"http_requests_total{method="GET",route="none",status="4xx",tenant="default"} 1"#,
        r#"http_requests_total{method="other",route="/key",status="4xx",tenant="default"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="none""#,
        r#"attestry_things{tenant="texas"} 3"#,
        "process_start_time_seconds 1790000000",
    ] {
        assert!(answer.contains(line), "{line} is not in {answer}");
    }
    for sent in ["4711", "secret", "SECRET"] {
        assert!(!answer.contains(sent), "{answer}");
    }
}
