//! The secret that a webhook's messages are signed with, and how it is kept.

use std::fmt;
use std::str::FromStr;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_service::TenantId;
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::Hmac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";
/// Bytes of a secret of ours.
const SIZE: usize = 32;
/// Bytes that a secret may have (Standard Webhooks); the most are a block of SHA-256.
const SIZES: std::ops::RangeInclusive<usize> = 24..=64;
const SEALING_DOMAIN: &[u8] = b"attestry/webhook-secrets/v1";
/// Bytes of a nonce.
const NONCE: usize = 24;

/// A secret cannot be read, sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text is none of a secret.
    #[error("a webhook's secret is not whsec_ and 24 to 64 bytes in base64")]
    Malformed,
    /// It was sealed with another key, or for another webhook.
    #[error("a webhook's secret cannot be sealed or opened with the verifier's key")]
    Sealing,
}

/// The secret of a webhook: `whsec_` and random bytes in base64. Zeroized on drop, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(super) fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SIZE]);
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Its text, for the one answer that shows it.
    pub fn expose(&self) -> Zeroizing<String> {
        // Of the right size from the start: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(128));
        text.push_str(PREFIX);
        STANDARD.encode_string(&*self.0, &mut text);
        text
    }

    /// An HMAC with it.
    pub(super) fn mac(&self) -> Hmac<Sha256> {
        // No secret is longer than a block of the hash, to which shorter keys are filled up.
        let mut block = Zeroizing::new([0; *SIZES.end()]);
        block[..self.0.len()].copy_from_slice(&self.0);
        Hmac::new((&*block).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.strip_prefix(PREFIX).ok_or(SecretError::Malformed)?;
        let bytes = STANDARD.decode(text).map_err(|_| SecretError::Malformed)?;
        let bytes = Zeroizing::new(bytes);
        if SIZES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError::Malformed) }
    }
}

/// What secrets are sealed with in the database. Zeroized on drop, never printed.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

impl SealingKey {
    /// A key that is had from a secret of the verifier, such as its account key, and says nothing
    /// about it. With another secret, what was sealed before cannot be opened.
    pub fn derive(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(
            Sha256::new_with_prefix(SEALING_DOMAIN).chain_update(secret).finalize().into(),
        ))
    }

    /// Seals the secret of a webhook; hexadecimal.
    pub(super) fn seal(
        &self,
        secret: &Secret,
        tenant: &TenantId,
        webhook: &str,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<String, SecretError> {
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        let aad = owner(tenant, webhook);
        let payload = Payload { msg: &secret.0, aad: aad.as_bytes() };
        let sealed = self.cipher().encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| SecretError::Sealing)?;
        Ok(hex::encode(nonce) + &hex::encode(sealed))
    }

    /// Opens what was sealed for a webhook.
    pub(super) fn open(
        &self,
        sealed: &str,
        tenant: &TenantId,
        webhook: &str,
    ) -> Result<Secret, SecretError> {
        let bytes = hex::decode(sealed).map_err(|_| SecretError::Sealing)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(SecretError::Sealing)?;
        let aad = owner(tenant, webhook);
        let payload = Payload { msg: sealed, aad: aad.as_bytes() };
        let opened = self.cipher().decrypt(XNonce::from_slice(nonce), payload);
        let opened = Zeroizing::new(opened.map_err(|_| SecretError::Sealing)?);
        if SIZES.contains(&opened.len()) { Ok(Secret(opened)) } else { Err(SecretError::Sealing) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// Whose secret it is: sealed with it, so that it opens in no other place. Neither part has a slash.
fn owner(tenant: &TenantId, webhook: &str) -> String {
    format!("{tenant}/{webhook}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_sealed_secret_opens_for_its_webhook_under_its_key_alone() {
        let mut rng = StdRng::seed_from_u64(1);
        let (key, secret) = (SealingKey::derive(&[1; 32]), Secret::random(&mut rng));
        let tenant = TenantId::default();
        let sealed = key.seal(&secret, &tenant, "a", &mut rng).unwrap();
        assert!(!sealed.contains(&hex::encode(&*secret.0)));
        let opened = key.open(&sealed, &tenant, "a").unwrap();
        assert_eq!(opened.expose(), secret.expose());
        assert_ne!(sealed, key.seal(&secret, &tenant, "a", &mut rng).unwrap());

        let other: TenantId = "other".parse().unwrap();
        let changed = sealed.replace(&sealed[60..62], "00");
        for wrong in [
            key.open(&sealed, &tenant, "b"),
            key.open(&sealed, &other, "a"),
            key.open(&changed, &tenant, "a"),
            key.open("", &tenant, "a"),
            key.open("zz", &tenant, "a"),
            SealingKey::derive(&[2; 32]).open(&sealed, &tenant, "a"),
        ] {
            assert_eq!(wrong.err(), Some(SecretError::Sealing));
        }
    }

    #[test]
    fn the_text_of_a_secret_reads_back_and_is_not_printed() {
        let secret = Secret::random(&mut StdRng::seed_from_u64(1));
        let text = secret.expose();
        assert_eq!(text.parse::<Secret>().unwrap().expose(), text);
        assert!(!format!("{secret:?}").contains(&text[PREFIX.len()..]));
        for wrong in ["", "whsec_", "whsec_AAAA", &text[6..], "whsec_!"] {
            assert_eq!(wrong.parse::<Secret>().err(), Some(SecretError::Malformed), "{wrong}");
        }
    }
}
