//! A verifier contract for a verifying key, with the interface that snarkjs' contracts have.
//!
//! The contract takes points as the precompiles of EIP-196 and EIP-197 do: big-endian words, of a
//! G2 coordinate the imaginary part first. `snarkjs generatecall` and [`calldata`] give them.

use crate::{Proof, VerifyingKey};
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("verifier.sol");

/// The source of contract `Groth16Verifier` for this key.
pub fn verifier_contract(key: &VerifyingKey) -> String {
    let vk = key.as_inner();
    let (constant, bases) = vk
        .gamma_abc_g1
        .split_first()
        .map_or((G1Affine::identity(), [].as_slice()), |(first, rest)| (*first, rest));
    let mut terms = String::new();
    for (index, base) in bases.iter().enumerate() {
        let [x, y] = g1(base);
        let offset = 32 * index;
        // Writing to a string does not fail.
        let _ = write!(
            terms,
            "\n            ok := and(ok, term(sum, calldataload(add(inputs, {offset})), {x}, {y}))"
        );
    }
    let mut source = TEMPLATE.to_owned();
    let mut fill = |name: &str, value: &str| source = source.replace(name, value);
    fill("{key}", &hex::encode(key.hash()));
    fill("{count}", &bases.len().to_string());
    fill("{r}", &word(&Fr::MODULUS));
    fill("{terms}", &terms);
    for (name, words) in [
        ("constant", g1(&constant).to_vec()),
        ("minus_alpha", g1(&-vk.alpha_g1).to_vec()),
        ("beta", g2(&vk.beta_g2).to_vec()),
        ("minus_gamma", g2(&-vk.gamma_g2).to_vec()),
        ("minus_delta", g2(&-vk.delta_g2).to_vec()),
    ] {
        for (index, value) in words.iter().enumerate() {
            fill(&format!("{{{name}_{index}}}"), value);
        }
    }
    source
}

/// The arguments of `verifyProof`, 32 bytes each and big-endian, to follow the selector.
pub fn calldata(proof: &Proof, inputs: &[Fr]) -> Vec<u8> {
    let proof = proof.as_inner();
    let points = g1_coordinates(&proof.a)
        .into_iter()
        .chain(g2_coordinates(&proof.b))
        .chain(g1_coordinates(&proof.c));
    let words = points.map(|value| value.into_bigint());
    words
        .chain(inputs.iter().map(|input| input.into_bigint()))
        .flat_map(|word| word.to_bytes_be())
        .collect()
}

fn word(number: &impl BigInteger) -> String {
    format!("0x{}", hex::encode(number.to_bytes_be()))
}

/// (0, 0) for the identity, as the precompiles have it.
fn g1_coordinates(point: &G1Affine) -> [Fq; 2] {
    point.xy().map_or_else(Default::default, |(x, y)| [x, y])
}

fn g2_coordinates(point: &G2Affine) -> [Fq; 4] {
    let imaginary_first = |(x, y): (Fq2, Fq2)| [x.c1, x.c0, y.c1, y.c0];
    point.xy().map_or_else(Default::default, imaginary_first)
}

fn g1(point: &G1Affine) -> [String; 2] {
    g1_coordinates(point).map(|value| word(&value.into_bigint()))
}

fn g2(point: &G2Affine) -> [String; 4] {
    g2_coordinates(point).map(|value| word(&value.into_bigint()))
}
