//! The in-process transport: alloy talks to the embedded ledger without a socket.

use super::EmbeddedLedger;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use std::task::{Context, Poll};

/// An alloy transport that ends in an [`EmbeddedLedger`].
#[derive(Clone, Debug)]
pub struct EmbeddedTransport {
    ledger: EmbeddedLedger,
}

impl EmbeddedLedger {
    /// A transport for alloy's `RpcClient`.
    pub fn transport(&self) -> EmbeddedTransport {
        EmbeddedTransport { ledger: self.clone() }
    }
}

impl tower::Service<RequestPacket> for EmbeddedTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let ledger = self.ledger.clone();
        Box::pin(async move {
            let request = serde_json::to_vec(&packet).map_err(TransportError::ser_err)?;
            let answer = tokio::task::spawn_blocking(move || ledger.dispatch(&request))
                .await
                .map_err(TransportErrorKind::custom)?;
            serde_json::from_slice(&answer)
                .map_err(|error| TransportError::deser_err(error, String::from_utf8_lossy(&answer)))
        })
    }
}
