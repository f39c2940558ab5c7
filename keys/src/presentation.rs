//! The same for the one circuit that this build proves: statements in, verified statements out.

use crate::{
    KeyError, KeySet, KeyStore, PreparedVerifyingKey, Progress, Proof, Prover, VerifyError,
    insecure_development_setup_for,
};
use ark_bn254::Fr;
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::r1cs::{CircuitId, PresentationCircuit, assign, matrices};
use attestry_circuits::{Statement, Witness};
use std::path::{Path, PathBuf};

/// Makes keys of the presentation circuit in this process, which therefore could forge proofs:
/// for development and tests only.
///
/// # Errors
/// Those of [`insecure_development_setup_for`].
pub fn insecure_development_setup(
    rng: &mut (impl RngCore + CryptoRng),
    progress: impl FnMut(Progress),
) -> Result<KeySet, KeyError> {
    let circuit_id = CircuitId::presentation().to_string();
    insecure_development_setup_for(
        &circuit_id,
        matrices(),
        PresentationCircuit::blank(),
        rng,
        progress,
    )
}

impl KeyStore {
    /// The store in `folder` for the presentation circuit. Nothing is read yet.
    pub fn for_presentations(folder: impl Into<PathBuf>) -> Self {
        Self::for_circuit(folder, CircuitId::presentation().to_string())
    }

    /// Makes and stores development keys of the presentation circuit if the store has none.
    /// `progress` hears nothing if it has.
    ///
    /// # Errors
    /// Those of [`manifest`](Self::manifest), [`save`](Self::save) and
    /// [`insecure_development_setup`]; keys of another circuit are refused and stay.
    pub fn ensure_insecure_development_keys(
        &self,
        rng: &mut (impl RngCore + CryptoRng),
        progress: impl FnMut(Progress),
    ) -> Result<(), KeyError> {
        match self.manifest() {
            Ok(_) => Ok(()),
            Err(KeyError::Missing(_)) => {
                self.save(&insecure_development_setup(rng, progress)?)?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Development keys of the presentation circuit, made once below `root` and kept there for
    /// every later run. Keys of other circuits may stand beside them: the folder's name ends in
    /// the circuit id. For tests.
    ///
    /// # Errors
    /// Those of [`ensure_insecure_development_keys`](Self::ensure_insecure_development_keys).
    pub fn insecure_development_keys_below(
        root: impl AsRef<Path>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeyError> {
        let name = format!("insecure-development-keys-{}", CircuitId::presentation());
        let store = Self::for_presentations(root.as_ref().join(name));
        store.ensure_insecure_development_keys(rng, |_| {})?;
        Ok(store)
    }
}

impl Prover {
    /// Proves `statement`.
    ///
    /// # Errors
    /// [`KeyError::Violation`] if the witness does not satisfy the statement, and those of
    /// [`prove`](Self::prove).
    pub fn prove_statement(
        &self,
        statement: &Statement,
        witness: &Witness,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Proof, KeyError> {
        self.prove(&assign(statement, witness)?, rng)
    }
}

/// A statement that a proof was checked for. Only [`PreparedVerifyingKey`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedStatement(Statement);

impl VerifiedStatement {
    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.0
    }

    /// The statement.
    pub fn into_statement(self) -> Statement {
        self.0
    }
}

impl PreparedVerifyingKey {
    /// Checks that `proof` proves `statement`, which the verifier made itself.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_statement(
        &self,
        statement: Statement,
        proof: &Proof,
    ) -> Result<VerifiedStatement, VerifyError> {
        self.verify(&statement.public_inputs(), proof)?;
        Ok(VerifiedStatement(statement))
    }

    /// Checks many statements at once; the answers are those of
    /// [`verify_statement`](Self::verify_statement), in the same order.
    pub fn verify_statements(
        &self,
        items: Vec<(Statement, &Proof)>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Vec<Result<VerifiedStatement, VerifyError>> {
        let inputs: Vec<_> = items.iter().map(|(statement, _)| statement.public_inputs()).collect();
        let pairs: Vec<(&[Fr], &Proof)> = inputs
            .iter()
            .zip(&items)
            .map(|(inputs, (_, proof))| (inputs.as_slice(), *proof))
            .collect();
        let answers = self.verify_batch(&pairs, rng);
        answers
            .into_iter()
            .zip(items)
            .map(|(answer, (statement, _))| answer.map(|()| VerifiedStatement(statement)))
            .collect()
    }
}
