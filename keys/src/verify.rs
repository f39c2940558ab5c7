//! Verification of one proof.

use crate::input_tables::InputTables;
use crate::{Proof, VerifyingKey};
use ark_bn254::{Bn254, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::bn::G2Prepared;
use ark_ec::pairing::Pairing;

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The encoding has another length.
    #[error("proof: must have {} bytes, has {found}", Proof::LEN)]
    ProofLength {
        /// Bytes found.
        found: usize,
    },
    /// A point of the proof is not a point of its group, or is the identity.
    #[error("proof: a point is not in its subgroup")]
    ProofPoint,
    /// The bytes are not the canonical encoding of their points.
    #[error("proof: a point is not in canonical form")]
    NonCanonicalProof,
    /// There are more or fewer public inputs than the circuit has.
    #[error("public inputs: the circuit has {expected}, there are {found}")]
    InputCount {
        /// Public inputs of the circuit.
        expected: usize,
        /// Public inputs given.
        found: usize,
    },
    /// The proof does not prove the statement.
    #[error("the proof does not prove the statement")]
    InvalidProof,
}

/// A verifying key made ready for many verifications.
#[derive(Clone)]
pub struct PreparedVerifyingKey {
    key: VerifyingKey,
    pub(crate) inputs: InputTables,
    /// e(α, β).
    alpha_beta: Fq12,
    pub(crate) alpha: G1Affine,
    pub(crate) beta: G2Prepared<ark_bn254::Config>,
    pub(crate) minus_gamma: G2Prepared<ark_bn254::Config>,
    pub(crate) minus_delta: G2Prepared<ark_bn254::Config>,
}

impl std::fmt::Debug for PreparedVerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreparedVerifyingKey").field("key", &self.key).finish_non_exhaustive()
    }
}

impl PreparedVerifyingKey {
    /// Precomputes what every verification needs: about 2 MB for 22 public inputs.
    pub fn new(key: VerifyingKey) -> Self {
        let vk = key.as_inner();
        let prepare = |point: G2Affine| G2Prepared::from(point);
        Self {
            inputs: InputTables::new(&vk.gamma_abc_g1),
            alpha_beta: Bn254::pairing(vk.alpha_g1, vk.beta_g2).0,
            alpha: vk.alpha_g1,
            beta: prepare(vk.beta_g2),
            minus_gamma: prepare(-vk.gamma_g2),
            minus_delta: prepare(-vk.delta_g2),
            key,
        }
    }

    /// The key that was prepared.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Checks that `proof` proves the circuit for `inputs`.
    ///
    /// # Errors
    /// [`VerifyError::InputCount`] if there are too many or too few inputs;
    /// [`VerifyError::InvalidProof`] if the pairing equation does not hold.
    pub fn verify(&self, inputs: &[Fr], proof: &Proof) -> Result<(), VerifyError> {
        self.check_input_count(inputs)?;
        let proof = proof.as_inner();
        let product = Bn254::multi_miller_loop(
            [proof.a, self.inputs.combine(inputs), proof.c],
            [G2Prepared::from(proof.b), self.minus_gamma.clone(), self.minus_delta.clone()],
        );
        match Bn254::final_exponentiation(product) {
            Some(value) if value.0 == self.alpha_beta => Ok(()),
            _ => Err(VerifyError::InvalidProof),
        }
    }

    pub(crate) fn check_input_count(&self, inputs: &[Fr]) -> Result<(), VerifyError> {
        let expected = self.key.public_inputs();
        match inputs.len() == expected {
            true => Ok(()),
            false => Err(VerifyError::InputCount { expected, found: inputs.len() }),
        }
    }
}
