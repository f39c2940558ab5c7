//! Nonces of key proofs: authenticated, not kept until they are used.
//!
//! Anybody may ask for one, so none is written down: a nonce is its end of life, random bytes, and
//! an HMAC over both. Whoever has a token uses it, once, and that is what the database notes.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::issuance::{ErrorCode, ErrorResponse, NonceResponse};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use sha2::{Digest, Sha256};

use super::ClaimError;
use super::codes::equal;
use crate::{Issuer, IssuerError};

/// How long a nonce may be used, seconds.
const LIFETIME_S: u64 = 300;
const RANDOM: usize = 16;

impl Issuer {
    /// A nonce for a key proof.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn nonce(
        &self,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<NonceResponse, IssuerError> {
        let secret = self.storage().nonce_secret(rng).await?;
        let mut body = self.now().saturating_add(LIFETIME_S).to_be_bytes().to_vec();
        let mut random = [0; RANDOM];
        rng.fill_bytes(&mut random);
        body.extend_from_slice(&random);
        let c_nonce = format!("{}.{}", URL_SAFE_NO_PAD.encode(&body), tag(&body, &secret)?);
        Ok(NonceResponse { c_nonce })
    }

    /// Takes a nonce that came with a proof: it serves no other proof.
    pub(super) async fn use_nonce(
        &self,
        nonce: &str,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<(), ClaimError> {
        let secret = self.storage().nonce_secret(rng).await?;
        let expires_at = read(nonce, &secret)?.filter(|expires_at| *expires_at > self.now());
        let fresh = match expires_at {
            Some(expires_at) => {
                let hash = Sha256::digest(nonce).into();
                self.storage().use_nonce(hash, expires_at).await?
            }
            None => false,
        };
        if fresh {
            return Ok(());
        }
        let words = "the nonce is unknown, used or expired: fetch another";
        Err(ErrorResponse::new(ErrorCode::InvalidNonce, words).into())
    }
}

/// When a nonce of ours ends; none if it is not of ours.
fn read(nonce: &str, secret: &[u8]) -> Result<Option<u64>, IssuerError> {
    let Some((body, tagged)) = nonce.split_once('.') else { return Ok(None) };
    let Ok(body) = URL_SAFE_NO_PAD.decode(body) else { return Ok(None) };
    let authentic = equal(tag(&body, secret)?.as_bytes(), tagged.as_bytes());
    let expires_at = body.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    Ok(expires_at.filter(|_| authentic))
}

/// HMAC-SHA256 in base64url.
fn tag(body: &[u8], secret: &[u8]) -> Result<String, IssuerError> {
    let key = EncodingKey::from_secret(secret);
    crypto::sign(body, &key, Algorithm::HS256).map_err(|_| IssuerError::Signing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_ours_as_a_whole_or_not_at_all() {
        let body = [&1_790_000_000_u64.to_be_bytes()[..], &[7; RANDOM]].concat();
        let nonce = format!("{}.{}", URL_SAFE_NO_PAD.encode(&body), tag(&body, b"key").unwrap());
        assert_eq!(read(&nonce, b"key").unwrap(), Some(1_790_000_000));
        assert_eq!(read(&nonce, b"other").unwrap(), None);
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(std::str::from_utf8(&changed).unwrap(), b"key").unwrap(), None);
        }
        for wrong in ["", ".", "a.b", &nonce[1..], &nonce[..nonce.len() - 1]] {
            assert_eq!(read(wrong, b"key").unwrap(), None, "{wrong}");
        }
    }
}
