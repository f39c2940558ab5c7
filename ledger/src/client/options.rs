//! How a client waits, asks and decides.

use std::time::Duration;

/// Which state the contracts are read at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadAt {
    /// The latest block.
    #[default]
    Latest,
    /// The block that is [`ClientOptions::confirmations`] before the latest. The node must keep that block's state:
    /// where it does not, reading is an error, and nothing later is read in its place.
    Confirmed,
}

/// How long to wait, how much to ask for at once, and what counts.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// For one answer of a node.
    pub request_timeout: Duration,
    /// For a transaction to be sent, mined and confirmed. A transaction that was handed to a node by then may still
    /// be mined, and is looked after until it is.
    pub deadline: Duration,
    /// Bytes of one answer.
    pub max_answer_bytes: usize,
    /// Blocks that a log query asks for; fewer while the node refuses.
    pub log_page_blocks: u64,
    /// Blocks on top of a transaction's block before it counts. With 0 the receipt alone does.
    pub confirmations: u64,
    /// Which state is read.
    pub read_at: ReadAt,
    /// Blocks by which a node's latest block may fall back, as in a reorganisation, before the node is taken to be
    /// behind.
    pub max_fallback_blocks: u64,
    /// The chain's id; that of the first contact if not given. Nodes on another chain are refused.
    pub chain_id: Option<u64>,
    /// Endpoints that must give the same answer; more than half of them if not given.
    pub quorum: Option<usize>,
    /// For the endpoints to agree, as some see a block later than others.
    pub quorum_timeout: Duration,
    /// Transactions of one account that wait to be mined. More callers wait for their turn.
    pub queue: usize,
    /// How long a transaction stays unmined before the same bytes are sent again.
    pub resend_after: Duration,
    /// How long a transaction stays unmined before more is offered for its gas, where gas costs: longer than a few
    /// blocks take.
    pub reprice_after: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(60),
            max_answer_bytes: 32 << 20,
            log_page_blocks: 5_000,
            confirmations: 0,
            read_at: ReadAt::Latest,
            max_fallback_blocks: 64,
            chain_id: None,
            quorum: None,
            quorum_timeout: Duration::from_secs(10),
            queue: 64,
            resend_after: Duration::from_secs(5),
            reprice_after: Duration::from_secs(30),
        }
    }
}
