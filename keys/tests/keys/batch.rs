//! Batches answer as single verifications do, and name exactly the bad proofs.

use crate::toy::Toy;
use ark_bn254::{Fq2, Fr, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{One, PrimeField, UniformRand, Zero};
use ark_serialize::CanonicalSerialize;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_keys::{
    PreparedVerifyingKey, Proof, Prover, VerifyError, insecure_development_setup_for,
};
use proptest::prelude::*;
use std::sync::LazyLock;

struct Scene {
    verifier: PreparedVerifyingKey,
    items: Vec<(Vec<Fr>, Proof)>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let toy = Toy::new(2, 0);
    let keys = insecure_development_setup_for("toy", &toy.matrices, toy.clone(), &mut rng, |_| {})
        .unwrap();
    let prover = Prover::new(keys.proving).unwrap();
    let items = (0..24)
        .map(|seed| {
            let toy = Toy::new(2, seed);
            (toy.inputs().to_vec(), prover.prove(&toy.assignment(), &mut rng).unwrap())
        })
        .collect();
    Scene { verifier: PreparedVerifyingKey::new(keys.verifying), items }
});

fn verify(items: &[(Vec<Fr>, Proof)], seed: u64) -> Vec<Result<(), VerifyError>> {
    let items: Vec<_> = items.iter().map(|(inputs, proof)| (inputs.as_slice(), proof)).collect();
    SCENE.verifier.verify_batch(&items, &mut StdRng::seed_from_u64(seed))
}

#[test]
fn accepts_batches_of_good_proofs_of_every_size() {
    for size in 0..=SCENE.items.len() {
        assert_eq!(verify(&SCENE.items[..size], size as u64), vec![Ok(()); size]);
    }
}

#[test]
fn names_a_single_bad_proof_wherever_it_stands() {
    for bad in 0..SCENE.items.len() {
        let mut items = SCENE.items.clone();
        items[bad].0[0] += Fr::one();
        let answers = verify(&items, 7);
        for (index, answer) in answers.iter().enumerate() {
            let expected = if index == bad { Err(VerifyError::InvalidProof) } else { Ok(()) };
            assert_eq!(*answer, expected, "{index}");
        }
    }
}

#[test]
fn errors_that_cancel_in_a_plain_sum_are_found() {
    // One input raised in one proof and lowered as much in another: an unweighted product of the
    // equations would hold.
    let mut items = SCENE.items[..8].to_vec();
    items[2].0[1] += Fr::from(9u64);
    items[5].0[1] -= Fr::from(9u64);
    let answers = verify(&items, 8);
    let bad: Vec<_> = (0..8).filter(|&index| answers[index].is_err()).collect();
    assert_eq!(bad, [2, 5]);
}

#[test]
fn proofs_that_are_swapped_between_statements_are_found() {
    let mut items = SCENE.items[..6].to_vec();
    let first = items[1].1.clone();
    items[1].1 = items[4].1.clone();
    items[4].1 = first;
    let answers = verify(&items, 9);
    let bad: Vec<_> = (0..6).filter(|&index| answers[index].is_err()).collect();
    assert_eq!(bad, [1, 4]);
}

#[test]
fn a_wrong_number_of_inputs_is_told_apart_and_spoils_no_other_answer() {
    let mut items = SCENE.items[..5].to_vec();
    items[0].0.push(Fr::one());
    items[3].0.pop();
    let answers = verify(&items, 10);
    assert_eq!(
        answers,
        [
            Err(VerifyError::InputCount { expected: 3, found: 4 }),
            Ok(()),
            Ok(()),
            Err(VerifyError::InputCount { expected: 3, found: 2 }),
            Ok(()),
        ]
    );
}

#[test]
fn the_same_proof_many_times_is_accepted_each_time() {
    let items = vec![SCENE.items[0].clone(); 9];
    assert_eq!(verify(&items, 11), vec![Ok(()); 9]);
}

#[test]
fn an_encoding_that_is_no_proof_spoils_no_other_answer() {
    let encoded: Vec<_> = SCENE.items[..6].iter().map(|(_, proof)| proof.to_bytes()).collect();
    let mut items: Vec<(&[Fr], &[u8])> = SCENE.items[..6]
        .iter()
        .zip(&encoded)
        .map(|((inputs, _), bytes)| (inputs.as_slice(), bytes.as_slice()))
        .collect();
    items[1].1 = &[0xff; 128];
    items[2].1 = &encoded[2][..127];
    items[5].1 = &encoded[0];
    let answers = SCENE.verifier.verify_encoded_batch(&items, &mut StdRng::seed_from_u64(12));
    assert_eq!(
        answers,
        [
            Ok(()),
            Err(VerifyError::ProofPoint),
            Err(VerifyError::ProofLength { found: 127 }),
            Ok(()),
            Ok(()),
            Err(VerifyError::InvalidProof),
        ]
    );
}

/// Points of the twist outside the subgroup whose strays cancel in a sum: a subgroup check of the
/// sum alone, without weights, would let both pass.
#[test]
fn points_outside_the_subgroup_are_found_one_by_one() {
    let mut rng = StdRng::seed_from_u64(13);
    let stray = loop {
        let point = G2Affine::get_point_from_x_unchecked(Fq2::rand(&mut rng), true);
        let stray = point.map(|point| point.mul_bigint(Fr::MODULUS));
        if let Some(stray) = stray.filter(|stray| !stray.is_zero()) {
            break stray;
        }
    };
    let encoded: Vec<Vec<u8>> = SCENE.items[..4]
        .iter()
        .enumerate()
        .map(|(index, (_, proof))| {
            let mut proof = proof.as_inner().clone();
            match index {
                1 => proof.b = (proof.b + stray).into_affine(),
                2 => proof.b = (proof.b.into_group() - stray).into_affine(),
                _ => {}
            }
            let mut bytes = Vec::new();
            proof.serialize_compressed(&mut bytes).unwrap();
            bytes
        })
        .collect();
    let items: Vec<(&[Fr], &[u8])> = SCENE.items[..4]
        .iter()
        .zip(&encoded)
        .map(|((inputs, _), bytes)| (inputs.as_slice(), bytes.as_slice()))
        .collect();
    let answers = SCENE.verifier.verify_encoded_batch(&items, &mut rng);
    let refused = Err(VerifyError::ProofPoint);
    assert_eq!(answers, [Ok(()), refused, refused, Ok(())]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn batches_answer_as_single_verifications_do(
        faults in proptest::collection::vec(0u8..6, 1..=24),
        seed: u64,
    ) {
        let mut items = SCENE.items[..faults.len()].to_vec();
        for (index, fault) in faults.iter().enumerate() {
            match fault {
                0 => items[index].0[2] += Fr::one(),
                1 => items[index].1 = SCENE.items[(index + 1) % 24].1.clone(),
                2 => items[index].0.clear(),
                _ => {}
            }
        }
        let answers = verify(&items, seed);
        for ((inputs, proof), answer) in items.iter().zip(&answers) {
            prop_assert_eq!(*answer, SCENE.verifier.verify(inputs, proof));
        }
        for (answer, fault) in answers.iter().zip(&faults) {
            prop_assert_eq!(answer.is_ok(), *fault > 2);
        }
    }
}
