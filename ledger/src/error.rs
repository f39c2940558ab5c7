//! What can go wrong between this process and the ledger.

use std::time::Duration;

/// An error of the ledger, its client or its embedded form. None carries an attribute value.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL is neither `embedded:PATH` nor `http(s)://…`, or a list of the latter.
    #[error("the ledger URL must be embedded:PATH, or http(s)://… once or more, between commas")]
    InvalidUrl,
    /// Nobody answers there, or the connection broke.
    #[error("the ledger cannot be reached")]
    Unreachable,
    /// No answer in time. A transaction may still be mined later.
    #[error("the ledger did not answer within {0:?}")]
    TimedOut(Duration),
    /// The ledger is open in another process, which has to serve it.
    #[error("the embedded ledger is in use by another process: use that one's URL instead")]
    AlreadyOpen,
    /// The store of the embedded ledger failed.
    #[error("the embedded ledger's store failed: {0}")]
    Storage(String),
    /// The embedded ledger's file was changed by something else than this software.
    #[error("the embedded ledger's file is damaged: {0}")]
    Corrupt(String),
    /// A store was written by another version of this software.
    #[error("the store has format {found}, this software reads {expected}")]
    Format {
        /// The format that the store names.
        found: u64,
        /// The format that this software reads.
        expected: u64,
    },
    /// A contract refused the call.
    #[error("a contract refused the call: {name}")]
    Reverted {
        /// Name of the contract's error, its reason text, or `unknown`.
        name: String,
    },
    /// The node refused the request.
    #[error("the node refused the request (code {code}): {message}")]
    Refused {
        /// JSON-RPC error code.
        code: i64,
        /// The node's text.
        message: String,
    },
    /// An answer that does not say what it should.
    #[error("the ledger gave an answer that cannot be used: {0}")]
    Malformed(&'static str),
    /// The address does not hold a deployment of our contracts.
    #[error("no deployment is found at that address: {0}")]
    NotADeployment(&'static str),
    /// The tree that the events give has another root than the contract.
    #[error("the registry rebuilt from events has another root than the contract")]
    RootMismatch,
    /// The list that the events give has another root than the entry.
    #[error("the status list of entry {index} rebuilt from events has another root than the entry")]
    StatusRootMismatch {
        /// The entry.
        index: u32,
    },
    /// Status flips that no list can have.
    #[error("status flips must be unique indices below the list size, at least one")]
    InvalidFlips,
    /// A key that is not 32 bytes of a valid secp256k1 scalar.
    #[error("the account key is not a valid secp256k1 key")]
    InvalidAccountKey,
    /// The keeper of the account's key gave no signature, or one of another key. Nothing was sent.
    #[error("the keeper of the account's key gave no signature that holds")]
    NotSigned,
    /// A BabyJubJub key that cannot be accredited.
    #[error("the issuer key is not a point of the prime-order subgroup")]
    InvalidIssuerKey,
    /// A presentation of another policy or scope, or of a time that the ledger cannot have.
    #[error("the statement is not one of the policy")]
    OtherPolicy,
    /// Governance needs signers, and as many as the threshold says.
    #[error("the consortium needs {needed} approvals, {given} members were given")]
    NotEnoughSigners {
        /// Approvals needed.
        needed: u16,
        /// Members given.
        given: usize,
    },
    /// The node is on another chain than the client.
    #[error("the node is on chain {found}, the client on chain {expected}")]
    WrongChain {
        /// The chain that the client was given, or met first.
        expected: u64,
        /// The chain that the node names now.
        found: u64,
    },
    /// The node lacks blocks that it had, or that are asked for.
    #[error("the node is behind: its latest block is {head}, block {needed} is known")]
    Behind {
        /// The node's latest block.
        head: u64,
        /// A block that it must have.
        needed: u64,
    },
    /// The endpoints do not agree.
    #[error("{agreed} of the ledger's endpoints agree, {needed} must")]
    NoQuorum {
        /// The most endpoints that gave one answer.
        agreed: usize,
        /// How many must.
        needed: usize,
    },
    /// The node does not answer for the state of an earlier block, and the client is to read nothing else.
    #[error("the node does not keep the state of block {block}: {message}")]
    HistoryUnavailable {
        /// The block.
        block: u64,
        /// The node's text.
        message: String,
    },
    /// Another transaction of the key has the nonce, and this one had been handed to a node: it will not be mined,
    /// and is not sent again under another nonce.
    #[error("another transaction of the account took nonce {nonce}")]
    Superseded {
        /// The nonce.
        nonce: u64,
    },
    /// The idempotency key belongs to another act.
    #[error("the idempotency key was used for another act")]
    IdempotencyKeyReused,
    /// The outbox cannot be read or written. What it should have held was not sent.
    #[error("the outbox failed: {0}")]
    Outbox(String),
    /// The client was dropped, or its runtime ended, before the outcome was known. The outbox has the transaction.
    #[error("sending was stopped before its outcome was known")]
    Stopped,
    /// Text that is no did:ethr identifier of this chain.
    #[error("not a did:ethr identifier on this chain")]
    InvalidDid,
}

impl LedgerError {
    /// Whether the ledger gave no usable answer for now, as opposed to answering no: the same request may succeed
    /// later.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::TimedOut(_)
            | Self::Behind { .. }
            | Self::NoQuorum { .. }
            | Self::Stopped => true,
            // HTTP statuses of a node that is overloaded or away, and EIP-1474's "limit exceeded".
            Self::Refused { code, .. } => matches!(code, 408 | 429 | 502 | 503 | 504 | -32005),
            _ => false,
        }
    }
}
