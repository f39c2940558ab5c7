//! What is sent, and what of an answer is taken.

use attestry_service::outbound::{Outbound, OutboundError};
use axum::http::header::{CONTENT_TYPE, HeaderName};

use super::listener::{Answers, Listener};
use super::{config, get, internal};

const LOOPBACK: &str = "127.0.0.1";

fn outbound(listener: &Listener) -> Outbound {
    Outbound::new(&config(internal(LOOPBACK, listener.port))).unwrap()
}

/// What becomes of an answer.
async fn taken(answers: Answers) -> Result<Vec<u8>, OutboundError> {
    let listener = Listener::start(answers).await;
    let taken = get(&outbound(&listener), LOOPBACK, listener.port).await;
    assert_eq!(listener.seen().len(), 1);
    taken
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit() {
    let of = |length: usize| -> &'static str {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        (head + &"a".repeat(length)).leak()
    };
    assert_eq!(taken(Answers::With(of(1000))).await.unwrap().len(), 1000);
    assert_eq!(taken(Answers::With(of(1001))).await, Err(OutboundError::TooLarge));
    let until_closed = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"a".repeat(1001);
    assert_eq!(taken(Answers::With(until_closed.leak())).await, Err(OutboundError::TooLarge));
}

#[tokio::test]
async fn a_body_without_end_is_left() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let endless = Answers::Endlessly(chunks, "4\r\naaaa\r\n");
    assert_eq!(taken(endless).await, Err(OutboundError::TooLarge));
    let plain = Answers::Endlessly("HTTP/1.1 200 OK\r\n\r\n", "aaaa");
    assert_eq!(taken(plain).await, Err(OutboundError::TooLarge));
    // A head without end is no HTTP.
    let head = Answers::Endlessly("HTTP/1.1 200 OK\r\n", "A: aaaaaaaaaaaaaaaa\r\n");
    assert_eq!(taken(head).await, Err(OutboundError::Broken));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\naaa",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\naaaa\r\n",
    ] {
        assert_eq!(taken(Answers::AndWaits(text)).await, Err(OutboundError::Timeout), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    for text in ["", "SSH-2.0-Server\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\naa"] {
        assert_eq!(taken(Answers::With(text)).await, Err(OutboundError::Broken), "{text}");
    }
}

#[tokio::test]
async fn nothing_is_decompressed() {
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n");
        assert_eq!(taken(Answers::With(head.leak())).await, Err(OutboundError::Encoded));
    }
    let identity = "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\nok";
    assert_eq!(taken(Answers::With(identity)).await.unwrap(), b"ok");
}

#[tokio::test]
async fn a_request_says_what_was_asked_for_and_no_more() {
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    let listener = Listener::start(Answers::With(answer)).await;
    let outbound = outbound(&listener);
    let url = format!("http://{LOOPBACK}:{}/hook?a=b", listener.port);
    let target = outbound.target(&url).unwrap();
    for _ in 0..2 {
        let headers = [(CONTENT_TYPE, "application/json")];
        let answer = outbound.post(&target, &headers, b"{}".to_vec()).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }
    let seen = listener.seen();
    assert_eq!(seen.len(), 2, "each request has a connection of its own");
    for request in seen {
        let mut lines: Vec<_> = request.split("\r\n").take_while(|line| !line.is_empty()).collect();
        assert_eq!(lines.remove(0), "POST /hook?a=b HTTP/1.1");
        lines.sort_unstable();
        let host = format!("host: {LOOPBACK}:{}", listener.port);
        assert_eq!(
            lines,
            [
                "accept-encoding: identity",
                "accept: */*",
                "content-length: 2",
                "content-type: application/json",
                &host,
                "user-agent: attestry",
            ]
        );
    }
}

#[tokio::test]
async fn a_header_cannot_bring_another() {
    let listener = Listener::start(Answers::With("HTTP/1.1 200 OK\r\n\r\n")).await;
    let outbound = outbound(&listener);
    let target = outbound.target(&format!("http://{LOOPBACK}:{}/", listener.port)).unwrap();
    let name = HeaderName::from_static("webhook-id");
    for value in ["a\r\nHost: other", "a\nb", "a\rb", "a\0b", "a\u{7f}"] {
        let sent = outbound.post(&target, &[(name.clone(), value)], Vec::new()).await;
        assert_eq!(sent.err(), Some(OutboundError::Header), "{value:?}");
    }
    assert_eq!(listener.seen(), [""; 0]);
}
