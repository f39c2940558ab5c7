//! What the contracts' tests (`contracts/test`) are held against: values that this side computes,
//! and proofs. The files are compared on every run; `ATTESTRY_BLESS=1` writes them anew, the proofs
//! only if they are of another circuit or of other statements.

mod presentations;
mod registry;

use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ff::{Field, PrimeField, UniformRand};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::jubjub::{Point, Scalar};
use attestry_circuits::schnorr;
use attestry_circuits::{field, poseidon};
use attestry_keys::VerifyingKey;
use attestry_keys::interop::solidity::verifying_key_words;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/test/vectors");
    PathBuf::from(folder).join(name)
}

fn is_blessed() -> bool {
    std::env::var_os("ATTESTRY_BLESS").is_some()
}

fn write(name: &str, vectors: &impl Serialize) {
    std::fs::write(file(name), serde_json::to_string_pretty(vectors).unwrap() + "\n").unwrap();
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(file(name)).unwrap()).unwrap()
}

/// The file says what is computed here.
fn compare(name: &str, vectors: &impl Serialize) {
    if is_blessed() {
        write(name, vectors);
    }
    let kept: serde_json::Value = read(name);
    let computed = serde_json::to_value(vectors).unwrap();
    assert!(kept == computed, "{name} is not what is computed: ATTESTRY_BLESS=1 writes it");
}

/// x and y of an issuer's key, and of an eighth of it, which shows that it is in the subgroup.
fn key_words(key: &schnorr::VerifyingKey) -> [String; 4] {
    let point = Point::from_coordinates(key.x(), key.y()).unwrap();
    let eighth = point.multiply(&Scalar::from(8u64).inverse().unwrap()).unwrap();
    [point.x(), point.y(), eighth.x(), eighth.y()].map(|coordinate| field::to_hex(&coordinate))
}

/// Hashes of one input or of five.
#[derive(Serialize)]
struct Hashes {
    /// One after the other.
    inputs: Vec<String>,
    digests: Vec<String>,
}

impl Hashes {
    fn of<const N: usize>(rng: &mut StdRng) -> Self {
        let all = |value: i64| [Fr::from(value); N];
        let random = std::array::from_fn::<_, 8, _>(|_| [(); N].map(|()| Fr::rand(rng)));
        let inputs: Vec<[Fr; N]> = [all(0), all(1), all(-1)].into_iter().chain(random).collect();
        Self {
            digests: inputs.iter().map(|inputs| field::to_hex(&poseidon::hash(inputs))).collect(),
            inputs: inputs.iter().flatten().map(field::to_hex).collect(),
        }
    }
}

#[test]
fn the_contracts_hash_as_the_circuits() {
    #[derive(Serialize)]
    struct Poseidon {
        one: Hashes,
        five: Hashes,
    }
    let mut rng = StdRng::seed_from_u64(1);
    let (one, five) = (Hashes::of::<1>(&mut rng), Hashes::of::<5>(&mut rng));
    compare("poseidon.json", &Poseidon { one, five });
}

/// The points that the words denote, as the precompiles read them.
fn points(words: &[u8]) -> (Vec<G1Affine>, Vec<G2Affine>) {
    let coordinates: Vec<Fq> = words.chunks(32).map(Fq::from_be_bytes_mod_order).collect();
    let g1 = |c: &[Fq]| G1Affine::new(c[0], c[1]);
    let (head, bases) = coordinates.split_at(14);
    let in_g1 = std::iter::once(&head[..2]).chain(bases.chunks(2)).map(g1).collect();
    let in_g2 = head[2..]
        .chunks(4)
        .map(|c| G2Affine::new(ark_bn254::Fq2::new(c[1], c[0]), ark_bn254::Fq2::new(c[3], c[2])));
    (in_g1, in_g2.collect())
}

#[test]
fn the_words_of_a_key_are_its_points() {
    let key: &VerifyingKey = &crate::scene::SCENE.keys.verifying;
    let vk = key.as_inner();
    let (in_g1, in_g2) = points(&verifying_key_words(key));
    assert_eq!(in_g1[0], -vk.alpha_g1);
    assert_eq!(in_g1[1..], vk.gamma_abc_g1);
    assert_eq!(in_g2, [vk.beta_g2, -vk.gamma_g2, -vk.delta_g2]);
}
