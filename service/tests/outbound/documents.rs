//! Documents of listed hosts.

use attestry_service::outbound::{
    DocumentError, Documents, HostRule, OutboundConfig, OutboundError, Rule,
};
use serde_json::json;

use super::config;
use super::listener::{Answers, Listener};

const NOW: u64 = 1_800_000_000;
const DOCUMENT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"id\": \"ab\"}";

fn listed(listener: &Listener) -> Documents {
    let host = "localhost".to_owned();
    let rule = HostRule { host, ports: [listener.port].into(), http: true, internal: true };
    Documents::new(&config(rule)).unwrap()
}

fn url(listener: &Listener) -> String {
    format!("https://localhost:{}/.well-known/did.json", listener.port)
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_not_asked() {
    let listener = Listener::start(Answers::With(DOCUMENT)).await;
    let nobody = Documents::new(&OutboundConfig::default()).unwrap();
    let elsewhere = HostRule { host: "other.example".to_owned(), ..HostRule::default() };
    let elsewhere = Documents::new(&config(elsewhere)).unwrap();
    for documents in [nobody, elsewhere] {
        for url in [url(&listener), format!("http://127.0.0.1:{}/", listener.port)] {
            let refused = Err(DocumentError::Refused(Rule::NotListed));
            assert_eq!(documents.get(&url, NOW).await, refused);
        }
    }
    assert_eq!(listener.seen(), [""; 0]);
}

#[tokio::test]
async fn a_document_of_a_listed_host_is_fetched_once_for_a_while() {
    let listener = Listener::start(Answers::With(DOCUMENT)).await;
    let documents = listed(&listener);
    for now in [NOW, NOW + 1, NOW + 299] {
        let document = documents.clone().get(&url(&listener), now).await.unwrap();
        assert_eq!(*document, json!({ "id": "ab" }));
    }
    assert_eq!(listener.seen().len(), 1);
    documents.get(&url(&listener), NOW + 300).await.unwrap();
    assert_eq!(listener.seen().len(), 2);
}

#[tokio::test]
async fn what_is_no_document_is_not_asked_for_again_at_once() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let large = format!("{head}\"{}\"", "a".repeat(128 * 1024)).leak();
    let deep = format!("{head}{}", "[".repeat(100_000)).leak();
    let twice = format!("{head}{{\"id\": 1, \"id\": 2}}").leak();
    for (answer, expected) in [
        (&*large, DocumentError::Away(OutboundError::TooLarge)),
        (deep, DocumentError::NotJson),
        (twice, DocumentError::NotJson),
        ("HTTP/1.1 200 OK\r\n\r\n<html>", DocumentError::NotJson),
        ("HTTP/1.1 404 Not Found\r\n\r\n{}", DocumentError::Status),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n{}", DocumentError::Status),
    ] {
        let listener = Listener::start(Answers::With(answer)).await;
        let documents = listed(&listener);
        for now in [NOW, NOW + 29] {
            assert_eq!(documents.get(&url(&listener), now).await, Err(expected));
        }
        assert_eq!(listener.seen().len(), 1);
        assert_eq!(documents.get(&url(&listener), NOW + 30).await, Err(expected));
        assert_eq!(listener.seen().len(), 2);
    }
}
