//! The real circuit: a sample's statement from set-up to the verified statement.

use ark_bn254::{Bn254, Fr};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::Statement;
use attestry_circuits::r1cs::{CircuitId, PresentationCircuit, Row, assign, matrices};
use attestry_circuits::sample::Sample;
use attestry_keys::{
    KeyError, KeySet, KeyStore, PreparedVerifyingKey, Proof, Prover, VerifyError,
    insecure_development_setup,
};
use std::sync::LazyLock;

struct Scene {
    keys: KeySet,
    prover: Prover,
    verifier: PreparedVerifyingKey,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let keys = insecure_development_setup(&mut rng, |_| {}).unwrap();
    Scene {
        prover: Prover::new(keys.proving.clone()).unwrap(),
        verifier: PreparedVerifyingKey::new(keys.verifying.clone()),
        keys,
    }
});

fn proven(seed: u64) -> (Statement, Proof) {
    let mut rng = StdRng::seed_from_u64(seed);
    let sample = Sample::new(seed);
    let proof = SCENE.prover.prove_statement(&sample.statement, &sample.witness, &mut rng).unwrap();
    (sample.statement, proof)
}

#[test]
fn a_proven_statement_is_verified_here_and_by_the_stock_verifier() {
    let stock = prepare_verifying_key(SCENE.keys.verifying.as_inner());
    let others = [Prover::with_tables, Prover::with_tables_without_lanes]
        .map(|prover| prover(SCENE.keys.proving.clone()).unwrap());
    for seed in 0..3 {
        let (statement, proof) = proven(seed);
        let inputs = statement.public_inputs();
        assert!(Groth16::<Bn254>::verify_proof(&stock, proof.as_inner(), &inputs).unwrap());
        let received = Proof::from_bytes(&proof.to_bytes()).unwrap();
        let verified = SCENE.verifier.verify_statement(statement.clone(), &received).unwrap();
        assert_eq!(verified.statement().public_inputs(), inputs);

        let sample = Sample::new(seed);
        for prover in &others {
            let mut rng = StdRng::seed_from_u64(seed);
            let same =
                prover.prove_statement(&sample.statement, &sample.witness, &mut rng).unwrap();
            assert_eq!(same.to_bytes(), proof.to_bytes(), "randomness aside, proofs are the same");
        }
    }
}

#[test]
fn a_proof_of_the_stock_prover_is_verified() {
    let sample = Sample::new(5);
    let circuit = PresentationCircuit::with(assign(&sample.statement, &sample.witness).unwrap());
    let mut rng = StdRng::seed_from_u64(5);
    let proof = Groth16::<Bn254>::create_random_proof_with_reduction(
        circuit,
        &SCENE.keys.standard,
        &mut rng,
    )
    .unwrap();
    let mut bytes = Vec::new();
    ark_serialize::CanonicalSerialize::serialize_compressed(&proof, &mut bytes).unwrap();
    let proof = Proof::from_bytes(&bytes).unwrap();
    assert!(SCENE.verifier.verify_statement(sample.statement, &proof).is_ok());
}

#[test]
fn a_change_of_any_single_public_input_is_rejected() {
    let (statement, proof) = proven(6);
    let inputs = statement.public_inputs();
    for index in 0..inputs.len() {
        let mut changed = inputs;
        changed[index] += Fr::from(1u64);
        let answer = SCENE.verifier.verify(&changed, &proof);
        assert_eq!(answer, Err(VerifyError::InvalidProof), "{}", Statement::INPUT_NAMES[index]);
    }
    assert_eq!(SCENE.verifier.verify(&inputs, &proof), Ok(()));
}

#[test]
fn a_batch_of_statements_names_the_one_with_another_time() {
    let mut items: Vec<_> = (20..26).map(proven).collect();
    items[4].0.now += 1;
    let mut rng = StdRng::seed_from_u64(9);
    let pairs = items.iter().map(|(statement, proof)| (statement.clone(), proof)).collect();
    let answers = SCENE.verifier.verify_statements(pairs, &mut rng);
    let accepted: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, true, true, false, true]);
}

#[test]
fn a_statement_that_does_not_hold_is_not_proven() {
    let mut sample = Sample::new(7);
    sample.statement.now += 1 << 39;
    let mut rng = StdRng::seed_from_u64(7);
    let answer = SCENE.prover.prove_statement(&sample.statement, &sample.witness, &mut rng);
    assert!(matches!(answer, Err(KeyError::Violation(_))));
}

/// The prover's check is part of its code, in every build: stock provers assert satisfaction in
/// debug builds only, and silently prove what is not so in release builds.
#[test]
fn a_forged_assignment_is_not_proven_in_any_build() {
    let sample = Sample::new(7);
    let honest = assign(&sample.statement, &sample.witness).unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    let matrices = matrices();
    // Variables that a product defines; some hints are free where nobody asks for them.
    let products = matrices.c.iter().filter_map(|row| Some(row.last()?.1));
    for wire in products.filter(|wire| *wire >= matrices.num_instance).step_by(997) {
        let mut forged = honest.clone();
        forged.z[wire] += Fr::from(2u64);
        let times_z = |rows: &[Row]| {
            let dot = |row: &Row| row.iter().map(|(factor, wire)| *factor * forged.z[*wire]).sum();
            rows.iter().map(dot).collect()
        };
        (forged.az, forged.bz) = (times_z(&matrices.a), times_z(&matrices.b));
        let answer = SCENE.prover.prove(&forged, &mut rng);
        assert!(matches!(answer, Err(KeyError::Unsatisfied { .. })), "wire {wire}");
    }
}

#[test]
fn development_keys_are_made_once() {
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_presentations(root.path().join("keys"));
    store.save(&SCENE.keys).unwrap();
    let mut rng = StdRng::seed_from_u64(8);
    let mut heard = 0;
    store.ensure_insecure_development_keys(&mut rng, |_| heard += 1).unwrap();
    assert_eq!(heard, 0);
    assert_eq!(store.verifying_key().unwrap(), SCENE.keys.verifying);

    let foreign = KeyStore::for_circuit(root.path().join("keys"), "another");
    let answer = foreign.ensure_insecure_development_keys(&mut rng, |_| {});
    assert!(matches!(answer, Err(KeyError::OtherCircuit { .. })));
}

#[test]
fn development_keys_below_a_folder_stand_in_one_of_their_circuit() {
    let root = tempfile::tempdir().unwrap();
    let id = CircuitId::presentation().to_string();
    let folder = root.path().join(format!("insecure-development-keys-{id}"));
    KeyStore::for_presentations(&folder).save(&SCENE.keys).unwrap();
    let mut rng = StdRng::seed_from_u64(9);
    let store = KeyStore::insecure_development_keys_below(root.path(), &mut rng).unwrap();
    assert_eq!(store.verifying_key().unwrap(), SCENE.keys.verifying);
}
