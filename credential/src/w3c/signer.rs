//! The keys that sign documents, wherever they are kept.

use std::pin::Pin;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// The keeper of a key gave no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keeper of the signing key gave no signature")]
pub struct NotSigned;

/// A signature in the making.
pub type Signing<'a> = Pin<Box<dyn Future<Output = Result<[u8; 64], NotSigned>> + Send + 'a>>;

/// An Ed25519 key that signs documents: in memory, or in a device that never lets it out.
pub trait DocumentSigner: Send + Sync {
    /// The public key.
    fn public_key(&self) -> [u8; 32];

    /// The signature (RFC 8032) of a message.
    fn sign_message<'a>(&'a self, message: &'a [u8]) -> Signing<'a>;
}

impl DocumentSigner for SigningKey {
    fn public_key(&self) -> [u8; 32] {
        self.verifying_key().to_bytes()
    }

    fn sign_message<'a>(&'a self, message: &'a [u8]) -> Signing<'a> {
        Box::pin(async move { Ok(self.sign(message).to_bytes()) })
    }
}

/// The signature of a message, which holds under the signer's key: a device with another key, or
/// one whose arithmetic was disturbed, signs nothing.
pub(super) async fn checked_signature(
    signer: &dyn DocumentSigner,
    message: &[u8],
) -> Result<[u8; 64], NotSigned> {
    let signature = signer.sign_message(message).await?;
    VerifyingKey::from_bytes(&signer.public_key())
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(&signature)))
        .map_err(|_| NotSigned)?;
    Ok(signature)
}
