//! The verifying key and its hash.

use crate::KeyError;
use ark_bn254::Bn254;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use sha2::{Digest, Sha256};

const NAME: &str = "verifying key";

/// The verifying key of a circuit.
///
/// Encoded as arkworks writes it uncompressed: α in G1, β, γ, δ in G2, then the number of input
/// bases and the bases; coordinates little-endian.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyingKey(ark_groth16::VerifyingKey<Bn254>);

impl VerifyingKey {
    /// Takes over a key that was made in this process.
    pub fn from_inner(key: ark_groth16::VerifyingKey<Bn254>) -> Self {
        Self(key)
    }

    /// The arkworks key, for stock verification.
    pub fn as_inner(&self) -> &ark_groth16::VerifyingKey<Bn254> {
        &self.0
    }

    /// Public inputs that a proof under this key has.
    pub fn public_inputs(&self) -> usize {
        self.0.gamma_abc_g1.len().saturating_sub(1)
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.uncompressed_size());
        // Writing to a vector does not fail.
        let _ = self.0.serialize_uncompressed(&mut bytes);
        bytes
    }

    /// Reads the encoding; every point is checked to lie in its subgroup.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let malformed = |rule| KeyError::Malformed { key: NAME, rule };
        // The count of input bases follows 7 points' coordinates; it decides an allocation.
        let bases = bytes.len().checked_sub(PREFIX).ok_or(malformed("it is cut short"))?;
        let count = bytes
            .get(PREFIX - 8..PREFIX)
            .and_then(|count| count.try_into().ok())
            .map(u64::from_le_bytes)
            .ok_or(malformed("it is cut short"))?;
        if count == 0 || count.checked_mul(64) != Some(bases as u64) {
            return Err(malformed("its length is not that of its input bases"));
        }
        let key = ark_groth16::VerifyingKey::deserialize_uncompressed(bytes)
            .map_err(|_| malformed("a point is not in its subgroup"))?;
        let key = Self(key);
        match key.to_bytes() == bytes {
            true => Ok(key),
            false => Err(malformed("a point is not in canonical form")),
        }
    }

    /// SHA-256 of the encoding: the name of the key.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

/// α, β, γ, δ and the number of input bases.
const PREFIX: usize = 64 + 3 * 128 + 8;
