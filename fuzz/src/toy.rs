//! Keys and a proof of a circuit so small that they are made before the first input is read.

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::r1cs::{Assignment, ConstraintMatrices};
use attestry_keys::{KeySet, PreparedVerifyingKey, Proof, Prover, insecure_development_setup_for};

/// x·y = p and p·x = q for the inputs p, q and one that no constraint uses.
#[derive(Clone)]
struct Toy;

const INPUTS: [u64; 3] = [15, 45, 8];
const WITNESS: [u64; 2] = [3, 5];

impl ConstraintSynthesizer<Fr> for Toy {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let [p, q, _] = INPUTS.map(|value| system.new_input_variable(|| Ok(Fr::from(value))));
        let [x, y] = WITNESS.map(|value| system.new_witness_variable(|| Ok(Fr::from(value))));
        let (p, q, x, y) = (p?, q?, x?, y?);
        let alone = |variable: Variable| LinearCombination::from((Fr::ONE, variable));
        system.enforce_r1cs_constraint(|| alone(x), || alone(y), || alone(p))?;
        system.enforce_r1cs_constraint(|| alone(p), || alone(x), || alone(q))
    }
}

/// The toy's keys, one proof and the inputs that it is of.
pub struct Keys {
    pub matrices: ConstraintMatrices,
    pub set: KeySet,
    pub prepared: PreparedVerifyingKey,
    pub proof: Proof,
    pub inputs: [Fr; 3],
}

/// Made from a seed, so that a crash file means the same tomorrow.
pub static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let row = |column| vec![(Fr::ONE, column)];
    let matrices = ConstraintMatrices {
        num_instance: 1 + INPUTS.len(),
        num_witness: WITNESS.len(),
        a: vec![row(4), row(1)],
        b: vec![row(5), row(4)],
        c: vec![row(1), row(2)],
        sections: Vec::new(),
    };
    let mut rng = StdRng::seed_from_u64(1);
    let set = insecure_development_setup_for("toy", &matrices, Toy, &mut rng, |_| ()).unwrap();
    let numbers = |values: &[u64]| values.iter().map(|value| Fr::from(*value)).collect::<Vec<_>>();
    let assignment = Assignment {
        z: numbers(&[1, 15, 45, 8, 3, 5]),
        az: numbers(&[3, 15]),
        bz: numbers(&[5, 3]),
    };
    let proof = Prover::new(set.proving.clone()).unwrap().prove(&assignment, &mut rng).unwrap();
    let prepared = PreparedVerifyingKey::new(set.verifying.clone());
    let inputs = INPUTS.map(Fr::from);
    prepared.verify(&inputs, &proof).unwrap();
    Keys { matrices, set, prepared, proof, inputs }
});
