//! Keys and proofs as contracts take them, and a verifier contract for a key, with the interface
//! that snarkjs' contracts have.
//!
//! Points are encoded as for the precompiles of EIP-196 and EIP-197: words of 32 bytes, big-endian,
//! of a G2 coordinate the imaginary part first; the identity is zeros. `snarkjs generatecall` gives
//! the same as [`calldata`].

use crate::{Proof, VerifyingKey};
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("verifier.sol");
const WORD: usize = 32;
/// Bytes of [`proof_words`].
pub const PROOF_BYTES: usize = 8 * WORD;

/// The source of contract `Groth16Verifier` for this key.
pub fn verifier_contract(key: &VerifyingKey) -> String {
    let mut source = TEMPLATE.to_owned();
    let mut fill = |name: &str, value: &str| source = source.replace(name, value);
    let mut words = key_coordinates(key).into_iter().map(|value| word(&value.into_bigint()));
    let names =
        [("minus_alpha", 2), ("beta", 4), ("minus_gamma", 4), ("minus_delta", 4), ("constant", 2)];
    let places = names.iter().flat_map(|(name, words)| (0..*words).map(move |i| (name, i)));
    for ((name, index), value) in places.zip(words.by_ref()) {
        fill(&format!("{{{name}_{index}}}"), &value);
    }
    let mut terms = String::new();
    let mut offset = 0;
    while let (Some(x), Some(y)) = (words.next(), words.next()) {
        // Writing to a string does not fail.
        let _ = write!(
            terms,
            "\n            ok := and(ok, term(sum, calldataload(add(inputs, {offset})), {x}, {y}))"
        );
        offset += WORD;
    }
    fill("{key}", &hex::encode(key.hash()));
    fill("{count}", &key.public_inputs().to_string());
    fill("{r}", &word(&Fr::MODULUS));
    fill("{terms}", &terms);
    source
}

/// The key as the contract `PresentationVerifier` takes it: the words of −α, β, −γ, −δ and of the
/// input bases, the constant one first.
pub fn verifying_key_words(key: &VerifyingKey) -> Vec<u8> {
    key_coordinates(key).into_iter().flat_map(|value| value.into_bigint().to_bytes_be()).collect()
}

/// The words of A, B and C.
pub fn proof_words(proof: &Proof) -> [u8; PROOF_BYTES] {
    let proof = proof.as_inner();
    let points = g1_coordinates(&proof.a)
        .into_iter()
        .chain(g2_coordinates(&proof.b))
        .chain(g1_coordinates(&proof.c));
    let mut words = [0; PROOF_BYTES];
    for (word, value) in words.as_chunks_mut::<WORD>().0.iter_mut().zip(points) {
        word.copy_from_slice(&value.into_bigint().to_bytes_be());
    }
    words
}

/// The arguments of `verifyProof`, to follow the selector: the proof's words and the inputs'.
pub fn calldata(proof: &Proof, inputs: &[Fr]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|input| input.into_bigint().to_bytes_be());
    proof_words(proof).into_iter().chain(inputs).collect()
}

fn key_coordinates(key: &VerifyingKey) -> Vec<Fq> {
    let vk = key.as_inner();
    let in_g2 = [vk.beta_g2, -vk.gamma_g2, -vk.delta_g2];
    g1_coordinates(&-vk.alpha_g1)
        .into_iter()
        .chain(in_g2.iter().flat_map(g2_coordinates))
        .chain(vk.gamma_abc_g1.iter().flat_map(g1_coordinates))
        .collect()
}

fn word(number: &impl BigInteger) -> String {
    format!("0x{}", hex::encode(number.to_bytes_be()))
}

fn g1_coordinates(point: &G1Affine) -> [Fq; 2] {
    point.xy().map_or_else(Default::default, |(x, y)| [x, y])
}

fn g2_coordinates(point: &G2Affine) -> [Fq; 4] {
    let imaginary_first = |(x, y): (Fq2, Fq2)| [x.c1, x.c0, y.c1, y.c0];
    point.xy().map_or_else(Default::default, imaginary_first)
}
