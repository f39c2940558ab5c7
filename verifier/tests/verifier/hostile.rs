//! Clients that mean harm, over raw connections: bodies that do not arrive or become larger than
//! they say, values that want to be headers, and requests that are passed on in another's name.

use std::time::Duration;

use attestry_credential::presentation::PresentationRequest;
use attestry_service::http::{ConnectionLimits, RequestLimits};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{Service, form_of, named, problem, state_of, which_state};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const LINES: &str = "application/x-ndjson";
/// Connections that may be open at a time.
const PLACES: usize = 48;

/// A service with little patience.
async fn impatient() -> Service {
    Service::hosted(|served| {
        let short = Duration::from_millis(300);
        served.hosting.connections = ConnectionLimits {
            header_time: short,
            connections: PLACES,
            ..served.hosting.connections
        };
        served.hosting.requests =
            RequestLimits { time: 10 * short, body_time: short, ..served.hosting.requests };
    })
    .await
}

/// The head of a request, and what of its body is sent with it.
fn post(path: &str, kind: &str, length: usize, headers: &str, begun: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n{headers}\r\n{begun}"
    )
}

async fn connect(service: &Service, text: &str) -> TcpStream {
    let address = service.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is refused may be cut off before all is sent.
    let _ = stream.write_all(text.as_bytes()).await;
    stream
}

/// All that comes back until the connection ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn exchange(service: &Service, text: &str) -> String {
    rest(connect(service, text).await).await
}

/// The status of the one answer that came back, or none if there was none.
fn status(answer: &str) -> Option<u16> {
    let line = answer.strip_prefix("HTTP/1.1 ")?;
    assert!(!line.contains("HTTP/1.1 "), "more than one answer: {answer}");
    Some(line[..3].parse().unwrap())
}

/// Sends a byte at a time until it is cut off; what came back.
async fn drip(mut stream: TcpStream, byte: &'static [u8]) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        tokio::select! {
            read = stream.read(&mut part) => match read {
                Ok(read) if read > 0 => answer.extend_from_slice(&part[..read]),
                _ => return String::from_utf8_lossy(&answer).into_owned(),
            },
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                // Who has been answered may go on sending to nobody.
                let _ = stream.write_all(byte).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_a_body_slowly_is_cut_off_and_holds_up_nobody() {
    let service = impatient().await;
    let session = state_of("TX").to_string();
    let (id, request) = service.open(&state_of("TX")).await;
    let answer = service.world.answer(&service.world.nurse(4), &request).await;
    let respond = format!("/oid4vp/responses/{}", request.request_id);
    let mut slow = Vec::new();
    for (path, kind, begun) in [
        ("/presentations", JSON, &session[..session.len() - 1]),
        ("/presentations/verify", JSON, "{"),
        ("/presentations/verify-batch", LINES, "{\"request\":"),
        ("/withdrawals", JSON, ""),
        (&respond, FORM, "vp_token="),
    ] {
        for byte in [None, Some(b" ".as_slice())] {
            for _ in 0..4 {
                let stream = connect(&service, &post(path, kind, 100_000, "", begun)).await;
                slow.push(tokio::spawn(async move {
                    match byte {
                        None => rest(stream).await,
                        Some(byte) => drip(stream, byte).await,
                    }
                }));
            }
        }
    }
    // All places but a few are taken by those.
    assert!(PLACES - slow.len() < 10);
    assert_eq!(service.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(service.answer(&request, &answer).await.status(), StatusCode::OK);
    let (other, _) = service.open(&state_of("TX")).await;

    let mut cut = 0;
    for slow in slow {
        let answer = slow.await.unwrap();
        match status(&answer) {
            // A file whose first line does not arrive is unreadable.
            None | Some(400) => assert!(answer.is_empty() || answer.contains("body-unreadable")),
            Some(408) => cut += usize::from(answer.contains(&named("timed-out"))),
            Some(_) => panic!("{answer}"),
        }
    }
    assert!(cut > 20, "only {cut} were told");
    for (id, expected) in [(id, "accepted"), (other, "pending")] {
        let outcome: Value =
            service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
        assert_eq!(outcome["status"], expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stops_in_its_middle_is_answered_as_far_as_it_came() {
    let service = impatient().await;
    let (_, request) = service.open(&which_state()).await;
    let answer = service.world.answer(&service.world.nurse(4), &request).await;
    let header = json!({ "request": request });
    let line = json!({ "id": "a", "presentation": answer });
    let begun = format!("{header}\n{line}\n{{\"id\":");
    let path = "/presentations/verify-batch";
    let told = exchange(&service, &post(path, LINES, 1_000_000, "", &begun)).await;
    assert_eq!(status(&told), Some(200), "{told}");
    assert!(told.contains("\"verified\":true"), "{told}");
    assert!(told.contains(&named("body-unreadable")), "{told}");
    assert!(told.contains("\"checked\":1"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compressed_is_refused_unread() {
    let service = Service::new().await;
    let (id, request) = service.open(&state_of("TX")).await;
    let respond = format!("/oid4vp/responses/{}", request.request_id);
    let routes = [
        ("/presentations", JSON),
        ("/presentations/verify", JSON),
        ("/credentials/verify", JSON),
        ("/presentations/verify-batch", LINES),
        ("/policies", JSON),
        ("/withdrawals", JSON),
        (&respond, FORM),
    ];
    // Nothing of any of these bodies is sent: whoever wanted to read it would wait for it.
    for (path, kind) in routes {
        for coding in ["gzip", "br", "deflate, gzip", "identity, gzip", "GZIP"] {
            let headers = format!("Content-Encoding: {coding}\r\n");
            let told = exchange(&service, &post(path, kind, 1_000, &headers, "")).await;
            assert_eq!(status(&told), Some(415), "{path} {coding}: {told}");
            assert!(told.contains(&named("unsupported-media-type")), "{told}");
        }
    }
    let twice = "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n";
    let told = exchange(&service, &post("/presentations", JSON, 1_000, twice, "")).await;
    assert_eq!(status(&told), Some(415), "{told}");
    let body = state_of("TX").to_string();
    let plain = post("/presentations", JSON, body.len(), "Content-Encoding: identity\r\n", &body);
    assert_eq!(status(&exchange(&service, &plain).await), Some(201));
    let outcome: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(outcome["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_becomes_a_header_or_a_host() {
    let service = Service::new().await;
    // What a server along the way could take for the end of a line is no header value.
    for ending in ["\r", "\0", "\n Injected: x", "\r\n Injected: x"] {
        let text = format!(
            "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-ID: a{ending}b\r\n\r\n"
        );
        let told = exchange(&service, &text).await;
        assert!(!told.to_lowercase().contains("injected"), "{told}");
        assert!(matches!(status(&told), None | Some(200 | 400)), "{told}");
        assert!(!told.contains("x-request-id: ab") && !told.contains("x-request-id: a\r"));
    }
    // Encoded line ends in paths and parameters stay where they are.
    let split = "%0d%0aSet-Cookie:%20a=b";
    for path in [
        format!("/presentations/{split}"),
        format!("/presentations/{split}/qr.svg"),
        format!("/policies/{split}"),
        format!("/policies/{split}/versions"),
        format!("/studies/{split}/export?format=csv"),
        format!("/studies/{split}/export?format={split}"),
        format!("/policies?after={split}"),
        format!("/oid4vp/requests/{split}"),
        format!("/{split}"),
    ] {
        let answer = service.get(&path).await;
        assert!(!answer.headers().contains_key("set-cookie"), "{path}");
        let quoted = answer.headers().values().any(|value| value.as_bytes().ends_with(b"a=b"));
        assert!(!quoted, "{path}");
    }
    // A redirect is a URL that carries its code and nothing that was not in it.
    for redirect in ["https://a.example/\r\nX: y", "https://a.example/\u{0}", "//a.example/"] {
        let mut body = which_state();
        body["redirect_uri"] = json!(redirect);
        let refused = service.post("/presentations", body.to_string()).await;
        assert_eq!(problem(refused).await.0, StatusCode::BAD_REQUEST, "{redirect:?}");
    }
    let mut body = which_state();
    body["redirect_uri"] = json!("https://a.example/%0d%0aX:%20y?b=%0a");
    let (_, request) = service.open(&body).await;
    let answer = service.world.answer(&service.world.nurse(4), &request).await;
    let told: Value = service.answer(&request, &answer).await.json().await.unwrap();
    let redirect = told["redirect_uri"].as_str().unwrap();
    let before = "https://a.example/%0d%0aX:%20y?b=%0a&response_code=";
    let code = redirect.strip_prefix(before).unwrap();
    assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{redirect}");

    // Where a session is does not depend on what the caller calls the service.
    let asked = service.client.post(format!("{}/presentations", service.base));
    let asked = asked.header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let asked = asked.header("forwarded", "host=evil.example").json(&state_of("TX"));
    let opened = asked.send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::CREATED);
    assert!(opened.headers()["location"].to_str().unwrap().starts_with("/presentations/"));
    let opened = opened.text().await.unwrap();
    assert!(opened.contains(&service.base) && !opened.contains("evil"), "{opened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_request_that_another_passed_on_as_its_own_is_refused() {
    let service = Service::new().await;
    let another = "did:ethr:embedded:0x00000000000000000000000000000000000000c2";
    let as_another: [fn(&mut PresentationRequest, &str); 4] = [
        // Another verifier asks with our challenge and posts to us what it gets.
        |request, another| request.client_id = another.parse().unwrap(),
        |request, another| {
            request.client_id = another.parse().unwrap();
            request.response_uri = "https://evil.example/responses/1".parse().unwrap();
        },
        // Somebody has the wallet answer elsewhere, and passes the answer on.
        |request, _| request.response_uri = "https://evil.example/responses/1".parse().unwrap(),
        // The challenge is that of another verifier's session.
        |request, _| request.nonce = "00112233445566778899aabbccddeeff".parse().unwrap(),
    ];
    for (number, change) in as_another.into_iter().enumerate() {
        let mut body = which_state();
        body["epoch"] = json!(number);
        let (id, request) = service.open(&body).await;
        let mut theirs = request.clone();
        change(&mut theirs, another);
        let answer = service.world.answer(&service.world.nurse(4), &theirs).await;
        let uri = request.response_uri.as_str();
        let (status, refused) = problem(service.post_form(uri, form_of(&answer)).await).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{number}: {refused}");
        let expected = if number < 2 { "altered" } else { "wrong-challenge" };
        assert_eq!(refused["type"], named(expected), "{number}");
        let outcome = service.get(&format!("/presentations/{id}")).await;
        let outcome: Value = outcome.json().await.unwrap();
        assert_eq!((&outcome["status"], &outcome["disclosed"]), (&json!("refused"), &Value::Null));
    }
}
