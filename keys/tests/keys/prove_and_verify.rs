//! Proofs against the stock verifier, and everything that must be refused.

use crate::toy::{INPUTS, Toy, is_satisfied};
use ark_bn254::{Bn254, Fr};
use ark_ff::{Field, One, UniformRand};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_keys::{
    KeyError, KeySet, PreparedVerifyingKey, Proof, Prover, VerifyError,
    insecure_development_setup_for,
};

fn keys(toy: &Toy, seed: u64) -> KeySet {
    let mut rng = StdRng::seed_from_u64(seed);
    insecure_development_setup_for("toy", &toy.matrices, toy.clone(), &mut rng, |_| {}).unwrap()
}

fn stock_accepts(keys: &KeySet, inputs: &[Fr], proof: &Proof) -> bool {
    let key = prepare_verifying_key(keys.verifying.as_inner());
    Groth16::<Bn254>::verify_proof(&key, proof.as_inner(), inputs).unwrap()
}

/// A key, a proof under it, and the rest of the scene.
struct Scene {
    toy: Toy,
    keys: KeySet,
    verifier: PreparedVerifyingKey,
    proof: Proof,
    rng: StdRng,
}

impl Scene {
    fn new(rounds: usize) -> Self {
        let toy = Toy::new(rounds, 1);
        assert!(is_satisfied(&toy));
        let keys = keys(&toy, 2);
        let verifier = PreparedVerifyingKey::new(keys.verifying.clone());
        let mut rng = StdRng::seed_from_u64(3);
        let prover = Prover::new(keys.proving.clone()).unwrap();
        let proof = prover.prove(&toy.assignment(), &mut rng).unwrap();
        Self { toy, keys, verifier, proof, rng }
    }
}

#[test]
fn stock_verifier_accepts_proofs_with_and_without_tables() {
    for rounds in [1, 7, 300] {
        let toy = Toy::new(rounds, 1);
        assert!(is_satisfied(&toy));
        let keys = keys(&toy, 2);
        let verifier = PreparedVerifyingKey::new(keys.verifying.clone());
        let mut rng = StdRng::seed_from_u64(4);
        let provers = [
            Prover::new(keys.proving.clone()).unwrap(),
            Prover::with_tables(keys.proving.clone()).unwrap(),
            Prover::with_tables_without_lanes(keys.proving.clone()).unwrap(),
        ];
        for seed in 10..13 {
            let instance = Toy::new(rounds, seed);
            for prover in &provers {
                let proof = prover.prove(&instance.assignment(), &mut rng).unwrap();
                assert!(stock_accepts(&keys, instance.inputs(), &proof));
                assert_eq!(verifier.verify(instance.inputs(), &proof), Ok(()));
            }
        }
    }
}

#[test]
fn accepts_proofs_of_the_stock_prover() {
    let mut scene = Scene::new(5);
    let stock = Groth16::<Bn254>::create_random_proof_with_reduction(
        scene.toy.clone(),
        &scene.keys.standard,
        &mut scene.rng,
    )
    .unwrap();
    let mut bytes = Vec::new();
    ark_serialize::CanonicalSerialize::serialize_compressed(&stock, &mut bytes).unwrap();
    let proof = Proof::from_bytes(&bytes).unwrap();
    assert_eq!(scene.verifier.verify(scene.toy.inputs(), &proof), Ok(()));
}

#[test]
fn two_proofs_of_one_assignment_differ() {
    let mut scene = Scene::new(2);
    let prover = Prover::new(scene.keys.proving.clone()).unwrap();
    let other = prover.prove(&scene.toy.assignment(), &mut scene.rng).unwrap();
    assert_ne!(other.to_bytes(), scene.proof.to_bytes());
    assert_eq!(scene.verifier.verify(scene.toy.inputs(), &other), Ok(()));
}

#[test]
fn refuses_to_prove_an_assignment_that_breaks_a_constraint() {
    let mut scene = Scene::new(3);
    let prover = Prover::new(scene.keys.proving.clone()).unwrap();
    let mut false_bit = scene.toy.clone();
    let wire = false_bit.bit_wire();
    false_bit.z[wire] += Fr::from(3u64);
    assert!(!is_satisfied(&false_bit));
    assert!(matches!(
        prover.prove(&false_bit.assignment(), &mut scene.rng),
        Err(KeyError::Unsatisfied { constraint: 0 })
    ));
    let mut two = scene.toy.clone();
    two.z[0] = Fr::from(2u64);
    assert!(matches!(
        prover.prove(&two.assignment(), &mut scene.rng),
        Err(KeyError::AssignmentShape(_))
    ));
    let longer = Toy::new(4, 1);
    assert!(matches!(
        prover.prove(&longer.assignment(), &mut scene.rng),
        Err(KeyError::AssignmentShape(_))
    ));
    let mut short = scene.toy.assignment();
    short.az.pop();
    assert!(matches!(prover.prove(&short, &mut scene.rng), Err(KeyError::AssignmentShape(_))));
}

#[test]
fn false_products_give_no_acceptable_proof() {
    let mut scene = Scene::new(3);
    let prover = Prover::new(scene.keys.proving.clone()).unwrap();
    let mut assignment = scene.toy.assignment();
    // (2a)·(b/2) = c still holds, but 2a is not A·z.
    let row = assignment.az.len() - 1;
    assignment.az[row] *= Fr::from(2u64);
    assignment.bz[row] *= Fr::from(2u64).inverse().unwrap();
    let proof = prover.prove(&assignment, &mut scene.rng).unwrap();
    let answer = scene.verifier.verify(scene.toy.inputs(), &proof);
    assert_eq!(answer, Err(VerifyError::InvalidProof));
}

#[test]
fn rejects_an_extra_input_and_a_missing_trailing_input() {
    let scene = Scene::new(2);
    let mut longer = scene.toy.inputs().to_vec();
    longer.push(Fr::from(0u64));
    let answer = scene.verifier.verify(&longer, &scene.proof);
    assert_eq!(answer, Err(VerifyError::InputCount { expected: 3, found: 4 }));
    let answer = scene.verifier.verify(&scene.toy.inputs()[..2], &scene.proof);
    assert_eq!(answer, Err(VerifyError::InputCount { expected: 3, found: 2 }));
    let answer = scene.verifier.verify(&[], &scene.proof);
    assert_eq!(answer, Err(VerifyError::InputCount { expected: 3, found: 0 }));
}

#[test]
fn rejects_every_changed_input_even_one_that_no_constraint_uses() {
    let mut scene = Scene::new(2);
    for index in 0..INPUTS {
        for value in
            [Fr::from(0u64), scene.toy.inputs()[index] + Fr::one(), Fr::rand(&mut scene.rng)]
        {
            let mut inputs = scene.toy.inputs().to_vec();
            inputs[index] = value;
            let answer = scene.verifier.verify(&inputs, &scene.proof);
            assert_eq!(answer, Err(VerifyError::InvalidProof), "input {index}");
        }
    }
    let mut swapped = scene.toy.inputs().to_vec();
    swapped.swap(0, 1);
    let answer = scene.verifier.verify(&swapped, &scene.proof);
    assert_eq!(answer, Err(VerifyError::InvalidProof));
}

#[test]
fn rejects_a_proof_with_any_changed_byte() {
    let scene = Scene::new(2);
    let bytes = scene.proof.to_bytes();
    for index in 0..bytes.len() {
        for flip in [1u8, 0x40, 0x80, 0xff] {
            let mut changed = bytes;
            changed[index] ^= flip;
            let accepted = Proof::from_bytes(&changed)
                .and_then(|proof| scene.verifier.verify(scene.toy.inputs(), &proof));
            assert!(accepted.is_err(), "byte {index} changed by {flip:#x}");
        }
    }
}

#[test]
fn rejects_a_proof_under_another_key() {
    let scene = Scene::new(2);
    let other = keys(&scene.toy, 99);
    let verifier = PreparedVerifyingKey::new(other.verifying.clone());
    let answer = verifier.verify(scene.toy.inputs(), &scene.proof);
    assert_eq!(answer, Err(VerifyError::InvalidProof));
    assert!(scene.keys.proving.belongs_to(&scene.keys.verifying));
    assert!(!scene.keys.proving.belongs_to(&other.verifying));
}

#[test]
fn set_up_refuses_matrices_that_are_not_the_circuits() {
    let toy = Toy::new(3, 1);
    let mut rng = StdRng::seed_from_u64(5);
    let mut changed = toy.matrices.clone();
    changed.c[2][0].0 += Fr::one();
    let mut fewer = toy.matrices.clone();
    fewer.num_witness -= 1;
    for matrices in [changed, fewer] {
        let made = insecure_development_setup_for("toy", &matrices, toy.clone(), &mut rng, |_| {});
        assert!(matches!(made, Err(KeyError::CircuitMismatch(_))));
    }
}

#[test]
fn progress_ends_with_all_parts_done() {
    let toy = Toy::new(1, 1);
    let mut rng = StdRng::seed_from_u64(6);
    let mut reports = Vec::new();
    insecure_development_setup_for("toy", &toy.matrices, toy.clone(), &mut rng, |progress| {
        reports.push(progress.done);
    })
    .unwrap();
    assert!(reports.is_sorted());
    assert_eq!(reports.first(), Some(&0));
    assert_eq!(reports.last(), Some(&attestry_keys::Progress::PARTS));
}
