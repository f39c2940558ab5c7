//! The wire between wallet and verifier, read and written by both.
//!
//! A verifier sends a [`PresentationRequest`]; the holder answers with a [`PresentationResponse`]
//! of one [`Presentation`] for each [`Query`]. A presentation carries what the verifier cannot
//! know, the [`StatementParts`]; everything else of the statement is rebuilt from the request by
//! [`rebuild_statement`], which the wallet calls before it proves and the verifier when it checks.
//!
//! The proof is bound to a one-time Ed25519 key (through
//! [`Context::of_presentation_key`](attestry_circuits::Context::of_presentation_key)), and the key
//! signs the request's challenge together with a hash of the presentation. So a proof may be made
//! before the challenge exists, and an answer belongs to one request of one verifier.

mod answer;
mod compact;
mod disclosed;
mod query;
mod read;
mod request;
mod signature;
mod statement;
#[cfg(test)]
pub(crate) mod tests;
mod words;

pub(crate) use read::time;
pub(crate) use request::{MAX_TEXT, bounded, text};

pub use answer::{
    MAX_PRESENTATION_JSON, MAX_RESPONSE, Presentation, PresentationResponse, StatementParts,
};
pub use compact::MAX_COMPACT;
pub use disclosed::disclosed_by;
pub use query::Query;
pub use request::{
    FORMAT, Format, MAX_QUERIES, MAX_REQUEST, PresentationRequest, SYSTEM, ScopeParts, ZkParams,
    ZkSystem,
};
pub use signature::{UncheckedSignature, sign, verify_signature};
pub use statement::rebuild_statement;
pub use words::{ClientId, Digest, Identifier, Nonce, ResponseUri};

use crate::CredentialError;

/// Why a request or an answer is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentationError {
    /// An element is missing, unknown or breaks its rule.
    #[error(transparent)]
    Malformed(#[from] CredentialError),
    /// The bytes are longer than anything that is honest.
    #[error("{what}: longer than {limit} bytes")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The compact bytes do not follow their format.
    #[error("presentation: {0}")]
    Bytes(&'static str),
    /// The request has no such query.
    #[error("presentation: the request has no such query")]
    UnknownQuery,
    /// A query is not answered.
    #[error("response: a query is not answered")]
    Unanswered,
    /// The answer is to another request.
    #[error("response: it answers another request")]
    OtherRequest,
    /// The presentations of one answer are not of one holder.
    #[error("response: the presentations have different nullifiers, so different holders")]
    DifferentHolders,
    /// The circuit is not among those that the request accepts.
    #[error("presentation.circuit_id: not a circuit that the request accepts")]
    OtherCircuit,
    /// The verifier's policy cannot be asked with these parameters.
    #[error("policy: {0}")]
    Policy(CredentialError),
    /// A claim that the policy asks to disclose is missing, or another is there, or a value is not
    /// written in its one form.
    #[error(
        "presentation.disclosed: not exactly the claims that the policy asks for, each in its one form"
    )]
    Disclosure,
    /// The presentation's time does not fit 40 bits.
    #[error("presentation.now: not below 2^40 seconds")]
    Now,
    /// The one-time key's signature does not belong to this request and presentation.
    #[error("presentation.signature: it does not belong to this request, presentation and key")]
    Signature,
}
