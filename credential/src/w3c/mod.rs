//! Data Integrity proofs (`eddsa-rdfc-2022`) and Bitstring Status Lists, through `ssi`.
//!
//! `ssi` canonicalizes and checks the signature. What it lets pass is refused here, before it is
//! asked: an issuer that does not control the verification method or has not authorised it for
//! assertions, an expired proof, another purpose than assertion, another challenge or domain, a
//! status that nobody looked up, a schema that nobody read, an empty subject, and more than one
//! proof. Contexts come only from the embedded set; a DID only by `did:key` or from our own
//! ledger ([`DidEthr`]); nothing is fetched from a network.

mod did;
mod proof;
mod signer;
mod status;
mod verify;

pub use did::{DidEthr, ResolveError};
pub use proof::{ProofPolicy, sign_json, verify_proof};
pub use signer::{DocumentSigner, NotSigned, Signing};
pub use status::{StatusListCredential, VerifiedStatusList, verify_status_list};
pub use verify::{VerificationPolicy, sign, verify_strict};

/// Why a signed credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// None, or several.
    #[error("proof: there must be exactly one")]
    ProofCount,
    /// Another type or cryptosuite, or a member that is not understood.
    #[error("proof: is not a plain DataIntegrityProof with eddsa-rdfc-2022")]
    Cryptosuite,
    /// Made for another purpose.
    #[error("proof.proofPurpose: is not assertionMethod")]
    Purpose,
    /// Created later than now, or at no readable time.
    #[error("proof.created: is in the future or not a time")]
    Created,
    /// Expired, or at no readable time.
    #[error("proof.expires: is past or not a time")]
    ProofExpired,
    /// Another challenge than the verifier's, or one that nobody asked for.
    #[error("proof.challenge: is not the verifier's")]
    Challenge,
    /// Another domain than the verifier's, or one that nobody asked for.
    #[error("proof.domain: is not the verifier's")]
    Domain,
    /// The method belongs to somebody else than the issuer, or not to its assertion methods.
    #[error("proof.verificationMethod: is not an assertion method that the issuer controls")]
    Controller,
    /// A DID method that is not allowed.
    #[error("proof.verificationMethod: is of a DID method that is not allowed")]
    DidMethod,
    /// The DID has no document, or the ledger could not be asked.
    #[error("proof.verificationMethod: could not be resolved")]
    Unresolved,
    /// The document is not JSON-LD under the embedded contexts.
    #[error("credential: is not JSON-LD under the embedded contexts")]
    JsonLd,
    /// The signature does not hold.
    #[error("proof.proofValue: does not hold for this credential")]
    Signature,
    /// No subject, or one that states nothing.
    #[error("credentialSubject: states nothing")]
    EmptySubject,
    /// `validFrom` is later than now.
    #[error("validFrom: is in the future or not a time")]
    NotYetValid,
    /// `validUntil` is earlier than now.
    #[error("validUntil: is past or not a time")]
    Expired,
    /// The status list is not the one that the credential names, or of another issuer.
    #[error("credentialStatus: the status list is not the one that the credential names")]
    StatusList,
    /// The bit is set.
    #[error("credentialStatus: revoked")]
    Revoked,
    /// A status list of another size, purpose or encoding.
    #[error("encodedList: is not a revocation list of 131072 bits")]
    EncodedList,
}

/// The embedded contexts, and nothing else.
fn contexts() -> Result<ssi::json_ld::ContextLoader, Refusal> {
    use crate::vcdm::{ATTESTRY_CONTEXT, ATTESTRY_CONTEXT_DOCUMENT};
    let own = (ATTESTRY_CONTEXT.to_owned(), ATTESTRY_CONTEXT_DOCUMENT.to_owned());
    ssi::json_ld::ContextLoader::default()
        .with_context_map_from([own].into())
        .map_err(|_| Refusal::JsonLd)
}

#[cfg(test)]
mod tests;
