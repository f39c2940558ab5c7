//! The wire between issuer and wallet: OpenID for Verifiable Credential Issuance 1.0, with the
//! pre-authorized code flow.
//!
//! An office hands out a [`CredentialOffer`], as a link or a QR code, and by another channel a
//! transaction code. The wallet reads the issuer's [`IssuerMetadata`] and, for the token endpoint,
//! the [`ServerMetadata`]; trades the codes for an access token ([`TokenRequest`],
//! [`TokenResponse`]); fetches a nonce; and asks for the credential by a [`CredentialRequest`]
//! with a proof that it holds a key ([`ProofClaims`]). The [`CredentialResponse`] has the
//! credential or, if it is not ready, a transaction id for a later [`DeferredRequest`]. In the end
//! a [`Notification`] says what became of it.
//!
//! Three names are our own, where the specification leaves room:
//! - [`HOLDER_CLAIM`] in the proof is the holder's commitment, to which the credential is bound;
//! - [`ATTESTATION`] beside the `credential` in the response is its
//!   [`Attestation`](crate::vcdm::Attestation);
//! - a credential configuration has the id that policies give its schema, `ProviderCredential/1`.
//!
//! As the specification asks, members that are not known are passed over. URLs are `https`, or
//! `http` on loopback.

mod error;
mod metadata;
mod names;
mod offer;
mod proof;
mod read;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod token;

pub use error::{ErrorCode, ErrorResponse};
pub use metadata::{
    CredentialConfiguration, CredentialDefinition, Display, IssuerMetadata, MAX_METADATA,
    ServerMetadata,
};
pub use names::{Endpoint, IssuerIdentifier};
pub use offer::{CredentialOffer, InputMode, MAX_OFFER, OfferLink, PreAuthorized, TxCode};
pub use proof::{HOLDER_CLAIM, PROOF_TYP, ProofClaims};
pub use request::{CredentialRequest, DeferredRequest, Notification, NotificationEvent, Wanted};
pub use response::{
    ATTESTATION, CredentialResponse, IssuedCredential, MAX_RESPONSE, NonceResponse,
};
pub use token::{MAX_TOKEN_RESPONSE, PRE_AUTHORIZED_CODE, TokenRequest, TokenResponse};

use crate::CredentialError;

/// Why a wallet does not take what an issuer sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuanceError {
    /// An element is missing or breaks its rule.
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
    /// The link of an offer does not follow its format.
    #[error("offer link: {0}")]
    Link(&'static str),
    /// Metadata of another issuer or authorization server than was asked.
    #[error("{0}: it is of another issuer than was asked")]
    OtherIssuer(&'static str),
    /// The issuer's metadata does not have what the offer names.
    #[error("offer: the issuer's metadata does not have {0}")]
    NotInMetadata(&'static str),
    /// It takes something that this wallet does not do.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The transaction code is missing, not asked for, or not of the form that the offer says.
    #[error("transaction code: {0}")]
    TxCode(&'static str),
}
