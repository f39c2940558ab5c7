//! The secrets of an offer, and what is kept of them.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::w3c::DocumentSigner;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::OfferId;
use crate::IssuerError;

const REFERENCE_DOMAIN: &[u8] = b"attestry/offer-reference/v1";
const CODE_DOMAIN: &[u8] = b"attestry/offer-code/v1";
const TX_CODE_DOMAIN: &[u8] = b"attestry/offer-tx-code/v1";
const TOKEN_DOMAIN: &[u8] = b"attestry/offer-token/v1";
const TRANSACTION_DOMAIN: &[u8] = b"attestry/offer-transaction/v1";
const NOTIFICATION_DOMAIN: &[u8] = b"attestry/offer-notification/v1";

/// The secret in an offer's link, 32 bytes in base64url.
pub(super) struct Reference(Zeroizing<String>);

impl Reference {
    /// The reference of an offer. An Ed25519 signature is deterministic, and nobody but the holder
    /// of the key can make it; its message is none that a Data Integrity proof signs, which are 64
    /// bytes long.
    ///
    /// # Errors
    /// [`IssuerError::Signing`] if the keeper of the key gives no signature.
    pub(super) async fn of(
        id: OfferId,
        tenant: &str,
        key: &impl DocumentSigner,
    ) -> Result<Self, IssuerError> {
        let id = id.to_string();
        let mut message = REFERENCE_DOMAIN.to_vec();
        for part in [tenant, &id] {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        let signature = key.sign_message(&message).await.map_err(|_| IssuerError::Signing)?;
        let signature = Zeroizing::new(signature);
        Ok(Self(encode(hash(REFERENCE_DOMAIN, &[&signature[..]]))))
    }

    /// The reference in a link that somebody follows.
    pub(super) fn from_link(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The pre-authorized code of the offer.
    pub(super) fn code(&self) -> Zeroizing<String> {
        encode(hash(CODE_DOMAIN, &[self.0.as_bytes()]))
    }
}

/// What is kept of a pre-authorized code.
pub(super) fn code_hash(code: &str) -> [u8; 32] {
    hash(CODE_DOMAIN, &[b"hash", code.as_bytes()])
}

/// What is kept of a transaction code. The pre-authorized code, which is not kept, salts it: who
/// reads the database cannot try its few digits.
pub(super) fn tx_code_hash(code: &str, tx_code: &str) -> [u8; 32] {
    hash(TX_CODE_DOMAIN, &[code.as_bytes(), tx_code.as_bytes()])
}

/// A transaction code of random digits.
pub(super) fn new_tx_code(length: u32, rng: &mut (impl RngCore + CryptoRng)) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(String::with_capacity(length as usize));
    while digits.len() < length as usize {
        // 250 is the last multiple of ten in a byte: each digit has the same chance.
        if let byte @ 0..250 = (rng.next_u32() & 0xff) as u8 {
            digits.push(char::from(b'0' + byte % 10));
        }
    }
    digits
}

/// A new access token.
pub(super) fn new_token(rng: &mut (impl RngCore + CryptoRng)) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(bytes.as_mut());
    encode(*bytes)
}

/// What is kept of an access token.
pub(super) fn token_hash(token: &str) -> [u8; 32] {
    hash(TOKEN_DOMAIN, &[token.as_bytes()])
}

/// The transaction id of a deferred issuance: known to who has the token.
pub(super) fn transaction_id(token: &str) -> String {
    encode(hash(TRANSACTION_DOMAIN, &[token.as_bytes()])).to_string()
}

/// The notification id of the credential that the token obtains.
pub(super) fn notification_id(token: &str) -> String {
    encode(hash(NOTIFICATION_DOMAIN, &[token.as_bytes()])).to_string()
}

/// Compares in a time that does not depend on where they differ.
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

fn hash(domain: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new_with_prefix(domain);
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn encode(bytes: [u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(*Zeroizing::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CredentialId;
    use ark_std::rand::{SeedableRng, rngs::StdRng};
    use ed25519_dalek::SigningKey;

    #[tokio::test]
    async fn a_reference_belongs_to_one_offer_of_one_tenant_and_key() {
        let mut rng = StdRng::seed_from_u64(1);
        let ids = [(); 2].map(|()| OfferId(CredentialId::random(&mut rng)));
        let keys = [[1; 32], [2; 32]].map(|seed| SigningKey::from_bytes(&seed));
        let reference = async |id, tenant, key| Reference::of(id, tenant, key).await.unwrap();
        let first = reference(ids[0], "a", &keys[0]).await;
        assert_eq!(first.as_str(), reference(ids[0], "a", &keys[0]).await.as_str());
        assert_eq!(*first.code(), *Reference::from_link(first.as_str()).code());
        for other in [
            reference(ids[1], "a", &keys[0]).await,
            reference(ids[0], "b", &keys[0]).await,
            reference(ids[0], "a", &keys[1]).await,
        ] {
            assert_ne!(first.as_str(), other.as_str());
            assert_ne!(*first.code(), *other.code());
        }
    }

    #[test]
    fn transaction_codes_are_digits_of_the_length_asked_for() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut seen = [0; 10];
        for _ in 0..1000 {
            let code = new_tx_code(6, &mut rng);
            assert_eq!(code.len(), 6);
            for digit in code.bytes() {
                seen[usize::from(digit - b'0')] += 1;
            }
        }
        assert!(seen.iter().all(|count| (480..720).contains(count)), "{seen:?}");
    }

    #[test]
    fn what_differs_is_not_equal() {
        assert!(equal(b"ab", b"ab"));
        for other in [&b"aa"[..], b"a", b"abc", b""] {
            assert!(!equal(b"ab", other));
        }
    }
}
