//! The whole check of a plain credential.

use serde_json::Value;

use super::{
    did::DidEthr,
    proof::{ProofPolicy, sign_json, verify_proof},
    signer::DocumentSigner,
    status::VerifiedStatusList,
};
use crate::{error::CredentialError, vcdm::Document};

/// What a plain credential is held against. There is no way to leave a check out.
#[derive(Debug)]
pub struct VerificationPolicy<'a> {
    /// Clock, challenge and domain.
    pub proof: ProofPolicy,
    /// The list that the credential must name, already verified.
    pub status_list: &'a VerifiedStatusList,
}

/// The document with a proof by its issuer. `method` is a DID URL of the issuer whose key is
/// `key`; `now` is the proof's creation, Unix seconds.
///
/// # Errors
/// Those of [`sign_json`].
pub async fn sign(
    document: &Document,
    key: &dyn DocumentSigner,
    method: &str,
    now: u64,
) -> Result<Value, CredentialError> {
    sign_json(&document.to_json()?, key, method, now).await
}

/// The document, if everything about it holds: form and schema, proof and issuer, validity,
/// status.
///
/// # Errors
/// The element that breaks a rule of the schema, or [`CredentialError::Proof`] with the first
/// [`Refusal`](super::Refusal).
pub async fn verify_strict(
    credential: &Value,
    policy: &VerificationPolicy<'_>,
    ledger: &impl DidEthr,
) -> Result<Document, CredentialError> {
    verify_proof(credential, &policy.proof, ledger).await?;
    let document = Document::from_json(credential)?;
    policy.status_list.check(document.issuer(), document.status())?;
    Ok(document)
}
