//! The HTTP transport: no redirects, answers of limited size, and each to its own request.

use crate::LedgerError;
use alloy::rpc::json_rpc::{Id, RequestPacket, Response, ResponsePacket};
use alloy::transports::http::reqwest::{self, Client, Url, header, redirect};
use alloy::transports::{RpcError, TransportError, TransportErrorKind, TransportFut};
use std::task::{Context, Poll};

/// Statuses of a node that does not judge the request.
const OVERLOADED: [u16; 5] = [408, 429, 502, 503, 504];

/// An alloy transport to one node.
#[derive(Clone)]
pub(super) struct HttpTransport {
    client: Client,
    url: Url,
    max_answer_bytes: usize,
}

impl HttpTransport {
    pub(super) fn new(url: Url, max_answer_bytes: usize) -> Result<Self, LedgerError> {
        // A node that sends elsewhere is not the node that was named.
        let client = Client::builder().redirect(redirect::Policy::none()).build();
        let client = client.map_err(|_| LedgerError::Unreachable)?;
        Ok(Self { client, url, max_answer_bytes })
    }

    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let request = packet.as_single().ok_or_else(|| RpcError::local_usage_str("a batch"))?;
        let sent = self
            .client
            .post(self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(request.serialized().get().to_owned())
            .send();
        let mut answer = sent.await.map_err(TransportErrorKind::custom)?;
        let status = answer.status();
        let body = read(&mut answer, self.max_answer_bytes).await?;
        match understand(&body, request.id()) {
            // Some nodes report the errors of a call with a status other than 200.
            Ok(packet) if status.is_success() => Ok(packet),
            Ok(packet) if packet.is_error() && !OVERLOADED.contains(&status.as_u16()) => Ok(packet),
            Err(error) if status.is_success() => Err(error),
            _ => Err(TransportErrorKind::http_error(status.as_u16(), String::new())),
        }
    }
}

async fn read(answer: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(TransportErrorKind::custom)? {
        if body.len() + chunk.len() > limit {
            return Err(RpcError::local_usage_str("the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn understand(body: &[u8], asked: &Id) -> Result<ResponsePacket, TransportError> {
    let answer: Response = serde_json::from_slice(body)
        .map_err(|error| TransportError::deser_err(error, String::new()))?;
    // An error may come without an id: the node did not get as far as to read it.
    if answer.id == *asked || (answer.id == Id::None && answer.payload.is_error()) {
        Ok(ResponsePacket::Single(answer))
    } else {
        Err(RpcError::local_usage_str("an answer to another request"))
    }
}

impl tower::Service<RequestPacket> for HttpTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(packet))
    }
}
