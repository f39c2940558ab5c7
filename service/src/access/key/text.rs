//! The text of an API key.

use std::fmt;

use ark_std::rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

const PREFIX: &str = "ak_";
const DOMAIN: &[u8] = b"attestry-api-key\n";
/// Digits of an id.
const ID: usize = 16;
/// Digits of a secret.
const SECRET: usize = 64;

/// The text of an API key, `ak_ID_SECRET`: a public id of 16 hexadecimal digits and a secret of 64,
/// which is random as a whole, so that a plain hash of it betrays nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyText(String);

impl KeyText {
    /// Whether a bearer token is meant as an API key.
    pub(crate) fn is_meant(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// A key like no other.
    pub(super) fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let (mut id, mut secret) = ([0; ID / 2], [0; SECRET / 2]);
        rng.fill_bytes(&mut id);
        rng.fill_bytes(&mut secret);
        // Of the right size from the start: growing would leave copies behind.
        let mut text = String::with_capacity(PREFIX.len() + ID + 1 + SECRET);
        text.push_str(PREFIX);
        push_hex(&mut text, &id);
        text.push('_');
        push_hex(&mut text, &secret);
        secret.zeroize();
        Self(text)
    }

    /// What is meant as a key, if it is well formed.
    pub(super) fn parse(token: &str) -> Option<Self> {
        let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_well_formed = id.len() == ID
            && secret.len() == SECRET
            && id.bytes().all(is_digit)
            && secret.bytes().all(is_digit);
        is_well_formed.then(|| Self(token.to_owned()))
    }

    /// The public part.
    pub(super) fn id(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + ID]
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(&self.0);
        hash.finalize().into()
    }

    /// Whether a hash is that of this key, in a time that does not depend on where they differ.
    pub(super) fn has_hash(&self, hash: &[u8; 32]) -> bool {
        let pairs = self.hash().into_iter().zip(hash);
        let differences = pairs.fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differences) == 0
    }

    /// The text, to be shown once to who is to use the key.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(redacted)")
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use ark_std::rand::SeedableRng;
    use ark_std::rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_key_matches_its_own_text_only() {
        let mut rng = StdRng::seed_from_u64(1);
        let (key, other) = (KeyText::random(&mut rng), KeyText::random(&mut rng));
        let read = KeyText::parse(key.expose()).unwrap();
        assert_eq!(read.id(), key.id());
        assert!(read.has_hash(&key.hash()));
        assert!(!other.has_hash(&key.hash()));
        assert_ne!(other.id(), key.id());
        let same_secret = format!("ak_{}{}", other.id(), &key.expose()[PREFIX.len() + ID..]);
        assert!(!KeyText::parse(&same_secret).unwrap().has_hash(&key.hash()));
        assert_eq!(format!("{key:?}"), "KeyText(redacted)");
    }

    #[test]
    fn only_the_one_way_of_writing_a_key_is_taken() {
        let mut rng = StdRng::seed_from_u64(1);
        let key = KeyText::random(&mut rng);
        let text = key.expose();
        for wrong in [
            "ak_".to_owned(),
            text.to_uppercase(),
            format!("{text}0"),
            format!("{text} "),
            text[..text.len() - 1].to_owned(),
            text.replacen("ak_", "ak-", 1),
            text.replace('_', "0"),
        ] {
            assert!(KeyText::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
