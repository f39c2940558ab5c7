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

/// A presentation's signature with all that it takes to check it, which may be done elsewhere.
#[derive(Clone, Debug)]
pub struct UncheckedSignature {
    key: [u8; 32],
    message: Vec<u8>,
    signature: [u8; 64],
}

impl UncheckedSignature {
    /// The presentation's signature for this query of this request.
    pub fn of(presentation: &Presentation, request: &PresentationRequest, query: &Query) -> Self {
        Self {
            key: presentation.parts.presentation_key,
            message: message(request, query, presentation),
            signature: presentation.signature,
        }
    }

    /// Checks that the one-time key has signed the presentation. Keys of small order and
    /// non-canonical signatures are refused.
    ///
    /// # Errors
    /// [`PresentationError::Signature`].
    pub fn verify(&self) -> Result<(), PresentationError> {
        let wrong = |_| PresentationError::Signature;
        let key = VerifyingKey::from_bytes(&self.key).map_err(wrong)?;
        key.verify_strict(&self.message, &Signature::from_bytes(&self.signature)).map_err(wrong)
    }
}

/// Checks that the presentation's one-time key has signed it for this query of this request.
///
/// # Errors
/// As [`UncheckedSignature::verify`].
pub fn verify_signature(
    presentation: &Presentation,
    request: &PresentationRequest,
    query: &Query,
) -> Result<(), PresentationError> {
    UncheckedSignature::of(presentation, request, query).verify()
}
