//! One client for any EVM ledger. The URL decides which.

mod deployment;
mod evidence;
mod governance;
mod presentation;
mod rebuild;
mod registry;
mod sender;

pub use deployment::Deployment;
pub use evidence::{EvidenceBatch, EvidenceRecord};
pub use governance::ProposalId;
pub use presentation::{LedgerPolicy, NullifierStatus, PolicyId};
pub use rebuild::RegistrySnapshot;
pub use registry::{Accreditation, Entry, EntryIndex, EntryState, RegistryClient, RootRecord};

use crate::LedgerError;
use crate::contracts::error_name;
use crate::embedded::{Clock, EmbeddedLedger};
use alloy::network::Ethereum;
use alloy::primitives::{Address, Bytes};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{BlockNumberOrTag, Filter, Log, TransactionRequest};
use alloy::sol_types::SolCall;
use alloy::transports::http::reqwest::Url;
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerUrl {
    /// `embedded:PATH`: in this process, in that folder.
    Embedded(PathBuf),
    /// `http://…` or `https://…`: the JSON-RPC of a node.
    Http(String),
}

impl FromStr for LedgerUrl {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        if let Some(path) = text.strip_prefix("embedded:").filter(|path| !path.is_empty()) {
            return Ok(Self::Embedded(path.into()));
        }
        let url = Url::parse(text).map_err(|_| LedgerError::InvalidUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(LedgerError::InvalidUrl);
        }
        Ok(Self::Http(text.to_owned()))
    }
}

impl std::fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Self::Http(url) => f.write_str(url),
        }
    }
}

/// How long to wait and how much to ask for at once.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// For one answer of the node.
    pub request_timeout: Duration,
    /// For a transaction to be mined.
    pub receipt_timeout: Duration,
    /// Blocks a log query asks for; halved when the node refuses.
    pub log_page_blocks: u64,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            receipt_timeout: Duration::from_secs(60),
            log_page_blocks: 5_000,
        }
    }
}

/// A connection to a ledger. Clones share it, and with it the nonces of each account.
#[derive(Clone)]
pub struct LedgerClient {
    provider: RootProvider<Ethereum>,
    options: ClientOptions,
    senders: Arc<Mutex<HashMap<Address, Arc<sender::Sender>>>>,
}

impl std::fmt::Debug for LedgerClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerClient").field("options", &self.options).finish_non_exhaustive()
    }
}

impl LedgerClient {
    /// Connects. The clock is used by an embedded ledger only; a node has its own.
    ///
    /// # Errors
    /// Those of [`EmbeddedLedger::open`]; [`LedgerError::InvalidUrl`]. A node is not contacted yet.
    pub fn connect(
        url: &LedgerUrl,
        clock: impl Clock,
        options: ClientOptions,
    ) -> Result<Self, LedgerError> {
        match url {
            LedgerUrl::Embedded(path) => {
                Ok(Self::embedded(&EmbeddedLedger::open(path, clock)?, options))
            }
            LedgerUrl::Http(url) => Self::http(url, options),
        }
    }

    /// A client of an embedded ledger that is open in this process.
    pub fn embedded(ledger: &EmbeddedLedger, options: ClientOptions) -> Self {
        Self::over(RpcClient::new(ledger.transport(), true), options)
    }

    /// A client of a node. The node is not contacted yet.
    ///
    /// # Errors
    /// [`LedgerError::InvalidUrl`].
    pub fn http(url: &str, options: ClientOptions) -> Result<Self, LedgerError> {
        let url = Url::parse(url).map_err(|_| LedgerError::InvalidUrl)?;
        Ok(Self::over(RpcClient::new_http(url), options))
    }

    fn over(client: RpcClient, options: ClientOptions) -> Self {
        Self { provider: RootProvider::new(client), options, senders: Arc::default() }
    }

    /// The chain's id.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`], [`LedgerError::TimedOut`], [`LedgerError::Refused`].
    pub async fn chain_id(&self) -> Result<u64, LedgerError> {
        self.within(self.provider.get_chain_id()).await
    }

    /// The latest block's number.
    ///
    /// # Errors
    /// As [`LedgerClient::chain_id`].
    pub async fn block_number(&self) -> Result<u64, LedgerError> {
        self.within(self.provider.get_block_number()).await
    }

    /// The latest block's time, Unix seconds.
    ///
    /// # Errors
    /// As [`LedgerClient::chain_id`].
    pub async fn block_time(&self) -> Result<u64, LedgerError> {
        self.time_of(BlockNumberOrTag::Latest).await
    }

    pub(crate) async fn time_of(&self, block: BlockNumberOrTag) -> Result<u64, LedgerError> {
        let block = self.within(self.provider.get_block_by_number(block).into_future()).await?;
        Ok(block.ok_or(LedgerError::Malformed("a block is missing"))?.header.timestamp)
    }

    /// Calls a view function on the latest state.
    pub(crate) async fn read<C: SolCall>(
        &self,
        to: Address,
        call: C,
    ) -> Result<C::Return, LedgerError> {
        let request =
            TransactionRequest::default().to(to).input(Bytes::from(call.abi_encode()).into());
        let answer = self.within(self.provider.call(request).into_future()).await?;
        C::abi_decode_returns(&answer).map_err(|_| LedgerError::Malformed("the call's result"))
    }

    /// Logs that match, from a block to the latest one known when this was called, page by page.
    pub(crate) async fn logs(
        &self,
        filter: &Filter,
        from: u64,
        to: u64,
    ) -> Result<Vec<Log>, LedgerError> {
        let mut found = Vec::new();
        let mut start = from;
        let mut page = self.options.log_page_blocks.max(1);
        while start <= to {
            let end = to.min(start.saturating_add(page - 1));
            let query = filter.clone().from_block(start).to_block(end);
            match self.within(self.provider.get_logs(&query)).await {
                Ok(logs) => {
                    found.extend(logs);
                    start = end + 1;
                }
                // Nodes limit the range or the count, and say so each in its own words.
                Err(LedgerError::Refused { .. }) if page > 1 => {
                    page = page.min(end - start + 1).div_ceil(2)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    pub(crate) async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, LedgerError> {
        match tokio::time::timeout(self.options.request_timeout, request).await {
            Err(_) => Err(LedgerError::TimedOut(self.options.request_timeout)),
            Ok(answer) => answer.map_err(from_transport),
        }
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
