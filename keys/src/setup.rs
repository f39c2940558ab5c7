//! Making keys without a ceremony, for development.

use crate::{KeyError, KeySet, Origin, ProvingKey, StandardKey, VerifyingKey};
use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisMode,
};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::r1cs::ConstraintMatrices;

/// How far key set-up has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done now.
    pub step: SetupStep,
    /// Parts of the whole that are done, of [`Progress::PARTS`].
    pub done: u32,
}

impl Progress {
    /// Parts of the whole.
    pub const PARTS: u32 = 100;
}

/// The steps of key set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupStep {
    /// Comparing the circuit with its matrices.
    Circuit,
    /// Making the standard Groth16 key.
    StandardKey,
    /// Deriving the prover's key.
    ProvingKey,
    /// All is done.
    Done,
}

impl SetupStep {
    /// What the step does, for a progress bar.
    pub fn description(self) -> &'static str {
        match self {
            Self::Circuit => "checking the circuit",
            Self::StandardKey => "making the standard key",
            Self::ProvingKey => "deriving the proving key",
            Self::Done => "done",
        }
    }
}

/// Makes the keys of a circuit in this process, which therefore could forge proofs: for
/// development and tests only. Production keys come out of a ceremony.
///
/// `circuit_id` names the circuit, `circuit` synthesizes it without an assignment, and `matrices`
/// are its matrices.
///
/// # Errors
/// [`KeyError::CircuitMismatch`] if `circuit` and `matrices` differ;
/// [`KeyError::Synthesis`] if the circuit cannot be synthesized.
pub fn insecure_development_setup_for<C>(
    circuit_id: &str,
    matrices: &ConstraintMatrices,
    circuit: C,
    rng: &mut (impl RngCore + CryptoRng),
    mut progress: impl FnMut(Progress),
) -> Result<KeySet, KeyError>
where
    C: ConstraintSynthesizer<Fr> + Clone,
{
    let mut report = |step, done| progress(Progress { step, done });
    report(SetupStep::Circuit, 0);
    check_matrices(circuit.clone(), matrices)?;
    report(SetupStep::StandardKey, 5);
    let standard: StandardKey =
        Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit, rng)?;
    report(SetupStep::ProvingKey, 40);
    let proving = ProvingKey::derive(&standard, matrices)?;
    let keys = KeySet {
        circuit_id: circuit_id.to_owned(),
        origin: Origin::InsecureDevelopment,
        verifying: VerifyingKey::from_inner(standard.vk.clone()),
        proving,
        standard,
    };
    report(SetupStep::Done, Progress::PARTS);
    Ok(keys)
}

/// Checks that `circuit` synthesizes exactly the constraints of `matrices`.
fn check_matrices(
    circuit: impl ConstraintSynthesizer<Fr>,
    matrices: &ConstraintMatrices,
) -> Result<(), KeyError> {
    let system = ConstraintSystem::<Fr>::new_ref();
    system.set_optimization_goal(OptimizationGoal::Constraints);
    system.set_mode(SynthesisMode::Setup);
    circuit.generate_constraints(system.clone())?;
    system.finalize();
    if system.num_instance_variables() != matrices.num_instance
        || system.num_witness_variables() != matrices.num_witness
    {
        return Err(KeyError::CircuitMismatch("the circuit has other variables"));
    }
    let synthesized = system.to_matrices()?;
    let Some([a, b, c]) = synthesized.get(R1CS_PREDICATE_LABEL).map(Vec::as_slice) else {
        return Err(KeyError::CircuitMismatch("the circuit is not a rank-1 constraint system"));
    };
    let same = [(a, &matrices.a), (b, &matrices.b), (c, &matrices.c)]
        .iter()
        .all(|(x, y)| x.len() == y.len() && x.iter().zip(*y).all(|(x, y)| sparse(x) == sparse(y)));
    match same {
        true => Ok(()),
        false => Err(KeyError::CircuitMismatch("the circuit has other constraints")),
    }
}

/// The row with its columns in order and each named once.
pub(crate) fn sparse(row: &[(Fr, usize)]) -> Vec<(usize, Fr)> {
    let mut terms: Vec<_> =
        row.iter().map(|&(coefficient, column)| (column, coefficient)).collect();
    terms.sort_unstable_by_key(|&(column, _)| column);
    terms.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    terms.retain(|(_, coefficient)| *coefficient != Fr::from(0u64));
    terms
}
