//! What can go wrong between this process and the ledger.

use std::time::Duration;

/// An error of the ledger, its client or its embedded form. None carries an attribute value.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL is neither `embedded:PATH` nor `http(s)://…`.
    #[error("the ledger URL must be embedded:PATH, http://… or https://…")]
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
    /// The store was written by another version of this software.
    #[error("the embedded ledger has format {found}, this software reads {expected}")]
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
    /// Text that is no did:ethr identifier of this chain.
    #[error("not a did:ethr identifier on this chain")]
    InvalidDid,
}
