//! Proofs are decoded from foreign bytes: one encoding each, an error for everything else.

use crate::toy::Toy;
use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, BigInteger, PrimeField, UniformRand};
use ark_serialize::CanonicalSerialize;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_keys::{
    PreparedVerifyingKey, Proof, Prover, ProvingKey, VerifyError, VerifyingKey,
    insecure_development_setup_for,
};
use proptest::prelude::*;
use std::sync::LazyLock;

struct Scene {
    inputs: Vec<Fr>,
    verifier: PreparedVerifyingKey,
    proof: [u8; Proof::LEN],
    proving_key: Vec<u8>,
    verifying_key: Vec<u8>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let toy = Toy::new(1, 0);
    let keys = insecure_development_setup_for("toy", &toy.matrices, toy.clone(), &mut rng, |_| {})
        .unwrap();
    let proving_key = keys.proving.to_bytes();
    let prover = Prover::new(keys.proving).unwrap();
    Scene {
        inputs: toy.inputs().to_vec(),
        proof: prover.prove(&toy.assignment(), &mut rng).unwrap().to_bytes(),
        verifying_key: keys.verifying.to_bytes(),
        verifier: PreparedVerifyingKey::new(keys.verifying),
        proving_key,
    }
});

fn compressed(point: &impl CanonicalSerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    point.serialize_compressed(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_proof_survives_encoding_and_decoding() {
    let proof = Proof::from_bytes(&SCENE.proof).unwrap();
    assert_eq!(proof.to_bytes(), SCENE.proof);
    assert_eq!(SCENE.verifier.verify(&SCENE.inputs, &proof), Ok(()));
}

#[test]
fn rejects_every_other_length() {
    for found in [0, 1, 64, 127] {
        let answer = Proof::from_bytes(&SCENE.proof[..found]);
        assert_eq!(answer, Err(VerifyError::ProofLength { found }));
    }
    let longer = [SCENE.proof.as_slice(), &[0]].concat();
    assert_eq!(Proof::from_bytes(&longer), Err(VerifyError::ProofLength { found: 129 }));
}

#[test]
fn rejects_coordinates_that_are_not_below_the_modulus() {
    // x + p has the same residue as x; only x itself is canonical. A's x lies in bytes 0..32, C's
    // in 96..128, both with the sign in the top bit.
    for start in [0, 96] {
        let mut bytes = SCENE.proof;
        let sign = bytes[start + 31] & 0xc0;
        bytes[start + 31] &= 0x3f;
        let mut x = BigInt(std::array::from_fn(|i| {
            u64::from_le_bytes(bytes[start + 8 * i..start + 8 * i + 8].try_into().unwrap())
        }));
        let overflow = x.add_with_carry(&Fq::MODULUS);
        let raised = x.to_bytes_le();
        if overflow || raised[31] & 0xc0 != 0 {
            continue;
        }
        bytes[start..start + 32].copy_from_slice(&raised);
        bytes[start + 31] |= sign;
        assert_eq!(Proof::from_bytes(&bytes), Err(VerifyError::ProofPoint));
    }
    let mut all_ones = SCENE.proof;
    all_ones[..32].copy_from_slice(&[0x3f; 32]);
    assert_eq!(Proof::from_bytes(&all_ones), Err(VerifyError::ProofPoint));
}

#[test]
fn rejects_the_identity_in_every_place_and_every_disguise() {
    for (start, identity) in [
        (0, compressed(&G1Affine::identity())),
        (32, compressed(&G2Affine::identity())),
        (96, compressed(&G1Affine::identity())),
    ] {
        let end = start + identity.len();
        let mut bytes = SCENE.proof;
        bytes[start..end].copy_from_slice(&identity);
        assert_eq!(Proof::from_bytes(&bytes), Err(VerifyError::ProofPoint));
        // The flag of the identity over a coordinate that is not zero.
        let mut bytes = SCENE.proof;
        bytes[end - 1] = bytes[end - 1] & 0x3f | 0x40;
        assert!(Proof::from_bytes(&bytes).is_err());
        // Both flags at once mean nothing.
        let mut bytes = SCENE.proof;
        bytes[end - 1] |= 0xc0;
        assert!(Proof::from_bytes(&bytes).is_err());
    }
}

#[test]
fn rejects_a_point_of_the_twist_outside_the_subgroup() {
    let mut rng = StdRng::seed_from_u64(3);
    let outside = loop {
        let x = ark_bn254::Fq2::rand(&mut rng);
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, true)
            && !point.is_in_correct_subgroup_assuming_on_curve()
        {
            break point;
        }
    };
    assert!(outside.is_on_curve());
    let mut bytes = SCENE.proof;
    bytes[32..96].copy_from_slice(&compressed(&outside));
    assert_eq!(Proof::from_bytes(&bytes), Err(VerifyError::ProofPoint));
}

#[test]
fn rejects_a_proving_key_whose_domain_is_larger_than_the_key() {
    let mut key = SCENE.proving_key.clone();
    let instance = key.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    key[instance..instance + 4].copy_from_slice(&(1u32 << 23).to_le_bytes());
    assert!(ProvingKey::from_bytes_unchecked(&key).is_err());
}

#[test]
fn a_proof_of_other_points_is_decoded_and_then_rejected() {
    let generator = ark_groth16::Proof::<Bn254> {
        a: G1Affine::generator(),
        b: G2Affine::generator(),
        c: G1Affine::generator(),
    };
    let proof = Proof::from_bytes(&compressed(&generator)).unwrap();
    let answer = SCENE.verifier.verify(&SCENE.inputs, &proof);
    assert_eq!(answer, Err(VerifyError::InvalidProof));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(proof) = Proof::from_bytes(&bytes) {
            prop_assert_eq!(proof.to_bytes().to_vec(), bytes.clone());
            prop_assert!(SCENE.verifier.verify(&SCENE.inputs, &proof).is_err());
        }
        prop_assert!(VerifyingKey::from_bytes(&bytes).is_err());
        prop_assert!(ProvingKey::from_bytes_unchecked(&bytes).is_err());
    }

    #[test]
    fn garbage_of_the_right_length_is_never_accepted(bytes: [u8; 32], place in 0usize..4) {
        let mut proof = SCENE.proof;
        proof[32 * place..32 * place + 32].copy_from_slice(&bytes);
        let accepted = Proof::from_bytes(&proof)
            .and_then(|proof| SCENE.verifier.verify(&SCENE.inputs, &proof));
        prop_assert!(accepted.is_err());
    }

    #[test]
    fn changed_proofs_are_never_accepted(index in 0usize..128, value: u8) {
        let mut proof = SCENE.proof;
        prop_assume!(proof[index] != value);
        proof[index] = value;
        let accepted = Proof::from_bytes(&proof)
            .and_then(|proof| SCENE.verifier.verify(&SCENE.inputs, &proof));
        prop_assert!(accepted.is_err());
    }

    #[test]
    fn changed_key_bytes_never_make_the_decoders_panic(index: usize, value: u8) {
        let mut key = SCENE.verifying_key.clone();
        let index_in_key = index % key.len();
        prop_assume!(key[index_in_key] != value);
        key[index_in_key] = value;
        prop_assert!(VerifyingKey::from_bytes(&key).is_err());
        let mut key = SCENE.proving_key.clone();
        let index = index % key.len();
        key[index] = value;
        // Not a decoder of foreign bytes, and still it must not panic.
        let read = ProvingKey::from_bytes_unchecked(&key);
        prop_assert!(read.is_err() || read.is_ok_and(|read| read.to_bytes() == key));
    }
}
