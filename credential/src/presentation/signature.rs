//! The one-time key's signature: it ties a presentation to one request of one verifier.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::{Presentation, PresentationError, PresentationRequest, Query};

const DOMAIN: &[u8] = b"attestry/presentation/v1";

/// What the one-time key signs: the domain, nonce, client id, response URI, request id, query id,
/// and the SHA-256 of the presentation's compact form without the signature; each preceded by its
/// length in 8 bytes, big-endian.
fn message(request: &PresentationRequest, query: &Query, presentation: &Presentation) -> Vec<u8> {
    let hash = Sha256::digest(presentation.unsigned_bytes());
    let parts: [&[u8]; 7] = [
        DOMAIN,
        request.nonce.as_bytes(),
        request.client_id.as_str().as_bytes(),
        request.response_uri.as_str().as_bytes(),
        request.request_id.as_str().as_bytes(),
        query.id.as_str().as_bytes(),
        &hash,
    ];
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

/// Signs a presentation that answers `query` of `request`, replacing its signature.
///
/// `key` must be the one whose public key the proof is bound to, and must never sign again.
///
/// # Errors
/// [`PresentationError::Signature`] if it is another key.
pub fn sign(
    presentation: &mut Presentation,
    request: &PresentationRequest,
    query: &Query,
    key: &SigningKey,
) -> Result<(), PresentationError> {
    if key.verifying_key().as_bytes() != &presentation.parts.presentation_key {
        return Err(PresentationError::Signature);
    }
    presentation.signature = key.sign(&message(request, query, presentation)).to_bytes();
    Ok(())
}

/// Checks that the presentation's one-time key has signed it for this query of this request.
/// Keys of small order and non-canonical signatures are refused.
///
/// # Errors
/// [`PresentationError::Signature`].
pub fn verify_signature(
    presentation: &Presentation,
    request: &PresentationRequest,
    query: &Query,
) -> Result<(), PresentationError> {
    let wrong = |_| PresentationError::Signature;
    let key = VerifyingKey::from_bytes(&presentation.parts.presentation_key).map_err(wrong)?;
    let signature = Signature::from_bytes(&presentation.signature);
    key.verify_strict(&message(request, query, presentation), &signature).map_err(wrong)
}
