//! The in-process transport: alloy talks to the embedded ledger without a socket.

use super::EmbeddedLedger;
use super::jsonrpc::{Deadline, Fault};
use alloy::rpc::json_rpc::{
    ErrorPayload, RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest,
};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use serde_json::value::{RawValue, to_raw_value};
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

    fn respond(&self, request: &SerializedRequest) -> serde_json::Result<Response> {
        let params = request.params().map(RawValue::get).unwrap_or_default();
        let payload = match self.call(request.method(), params, Deadline::default()) {
            Ok(result) => ResponsePayload::Success(RawValue::from_string(result)?),
            Err(Fault { code, message, data }) => {
                let data = data.map(|data| to_raw_value(&data)).transpose()?;
                ResponsePayload::Failure(ErrorPayload { code, message, data })
            }
        };
        Ok(Response { id: request.id().clone(), payload })
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
        let work = move || match packet {
            RequestPacket::Single(request) => ledger.respond(&request).map(ResponsePacket::Single),
            RequestPacket::Batch(requests) => {
                let responses = requests.iter().map(|request| ledger.respond(request));
                responses.collect::<Result<Vec<_>, _>>().map(ResponsePacket::Batch)
            }
        };
        Box::pin(async move {
            let answered = tokio::task::spawn_blocking(work);
            answered.await.map_err(TransportErrorKind::custom)?.map_err(TransportError::ser_err)
        })
    }
}
