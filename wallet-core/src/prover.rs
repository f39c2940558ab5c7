//! From a statement and its witness to a proof.

use crate::WalletError;
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::r1cs::CircuitId;
use attestry_circuits::{Statement, Witness};
use attestry_credential::presentation::{Digest, ZkParams};
use attestry_keys::Prover;

/// A prover of the presentation circuit, and the names of its circuit and key.
#[derive(Debug)]
pub struct CircuitProver {
    params: ZkParams,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Groth16(Box<Prover>),
    /// Makes no proof: for tests of what stands before and after it.
    #[cfg(test)]
    NativeCheckAlone,
}

impl CircuitProver {
    /// The prover with the proving key that belongs to the verifying key of this hash.
    pub fn new(prover: Prover, vk_hash: Digest) -> Self {
        Self { params: Self::params_of(vk_hash), engine: Engine::Groth16(Box::new(prover)) }
    }

    /// Hashes of the circuit and the verifying key.
    pub fn params(&self) -> ZkParams {
        self.params
    }

    fn params_of(vk_hash: Digest) -> ZkParams {
        let circuit_hash = Digest::from_bytes(CircuitId::presentation().to_bytes());
        ZkParams { circuit_hash, vk_hash }
    }

    /// Proves the statement, if the witness satisfies it.
    pub(crate) fn prove(
        &self,
        statement: &Statement,
        witness: &Witness,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<[u8; 128], WalletError> {
        match &self.engine {
            Engine::Groth16(prover) => {
                Ok(prover.prove_statement(statement, witness, rng)?.to_bytes())
            }
            #[cfg(test)]
            Engine::NativeCheckAlone => {
                statement.check(witness)?;
                Ok([0; 128])
            }
        }
    }
}

#[cfg(test)]
impl CircuitProver {
    pub(crate) fn native_check_alone(vk_hash: Digest) -> Self {
        Self { params: Self::params_of(vk_hash), engine: Engine::NativeCheckAlone }
    }
}
