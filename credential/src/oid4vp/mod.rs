//! How a verifier asks a wallet and how the wallet answers: OpenID for Verifiable Presentations
//! 1.0, in the subset that is served here, written and read by both sides.
//!
//! The verifier signs an [`AuthorizationRequest`] with a key of its DID ([`UnsignedRequest`]) and
//! hands out where it is fetched, as a [`RequestLink`] or its QR code. The wallet checks the
//! [`SignedRequest`] against the DID's document, and posts a [`ResponseBody`] to the request's
//! response URI: an [`AuthorizationResponse`], in the clear or [encrypted](EncryptionKey) to a key
//! of the request, or an [`ErrorResponse`].
//!
//! The subset:
//! - client identifiers are `decentralized_identifier:did:ethr:…`; requests are signed, by `EdDSA`
//!   or `ES256K`, for the audience [`SELF_ISSUED`], and fetched by `GET`;
//! - response modes are `direct_post` and `direct_post.jwt`, the latter with `ECDH-ES` on P-256 and
//!   `A128GCM` or `A256GCM`;
//! - queries are DCQL ([`DcqlQuery`]): each credential is asked for once and with holder binding,
//!   and all of them are to be answered.
//!
//! Formats are `ldp_vc` and [our own](crate::presentation::FORMAT), whose `meta` has the policy and
//! its parameters, the scope, the proof systems and the age of proofs: all that a
//! [`PresentationRequest`](crate::presentation::PresentationRequest) has and the request object has
//! not. The one is made of the other without loss. The request's `state` is its id, and `purpose`,
//! a member of our own, says in words why it is asked.
//!
//! As the specification asks, members that are not known are passed over, unless leaving them out
//! would answer another question than was asked.

mod answer;
mod dcql;
mod jwe;
mod jws;
mod key;
mod link;
mod metadata;
mod plain;
mod request;
#[cfg(test)]
mod tests;
mod zk;

pub use answer::{
    AuthorizationResponse, ErrorCode, ErrorResponse, MAX_FORM, ResponseBody, VpToken,
};
pub use dcql::{Asked, CredentialQuery, DcqlQuery, MAX_CREDENTIALS};
pub use jwe::{ContentEncryption, MAX_JWE, decrypt, encrypt};
pub use jws::{
    Algorithm, Expected, MAX_SIGNED_REQUEST, REQUEST_CONTENT_TYPE, REQUEST_TYP, SELF_ISSUED,
    SignedRequest, UnsignedRequest, check_account,
};
pub use key::{EncryptionKey, EncryptionSecret};
pub use link::RequestLink;
pub use metadata::ResponseMode;
pub use plain::{ClaimQuery, LDP_VC, PathStep, PlainQuery};
pub use request::{AuthorizationRequest, CLIENT_ID_PREFIX};
pub use zk::ZkQuery;

use crate::{CredentialError, presentation::PresentationError};

/// Why a request, a link or an answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oid4vpError {
    /// An element is missing or breaks its rule.
    #[error(transparent)]
    Malformed(#[from] CredentialError),
    /// A request or a presentation of our format is refused.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
    /// The bytes are longer than anything that is honest.
    #[error("{what}: longer than {limit} bytes")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// It takes something of the specification that is not served here.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The signed request does not follow its format, or is not one for this wallet now.
    #[error("request object: {0}")]
    Request(&'static str),
    /// The request is not signed by a key of the verifier that it names.
    #[error("request object: {0}")]
    Signature(&'static str),
    /// The link does not follow its format.
    #[error("request link: {0}")]
    Link(&'static str),
    /// The form does not follow its format.
    #[error("response: {0}")]
    Form(&'static str),
    /// The encrypted answer cannot be read.
    #[error("encrypted response: {0}")]
    Encryption(&'static str),
}
