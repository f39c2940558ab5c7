//! The keys that sign documents, wherever they are kept.

use std::{borrow::Cow, pin::Pin};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use ssi::{
    claims::{MessageSignatureError, SignatureError, data_integrity::AnySignatureAlgorithm},
    crypto::algorithm::SignatureAlgorithmType,
    verification_methods::{self, AnyMethod},
};

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

/// A signer as `ssi` takes it. It hands out no signature that does not hold under its key: a
/// device with another key, or one whose arithmetic was disturbed, signs nothing.
#[derive(Clone, Copy)]
pub(super) struct Checked<'a>(pub(super) &'a dyn DocumentSigner);

impl verification_methods::Signer<AnyMethod> for Checked<'_> {
    type MessageSigner = Self;

    async fn for_method(&self, _: Cow<'_, AnyMethod>) -> Result<Option<Self>, SignatureError> {
        Ok(Some(*self))
    }
}

impl verification_methods::MessageSigner<AnySignatureAlgorithm> for Checked<'_> {
    async fn sign(
        self,
        _: <AnySignatureAlgorithm as SignatureAlgorithmType>::Instance,
        message: &[u8],
    ) -> Result<Vec<u8>, MessageSignatureError> {
        // The one error of a signer that `ssi` hands on as it is.
        let refused = MessageSignatureError::InvalidSecretKey;
        let Ok(signature) = self.0.sign_message(message).await else { return Err(refused) };
        let key = VerifyingKey::from_bytes(&self.0.public_key());
        let checked = key.and_then(|key| {
            key.verify_strict(message, &Signature::from_bytes(&signature)).map(|()| signature)
        });
        checked.map(|signature| signature.to_vec()).map_err(|_| refused)
    }
}
