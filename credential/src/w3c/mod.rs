//! Data Integrity proofs (`eddsa-rdfc-2022`) and Bitstring Status Lists.
//!
//! `ssi` expands JSON-LD and reads it as RDF; canonicalization, hashes and signatures are done here
//! (see `canonical`). A signature alone says little, so refused are also: an issuer that does not
//! control the verification method or has not authorised it for the purpose, an expired proof,
//! another purpose, another challenge or domain, a status that nobody looked up, a schema of ours
//! that nobody read, an empty subject, and, of credentials of our own schemas, more than one
//! proof. Contexts come from the embedded set, a DID by `did:key` or from our own ledger;
//! nothing is fetched from a network but contexts and documents of `did:web` that whoever
//! verifies allows ([`DidEthr::remote_document`]).
//!
//! [`verify_strict`] is for credentials of our own schemas. [`issue`], [`verify_credential`] and
//! [`verify_presentation`] are for any VCDM 2.0 document, in the terms of VC-API.

mod canonical;
mod did;
mod did_key;
mod generic;
mod graph;
mod issue;
mod proof;
mod remote;
mod request;
mod signer;
mod status;
mod verdict;
mod verify;

pub use did::{DidEthr, ResolveError, did_key_document};
pub use did_key::DidKey;
pub use generic::{StatusSource, StatusUnavailable, verify_credential, verify_presentation};
pub use graph::expanded_types;
pub use issue::{ForeignIssuer, Issuance, issue};
pub use proof::{ProofPolicy, sign_json, sign_presentation, verify_proof};
pub use request::VerifyRequest;
pub use signer::{DocumentSigner, NotSigned, Signing};
pub use status::{StatusListCredential, VerifiedStatusList, verify_status_list};
pub use verdict::{Finding, Verdict};
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
    #[error("proof.proofPurpose: is not the one of this kind of document")]
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
    /// The method belongs to somebody else than the issuer or holder, or not to the methods of
    /// that purpose.
    #[error("proof.verificationMethod: is not one that the signer controls for this purpose")]
    Controller,
    /// A DID method that is not allowed.
    #[error("proof.verificationMethod: is of a DID method that is not allowed")]
    DidMethod,
    /// A `did:web` of a host that may not be asked.
    #[error("proof.verificationMethod: is a did:web of a host that is not listed")]
    WebHost,
    /// The DID has no document, or the ledger could not be asked.
    #[error("proof.verificationMethod: could not be resolved")]
    Unresolved,
    /// The document is not JSON-LD, or has a term or type that the embedded contexts and its own
    /// do not define.
    #[error("credential: is not JSON-LD, or has a term that the embedded contexts do not define")]
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
    /// The bit of a suspension is set.
    #[error("credentialStatus: suspended")]
    Suspended,
    /// A status of a type or purpose that is not understood.
    #[error("credentialStatus: is of a type or purpose that cannot be looked up")]
    StatusKind,
    /// The status list could not be had.
    #[error("credentialStatus: the status list could not be retrieved")]
    StatusUnavailable,
    /// The status list is there, and its own proof, validity or issuer is refused.
    #[error("credentialStatus: the status list is not one that its issuer vouches for")]
    StatusUnverified,
    /// The index is past the end of the list.
    #[error("credentialStatus.statusListIndex: is past the end of the status list")]
    StatusRange,
    /// A status list of another size, purpose or encoding.
    #[error("encodedList: is not a revocation list of 131072 bits")]
    EncodedList,
    /// The holder did not make the presentation's proof.
    #[error("holder: did not make the presentation's proof")]
    Holder,
    /// The signer of the presentation is the issuer of a credential in it, and the presentation
    /// does not name its holder.
    #[error("holder: is required with credentials that the presenter issued")]
    HolderRequired,
    /// A credential without a proof of its own, by somebody else than the holder.
    #[error("proof: is required unless the holder is the issuer")]
    Unsecured,
    /// A credential or presentation in an envelope.
    #[error("type: envelopes are not supported")]
    Enveloped,
    /// A list, which is an array whose order counts.
    #[error("credential: has a list in the sense of JSON-LD, which is not supported")]
    List,
    /// A graph that is made to be hard to canonicalize.
    #[error("credential: has too many blank nodes that look alike")]
    Complexity,
}

/// The embedded contexts, and nothing else.
fn contexts() -> Result<ssi::json_ld::ContextLoader, Refusal> {
    use crate::vcdm::{ATTESTRY_CONTEXT, ATTESTRY_CONTEXT_DOCUMENT};
    let added = [
        (ATTESTRY_CONTEXT, ATTESTRY_CONTEXT_DOCUMENT),
        (
            "https://www.w3.org/ns/credentials/undefined-terms/v2",
            include_str!("../../contexts/undefined-terms-v2.jsonld"),
        ),
    ];
    let added = added.map(|(url, document)| (url.to_owned(), document.to_owned()));
    ssi::json_ld::ContextLoader::default()
        .with_context_map_from(added.into())
        .map_err(|_| Refusal::JsonLd)
}

/// A future of `ssi`, whose type is too deep to be a part of those that wait for it.
type Boxed<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[cfg(test)]
mod tests;
