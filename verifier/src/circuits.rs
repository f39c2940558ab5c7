//! The circuits whose proofs the verifier accepts.

use std::collections::BTreeMap;
use std::sync::Arc;

use attestry_circuits::PUBLIC_INPUTS;
use attestry_credential::presentation::{Digest, Identifier, ZkSystem};
use attestry_keys::{PreparedVerifyingKey, VerifyingKey};

use crate::VerifierError;

/// The allow-list: circuits by id, each with its verifying key.
#[derive(Clone, Debug, Default)]
pub struct AcceptedCircuits(BTreeMap<Digest, (ZkSystem, Arc<PreparedVerifyingKey>)>);

impl AcceptedCircuits {
    /// No circuit.
    pub fn none() -> Self {
        Self::default()
    }

    /// One more circuit: its id as 64 lower-case hexadecimal digits, and the key of its proofs.
    /// The caller vouches for both; a key store's manifest names them.
    ///
    /// # Errors
    /// [`VerifierError::CircuitId`]; [`VerifierError::CircuitKey`] if the key cannot check the
    /// public inputs of a statement.
    pub fn with(mut self, circuit_id: &str, key: VerifyingKey) -> Result<Self, VerifierError> {
        let invalid = |_| VerifierError::CircuitId;
        let circuit: Digest = circuit_id.parse().map_err(invalid)?;
        let found = key.public_inputs();
        if found != PUBLIC_INPUTS {
            return Err(VerifierError::CircuitKey { found });
        }
        let name: Identifier = format!("groth16-{}", self.0.len() + 1).parse().map_err(invalid)?;
        let system = ZkSystem::new(name, circuit, Digest::from_bytes(key.hash()));
        self.0.insert(circuit, (system, Arc::new(PreparedVerifyingKey::new(key))));
        Ok(self)
    }

    /// The key of a circuit, if the circuit is accepted.
    pub(crate) fn key(&self, circuit: &Digest) -> Option<Arc<PreparedVerifyingKey>> {
        self.0.get(circuit).map(|(_, key)| Arc::clone(key))
    }

    /// The circuits as requests name them.
    pub(crate) fn systems(&self) -> Vec<ZkSystem> {
        self.0.values().map(|(system, _)| system.clone()).collect()
    }
}
