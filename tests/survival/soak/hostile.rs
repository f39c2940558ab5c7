//! Callers who do not speak HTTP as they should.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(base: &str) -> TcpStream {
    TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Requests with more than there may be in a header; each is refused or its connection closed.
pub(crate) async fn raw(base: &str, seed: &[u8]) {
    let requests: [&[u8]; 5] = [
        b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-request-id: a\rb\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\nZZ\r\n",
        b"POST /presentations HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ];
    let request = requests[usize::from(seed[0]) % requests.len()];
    let mut stream = connect(base).await;
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = Vec::new();
    // A reset is an answer, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
}

/// A caller who goes away in the middle of a body.
pub(crate) async fn cut_off(base: &str) {
    let mut stream = connect(base).await;
    let head = "POST /presentations/verify-batch HTTP/1.1\r\nhost: a\r\n\
                content-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n{\"request\":";
    stream.write_all(head.as_bytes()).await.unwrap();
}
