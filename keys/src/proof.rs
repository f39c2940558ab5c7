//! A Groth16 proof and its only encoding.

use crate::VerifyError;
use ark_bn254::Bn254;
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// A Groth16 proof over BN254 whose points are in their subgroups and not the identity.
///
/// Encoded in [`Proof::LEN`] bytes as arkworks compresses them: A (32), B (64), C (32), each the
/// x-coordinate little-endian with the sign of y in the top bits.
///
/// Groth16 proofs are malleable: two encodings may prove one statement, so never key a replay
/// check on them.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof(ark_groth16::Proof<Bn254>);

impl Proof {
    /// Length of the encoding in bytes.
    pub const LEN: usize = 128;

    /// Takes over a proof that was made in this process.
    pub(crate) fn from_inner(proof: ark_groth16::Proof<Bn254>) -> Self {
        Self(proof)
    }

    /// The arkworks proof, for stock verification and exports.
    pub fn as_inner(&self) -> &ark_groth16::Proof<Bn254> {
        &self.0
    }

    /// The encoding.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0u8; Self::LEN];
        // The three points take exactly these bytes.
        let _ = self.0.serialize_compressed(bytes.as_mut_slice());
        bytes
    }

    /// Reads the encoding.
    ///
    /// # Errors
    /// [`VerifyError::ProofLength`] for another length, [`VerifyError::ProofPoint`] if a point is
    /// not on its curve, not in its subgroup or the identity, and
    /// [`VerifyError::NonCanonicalProof`] if the bytes are not the point's one encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() != Self::LEN {
            return Err(VerifyError::ProofLength { found: bytes.len() });
        }
        let proof = ark_groth16::Proof::<Bn254>::deserialize_compressed(bytes)
            .map_err(|_| VerifyError::ProofPoint)?;
        if proof.a.is_zero() || proof.b.is_zero() || proof.c.is_zero() {
            return Err(VerifyError::ProofPoint);
        }
        let proof = Self(proof);
        match proof.to_bytes() == bytes {
            true => Ok(proof),
            false => Err(VerifyError::NonCanonicalProof),
        }
    }
}
