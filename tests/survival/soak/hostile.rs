//! Callers who do not speak HTTP as they should.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(base: &str) -> TcpStream {
    TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Requests that are not as they should be. Each is refused, or its connection is closed, or it is
/// answered as if what is wrong with it were not there; nothing of that comes back.
pub(crate) async fn raw(base: &str, seed: &[u8]) {
    let requests: [&[u8]; 5] = [
        b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-request-id: a\rset-cookie: evil\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\nZZ\r\n",
        b"POST /presentations HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a\r\n x-request-id: evil\r\n\r\n",
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
    let is_harmless = said.starts_with("HTTP/1.1 200") && said.ends_with(r#"{"status":"ok"}"#);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 400") || is_harmless, "{said}");
    assert!(!said.contains("evil"), "{said}");
}

/// A caller who goes away in the middle of a body.
pub(crate) async fn cut_off(base: &str) {
    let mut stream = connect(base).await;
    let head = "POST /presentations/verify-batch HTTP/1.1\r\nhost: a\r\n\
                content-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n{\"request\":";
    stream.write_all(head.as_bytes()).await.unwrap();
}
