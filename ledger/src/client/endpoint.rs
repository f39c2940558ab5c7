//! One node: every question has a time-out, and every answer comes from the chain that the client is on.

use super::ClientOptions;
use crate::LedgerError;
use crate::contracts::error_name;
use alloy::eips::BlockId;
use alloy::network::Ethereum;
use alloy::primitives::{B256, Bytes};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{Block, BlockNumberOrTag, TransactionRequest};
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A connection to one node, or to the embedded ledger.
#[derive(Clone)]
pub(super) struct Endpoint(Arc<Connection>);

struct Connection {
    provider: RootProvider<Ethereum>,
    timeout: Duration,
    max_fallback_blocks: u64,
    /// A ledger in this process cannot become another.
    remote: bool,
    highest: AtomicU64,
}

impl Endpoint {
    pub(super) fn new(client: RpcClient, remote: bool, options: &ClientOptions) -> Self {
        Self(Arc::new(Connection {
            provider: RootProvider::new(client),
            timeout: options.request_timeout,
            max_fallback_blocks: options.max_fallback_blocks,
            remote,
            highest: AtomicU64::new(0),
        }))
    }

    pub(super) fn provider(&self) -> &RootProvider<Ethereum> {
        &self.0.provider
    }

    /// The answer to a request, in time.
    pub(super) async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, LedgerError> {
        match tokio::time::timeout(self.0.timeout, request).await {
            Err(_) => Err(LedgerError::TimedOut(self.0.timeout)),
            Ok(answer) => answer.map_err(from_transport),
        }
    }

    pub(super) async fn chain_id(&self) -> Result<u64, LedgerError> {
        self.ask(self.provider().get_chain_id()).await
    }

    /// The latest block's number; an error if the node had far later ones.
    pub(super) async fn head(&self) -> Result<u64, LedgerError> {
        let head = self.ask(self.provider().get_block_number()).await?;
        let highest = self.0.highest.fetch_max(head, Ordering::Relaxed);
        if head.saturating_add(self.0.max_fallback_blocks) < highest {
            return Err(LedgerError::Behind { head, needed: highest });
        }
        Ok(head)
    }

    /// The answer to a request, from a node that is on the chain and has block `needed`.
    pub(super) async fn vouched<T>(
        &self,
        chain: u64,
        needed: u64,
        request: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, LedgerError> {
        if !self.0.remote {
            return self.ask(request).await;
        }
        let (found, head, answer) = tokio::join!(self.chain_id(), self.head(), self.ask(request));
        let (found, head) = (found?, head?);
        if found != chain {
            return Err(LedgerError::WrongChain { expected: chain, found });
        }
        if head < needed {
            return Err(LedgerError::Behind { head, needed });
        }
        answer
    }

    /// A block's header; `None` if there is no such block.
    pub(super) async fn block(
        &self,
        chain: u64,
        block: BlockNumberOrTag,
    ) -> Result<Option<Block>, LedgerError> {
        let request = self.provider().get_block_by_number(block).into_future();
        self.vouched(chain, 0, request).await
    }

    /// The result of a call on the state of a block.
    pub(super) async fn call(
        &self,
        chain: u64,
        request: TransactionRequest,
        at: BlockNumberOrTag,
    ) -> Result<Bytes, LedgerError> {
        let number = at.as_number();
        let call = self.provider().call(request).block(BlockId::Number(at)).into_future();
        match (self.vouched(chain, number.unwrap_or_default(), call).await, number) {
            (Err(LedgerError::Refused { message, .. }), Some(block)) => {
                Err(LedgerError::HistoryUnavailable { block, message })
            }
            (answer, _) => answer,
        }
    }

    /// Hands a signed transaction over.
    pub(super) async fn send(&self, raw: &[u8], hash: B256) -> Result<(), LedgerError> {
        let sent = self.ask(self.provider().send_raw_transaction(raw)).await?;
        match *sent.tx_hash() == hash {
            true => Ok(()),
            false => Err(LedgerError::Malformed("another transaction's hash")),
        }
    }

    /// Whether the node has a transaction, mined or not.
    pub(super) async fn knows(&self, hash: B256) -> Result<bool, LedgerError> {
        let found = self.ask(self.provider().get_transaction_by_hash(hash)).await?;
        Ok(found.is_some())
    }
}

fn from_transport(error: TransportError) -> LedgerError {
    match error {
        RpcError::ErrorResp(payload) => match payload.as_revert_data() {
            Some(data) => LedgerError::Reverted { name: error_name(&data) },
            None => {
                LedgerError::Refused { code: payload.code, message: payload.message.into_owned() }
            }
        },
        RpcError::Transport(TransportErrorKind::HttpError(http)) => {
            LedgerError::Refused { code: i64::from(http.status), message: "HTTP error".into() }
        }
        RpcError::Transport(_) => LedgerError::Unreachable,
        RpcError::NullResp => LedgerError::Malformed("an empty answer"),
        _ => LedgerError::Malformed("not JSON-RPC"),
    }
}
