//! One client for any EVM ledger. The URL decides which.

mod backoff;
mod deployment;
mod endpoint;
mod evidence;
mod follow;
mod governance;
mod http;
mod logs;
mod options;
mod outbox;
mod presentation;
mod quorum;
mod rebuild;
mod registry;
mod sender;
mod settle;
mod transaction;
mod url;

pub use deployment::Deployment;
pub use evidence::{AnchoredBatch, EvidenceBatch, EvidenceRecord};
pub use follow::{BlockSeen, NewBlocks, RegistryHistory, RegistryNews, RootStanding};
pub use governance::ProposalId;
pub use options::{ClientOptions, ReadAt};
pub use outbox::{FileOutbox, MemoryOutbox, Outbox, OutboxEntry, OutboxState};
pub use presentation::{LedgerPolicy, NullifierStatus, PolicyId};
pub use rebuild::RegistrySnapshot;
pub use registry::{Accreditation, Entry, EntryIndex, EntryState, RegistryClient, RootRecord};
pub use url::LedgerUrl;

use crate::LedgerError;
use crate::embedded::{Clock, EmbeddedLedger};
use alloy::primitives::{Address, Bytes};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{BlockNumberOrTag, Filter, Log, TransactionRequest};
use alloy::sol_types::SolCall;
use endpoint::Endpoint;
use quorum::Nodes;
use sender::Senders;
use std::sync::Arc;

/// A connection to a ledger, through one endpoint or several. Clones share it, and with it the nonces of each account.
#[derive(Clone)]
pub struct LedgerClient {
    nodes: Arc<Nodes>,
    senders: Arc<Senders>,
    idempotency: Option<Arc<[u8]>>,
}

impl std::fmt::Debug for LedgerClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerClient").field("options", &self.nodes.options).finish_non_exhaustive()
    }
}

impl LedgerClient {
    /// Connects. The clock is used by an embedded ledger only; a node has its own.
    ///
    /// # Errors
    /// Those of [`EmbeddedLedger::open`] and of [`LedgerClient::nodes`]. A node is not contacted yet.
    pub fn connect(
        url: &LedgerUrl,
        clock: impl Clock,
        options: ClientOptions,
    ) -> Result<Self, LedgerError> {
        match url {
            LedgerUrl::Embedded(path) => {
                Ok(Self::embedded(&EmbeddedLedger::open(path, clock)?, options))
            }
            LedgerUrl::Http(urls) => Self::nodes(urls, options),
        }
    }

    /// A client of an embedded ledger that is open in this process. It is one endpoint, whatever quorum is asked for.
    pub fn embedded(ledger: &EmbeddedLedger, options: ClientOptions) -> Self {
        let options = ClientOptions { quorum: None, ..options };
        let client = RpcClient::new(ledger.transport(), true);
        Self::over(vec![Endpoint::new(client, false, &options)], options)
    }

    /// A client of one node. It is not contacted yet.
    ///
    /// # Errors
    /// [`LedgerError::InvalidUrl`].
    pub fn http(url: &str, options: ClientOptions) -> Result<Self, LedgerError> {
        Self::nodes(&[url], options)
    }

    /// A client of the nodes of one chain, of which [`ClientOptions::quorum`] must agree. None is contacted yet.
    ///
    /// # Errors
    /// [`LedgerError::InvalidUrl`], also for no URL, or fewer than the quorum.
    pub fn nodes<U: AsRef<str>>(urls: &[U], options: ClientOptions) -> Result<Self, LedgerError> {
        if urls.is_empty() || options.quorum.is_some_and(|quorum| quorum > urls.len()) {
            return Err(LedgerError::InvalidUrl);
        }
        let endpoints = urls.iter().map(|url| {
            let url = url::parse(url.as_ref())?;
            let transport = http::HttpTransport::new(url, options.max_answer_bytes)?;
            Ok(Endpoint::new(RpcClient::new(transport, false), true, &options))
        });
        Ok(Self::over(endpoints.collect::<Result<_, LedgerError>>()?, options))
    }

    fn over(endpoints: Vec<Endpoint>, options: ClientOptions) -> Self {
        let senders = Senders::new(Arc::new(MemoryOutbox::default()), options.queue);
        Self {
            nodes: Arc::new(Nodes::new(endpoints, options)),
            senders: Arc::new(senders),
            idempotency: None,
        }
    }

    /// The same connection with another outbox, which survives this process if it is a [`FileOutbox`]. A client starts
    /// with a [`MemoryOutbox`].
    #[must_use]
    pub fn with_outbox(self, outbox: Arc<dyn Outbox>) -> Self {
        let senders = Senders::new(outbox, self.nodes.options.queue);
        Self { senders: Arc::new(senders), ..self }
    }

    /// The same connection for one act that is done once, however often it is asked for with this key. An account's
    /// act with a key that it has used gives the transaction and the outcome of the first time; another act with that
    /// key is [`LedgerError::IdempotencyKeyReused`]. The outbox keeps the keys.
    #[must_use]
    pub fn idempotent(&self, key: &[u8]) -> Self {
        Self { idempotency: Some(key.into()), ..self.clone() }
    }

    /// The chain's id: the one given, or that of the first contact.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`], [`LedgerError::TimedOut`], [`LedgerError::Refused`], [`LedgerError::Malformed`];
    /// [`LedgerError::NoQuorum`] of several endpoints.
    pub async fn chain_id(&self) -> Result<u64, LedgerError> {
        self.nodes.chain().await
    }

    /// The number of the block that is read: the latest that enough endpoints have, or an earlier one as
    /// [`ClientOptions::read_at`] says.
    ///
    /// # Errors
    /// As [`LedgerClient::chain_id`], with [`LedgerError::WrongChain`] and [`LedgerError::Behind`].
    pub async fn block_number(&self) -> Result<u64, LedgerError> {
        let chain = self.nodes.chain().await?;
        let head = self.nodes.reached(|node| async move {
            node.vouched(chain, 0, std::future::ready(Ok(()))).await?;
            node.head().await
        });
        let options = &self.nodes.options;
        Ok(match options.read_at {
            ReadAt::Latest => head.await?,
            ReadAt::Confirmed => head.await?.saturating_sub(options.confirmations),
        })
    }

    /// The time of the block that is read, Unix seconds.
    ///
    /// # Errors
    /// As [`LedgerClient::block_number`].
    pub async fn block_time(&self) -> Result<u64, LedgerError> {
        let chain = self.nodes.chain().await?;
        let block = self.read_block().await?;
        let time = self.nodes.reached(|node| async move { node.time_of(chain, block).await });
        time.await
    }

    pub(crate) async fn time_of(&self, block: BlockNumberOrTag) -> Result<u64, LedgerError> {
        let chain = self.nodes.chain().await?;
        self.nodes.agreed(|node| async move { node.time_of(chain, block).await }).await
    }

    /// A block's name and time; `None` if there is no such block.
    pub(crate) async fn block_seen(&self, number: u64) -> Result<Option<BlockSeen>, LedgerError> {
        let chain = self.nodes.chain().await?;
        let found = self.nodes.agreed(|node| async move {
            let block = node.block(chain, number.into()).await?;
            Ok(block.map(|block| BlockSeen {
                number,
                hash: block.header.hash.0,
                time: block.header.timestamp,
            }))
        });
        found.await
    }

    /// Calls a view function on the state that is read.
    pub(crate) async fn read<C: SolCall>(
        &self,
        to: Address,
        call: C,
    ) -> Result<C::Return, LedgerError> {
        let request =
            TransactionRequest::default().to(to).input(Bytes::from(call.abi_encode()).into());
        let answer = self.call(request, self.read_block().await?).await?;
        C::abi_decode_returns(&answer).map_err(|_| LedgerError::Malformed("the call's result"))
    }

    async fn call(
        &self,
        request: TransactionRequest,
        at: BlockNumberOrTag,
    ) -> Result<Bytes, LedgerError> {
        let chain = self.nodes.chain().await?;
        let answer = self.nodes.agreed(|node| {
            let request = request.clone();
            async move { node.call(chain, request, at).await }
        });
        answer.await
    }

    async fn read_block(&self) -> Result<BlockNumberOrTag, LedgerError> {
        Ok(match self.nodes.options.read_at {
            ReadAt::Latest => BlockNumberOrTag::Latest,
            ReadAt::Confirmed => self.block_number().await?.into(),
        })
    }

    /// Logs that match, of all blocks from one to another, in order.
    pub(crate) async fn logs(
        &self,
        filter: &Filter,
        from: u64,
        to: u64,
    ) -> Result<Vec<Log>, LedgerError> {
        let chain = self.nodes.chain().await?;
        let page = self.nodes.options.log_page_blocks;
        let logs = self.nodes.agreed(|node| {
            let filter = filter.clone();
            async move { node.logs(chain, &filter, (from, to), page).await }
        });
        logs.await
    }
}

impl Endpoint {
    async fn time_of(&self, chain: u64, block: BlockNumberOrTag) -> Result<u64, LedgerError> {
        let block = self.block(chain, block).await?;
        Ok(block.ok_or(LedgerError::Malformed("a block is missing"))?.header.timestamp)
    }
}
