//! The issuer's signature on a credential: Schnorr over BabyJubJub with the credential itself
//! in the challenge.
//!
//! R = r·B; H = [`Credential::digest`] with R's x; c = the low 128 bits of H;
//! e = 2^128 + 2c + 1; s = r + e·key. A verifier recomputes R = s·B − e·A and compares its x:
//! within the subgroup x determines the point. H must be below 3·2^252, which makes its bits
//! unique; the signer retries the 0.8 % of nonces that miss it. e is odd and at least 2^128 + 1,
//! so that the circuit's double-and-add meets no exceptional case.

use crate::credential::{Credential, HeaderError};
use crate::field::{self, Fr};
use crate::jubjub::{Point, PointError, Scalar};
use ark_ff::{BigInteger, PrimeField, UniformRand, Zero};
use ark_std::rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// Bits of the challenge that the scalar multiplication uses.
pub const CHALLENGE_BITS: usize = 128;

const NONCE_DOMAIN: &[u8] = b"attestry/schnorr-nonce/v1";

/// Why a signature was not made or does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The credential's header breaks a rule.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The signature does not belong to this credential and key.
    #[error("the issuer's signature does not belong to this credential and key")]
    Invalid,
}

/// An issuer's secret key. Zeroized on drop, never printed.
pub struct SigningKey {
    scalar: Scalar,
    public: VerifyingKey,
}

impl SigningKey {
    /// A uniform key.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            if let Some(key) = Self::from_scalar(Scalar::rand(rng)) {
                return key;
            }
        }
    }

    /// The key with this encoding: 32 bytes, big-endian, canonical, not zero.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] for any other bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignatureError> {
        let scalar = Zeroizing::new(reduce(bytes));
        if *scalar_bytes(&scalar) != *bytes {
            return Err(SignatureError::Invalid);
        }
        Self::from_scalar(*scalar).ok_or(SignatureError::Invalid)
    }

    /// The encoding, for encrypted storage.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        scalar_bytes(&self.scalar)
    }

    /// The public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.public
    }

    /// Signs a credential. The nonce is derived from the key and everything that is signed.
    ///
    /// # Errors
    /// [`SignatureError::Header`] if the header breaks a rule.
    pub fn sign(&self, credential: &Credential) -> Result<Signature, SignatureError> {
        credential.header.validate()?;
        let message = field::to_be_bytes(&credential.digest(Fr::zero()));
        for attempt in 0..=u32::MAX {
            let nonce = self.nonce(&message, attempt);
            let commitment = Point::base().multiply(&nonce);
            if let Ok(commitment) = commitment
                && let Some(challenge) = challenge(credential, commitment.x())
            {
                let s = *nonce + challenge * self.scalar;
                return Ok(Signature { r_x: commitment.x(), s });
            }
        }
        Err(SignatureError::Invalid)
    }

    fn nonce(&self, message: &[u8; 32], attempt: u32) -> Zeroizing<Scalar> {
        let mut hasher = Sha512::new();
        hasher.update(NONCE_DOMAIN);
        hasher.update(self.to_bytes().as_slice());
        hasher.update(message);
        hasher.update(attempt.to_be_bytes());
        let wide: Zeroizing<[u8; 64]> = Zeroizing::new(hasher.finalize().into());
        Zeroizing::new(reduce(wide.as_slice()))
    }

    fn from_scalar(scalar: Scalar) -> Option<Self> {
        let public = VerifyingKey(Point::base().multiply(&scalar).ok()?);
        Some(Self { scalar, public })
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.scalar.zeroize();
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// An issuer's public key: a non-neutral point of the prime-order subgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerifyingKey(Point);

impl VerifyingKey {
    /// The key with these coordinates (circomlib's).
    ///
    /// # Errors
    /// [`PointError`] unless it is a non-neutral point of the prime-order subgroup.
    pub fn from_coordinates(x: Fr, y: Fr) -> Result<Self, PointError> {
        Point::from_coordinates(x, y).map(Self)
    }

    #[cfg(feature = "r1cs")]
    pub(crate) fn of_point(point: Point) -> Self {
        Self(point)
    }

    #[cfg(feature = "r1cs")]
    pub(crate) fn point(&self) -> Point {
        self.0
    }

    /// The x coordinate.
    pub fn x(&self) -> Fr {
        self.0.x()
    }

    /// The y coordinate.
    pub fn y(&self) -> Fr {
        self.0.y()
    }

    /// x and y, each 32 bytes big-endian: the value of the DID document's `publicKeyHex`.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&field::to_be_bytes(&self.x()));
        bytes[32..].copy_from_slice(&field::to_be_bytes(&self.y()));
        bytes
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`SignatureError::Header`] if the header breaks a rule;
    /// [`SignatureError::Invalid`] if the signature does not hold.
    pub fn verify(
        &self,
        credential: &Credential,
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        credential.header.validate()?;
        let challenge = challenge(credential, signature.r_x).ok_or(SignatureError::Invalid)?;
        let recomputed = Point::base()
            .multiply(&signature.s)
            .and_then(|sb| sb.subtract(&self.0.multiply(&challenge)?))
            .map_err(|_| SignatureError::Invalid)?;
        if recomputed.x() == signature.r_x { Ok(()) } else { Err(SignatureError::Invalid) }
    }
}

/// A signature: the x of the nonce commitment, and the response. Not in `Debug`: it links its
/// holder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// x of R: the credential's eighth header field.
    pub r_x: Fr,
    /// r + e·key.
    pub s: Scalar,
}

impl Signature {
    /// r_x and s, each 32 bytes big-endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&field::to_be_bytes(&self.r_x));
        bytes[32..].copy_from_slice(&*scalar_bytes(&self.s));
        bytes
    }

    /// The inverse of [`Signature::to_bytes`].
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if either half is not canonical.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, SignatureError> {
        let mut half = [0; 32];
        half.copy_from_slice(&bytes[..32]);
        let r_x = field::from_be_bytes(&half).map_err(|_| SignatureError::Invalid)?;
        half.copy_from_slice(&bytes[32..]);
        let s = reduce(&half);
        if *scalar_bytes(&s) == half { Ok(Self { r_x, s }) } else { Err(SignatureError::Invalid) }
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(redacted)")
    }
}

/// e = 2^128 + 2c + 1 as a scalar; none if the digest has both of its top bits.
pub(crate) fn challenge(credential: &Credential, r_x: Fr) -> Option<Scalar> {
    let digest = credential.digest(r_x).into_bigint();
    if digest.get_bit(253) && digest.get_bit(252) {
        return None;
    }
    let low = u128::from(digest.0[0]) | u128::from(digest.0[1]) << 64;
    Some(two_to_128() + Scalar::from(low) + Scalar::from(low) + Scalar::from(1u64))
}

fn two_to_128() -> Scalar {
    Scalar::from(u128::MAX) + Scalar::from(1u64)
}

/// A big-endian integer of whole 16-byte blocks, modulo the subgroup's order. arkworks' own
/// reduction leaves a copy of the bytes on the heap.
fn reduce(bytes: &[u8]) -> Scalar {
    let (blocks, _) = bytes.as_chunks::<16>();
    let shift = two_to_128();
    blocks.iter().fold(Scalar::zero(), |high, block| {
        high * shift + Scalar::from(u128::from_be_bytes(*block))
    })
}

fn scalar_bytes(scalar: &Scalar) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(&Zeroizing::new(scalar.into_bigint().to_bytes_be()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;
    use proptest::prelude::*;

    #[test]
    fn a_signature_belongs_to_one_credential_and_one_key() {
        let sample = Sample::new(1);
        let key = sample.issuer_key.verifying_key();
        let credential = sample.witness.credential.clone();
        let signature = sample.issuer_key.sign(&credential).unwrap();
        assert_eq!(key.verify(&credential, &signature), Ok(()));

        let mut changed = credential.clone();
        changed.claims.0[23] += Fr::from(1u64);
        assert_eq!(key.verify(&changed, &signature), Err(SignatureError::Invalid));

        let mut changed = credential.clone();
        changed.header.status_index ^= 1;
        assert_eq!(key.verify(&changed, &signature), Err(SignatureError::Invalid));

        let other = Sample::new(2).issuer_key.verifying_key();
        assert_eq!(other.verify(&credential, &signature), Err(SignatureError::Invalid));
    }

    #[test]
    fn refuses_to_sign_a_header_out_of_range() {
        let sample = Sample::new(1);
        let mut credential = sample.witness.credential.clone();
        credential.header.valid_until = 1 << 40;
        assert_eq!(
            sample.issuer_key.sign(&credential),
            Err(SignatureError::Header(HeaderError::Time("valid_until")))
        );
        credential.header.valid_until = 0;
        credential.header.valid_from = 1;
        assert_eq!(
            sample.issuer_key.sign(&credential),
            Err(SignatureError::Header(HeaderError::EmptyPeriod))
        );
    }

    #[test]
    fn debug_prints_neither_the_key_nor_the_signature() {
        let sample = Sample::new(1);
        let signature = sample.issuer_key.sign(&sample.witness.credential).unwrap();
        assert_eq!(format!("{:?}", sample.issuer_key), "SigningKey(redacted)");
        assert_eq!(format!("{signature:?}"), "Signature(redacted)");
    }

    proptest! {
        #[test]
        fn bytes_are_reduced_as_arkworks_reduces_them(wide in any::<[[u8; 32]; 2]>()) {
            for bytes in [wide.as_flattened(), &wide[0]] {
                prop_assert_eq!(reduce(bytes), Scalar::from_be_bytes_mod_order(bytes));
            }
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_round_trip(halves in any::<[[u8; 32]; 2]>()) {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&halves[0]);
            bytes[32..].copy_from_slice(&halves[1]);
            if let Ok(signature) = Signature::from_bytes(&bytes) {
                prop_assert_eq!(signature.to_bytes(), bytes);
            }
            if let Ok(key) = SigningKey::from_bytes(&halves[0]) {
                prop_assert_eq!(*key.to_bytes(), halves[0]);
            }
        }
    }
}
