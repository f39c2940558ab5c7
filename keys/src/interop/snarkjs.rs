//! Verification key, proof and public signals as the JSON that snarkjs writes and reads.
//!
//! Numbers are decimal strings, points projective coordinates. What is read must be in the one
//! form that is written: every number below its modulus, every point in its subgroup.

use super::elements::{JsonPoint, decimal, from_decimal};
use crate::{KeyError, Proof, VerifyingKey};
use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const VERIFICATION_KEY: &str = "verification key";
const PROOF: &str = "proof";
const PUBLIC_SIGNALS: &str = "public signals";
const PROTOCOL: &str = "groth16";
const CURVE: &str = "bn128";

type G1Json = <G1Affine as JsonPoint>::Json;
type G2Json = <G2Affine as JsonPoint>::Json;

/// snarkjs also writes `vk_alphabeta_12`, the pairing of two of these points, which its verifier
/// does not use. It is not written here, and not looked at.
#[derive(Serialize, Deserialize)]
struct VerificationKeyJson {
    protocol: String,
    curve: String,
    #[serde(rename = "nPublic")]
    public_inputs: usize,
    vk_alpha_1: G1Json,
    vk_beta_2: G2Json,
    vk_gamma_2: G2Json,
    vk_delta_2: G2Json,
    #[serde(rename = "IC")]
    input_bases: Vec<G1Json>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofJson {
    pi_a: G1Json,
    pi_b: G2Json,
    pi_c: G1Json,
    protocol: String,
    curve: String,
}

/// The verifying key as `verification_key.json`.
///
/// # Errors
/// None for a key that was read or made by this crate.
pub fn write_verification_key(key: &VerifyingKey) -> Result<String, KeyError> {
    let vk = key.as_inner();
    let json = VerificationKeyJson {
        protocol: PROTOCOL.to_owned(),
        curve: CURVE.to_owned(),
        public_inputs: key.public_inputs(),
        vk_alpha_1: vk.alpha_g1.to_json(),
        vk_beta_2: vk.beta_g2.to_json(),
        vk_gamma_2: vk.gamma_g2.to_json(),
        vk_delta_2: vk.delta_g2.to_json(),
        input_bases: vk.gamma_abc_g1.iter().map(JsonPoint::to_json).collect(),
    };
    write(VERIFICATION_KEY, &json)
}

/// Reads `verification_key.json`.
///
/// # Errors
/// [`KeyError::Malformed`] if it is not a Groth16 key over BN254, a point is not in its subgroup,
/// one of α, β, γ, δ is the identity, or the input bases are not those of `nPublic`.
pub fn read_verification_key(text: &str) -> Result<VerifyingKey, KeyError> {
    let json: VerificationKeyJson = read(VERIFICATION_KEY, text)?;
    check_kind(VERIFICATION_KEY, &json.protocol, &json.curve)?;
    if json.public_inputs.checked_add(1) != Some(json.input_bases.len()) {
        return Err(malformed(VERIFICATION_KEY, "IC has not one point more than nPublic"));
    }
    let in_subgroup = || malformed(VERIFICATION_KEY, "a point of IC is not in its subgroup");
    let input_bases: Option<Vec<_>> = json.input_bases.iter().map(G1Affine::from_json).collect();
    Ok(VerifyingKey::from_inner(ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: read_nonzero(VERIFICATION_KEY, &json.vk_alpha_1)?,
        beta_g2: read_nonzero(VERIFICATION_KEY, &json.vk_beta_2)?,
        gamma_g2: read_nonzero(VERIFICATION_KEY, &json.vk_gamma_2)?,
        delta_g2: read_nonzero(VERIFICATION_KEY, &json.vk_delta_2)?,
        gamma_abc_g1: input_bases.ok_or_else(in_subgroup)?,
    }))
}

/// The proof as `proof.json`.
///
/// # Errors
/// None for a proof that was read or made by this crate.
pub fn write_proof(proof: &Proof) -> Result<String, KeyError> {
    let inner = proof.as_inner();
    let json = ProofJson {
        pi_a: inner.a.to_json(),
        pi_b: inner.b.to_json(),
        pi_c: inner.c.to_json(),
        protocol: PROTOCOL.to_owned(),
        curve: CURVE.to_owned(),
    };
    write(PROOF, &json)
}

/// Reads `proof.json`.
///
/// # Errors
/// [`KeyError::Malformed`] if it is not a Groth16 proof over BN254, or a point is not in its
/// subgroup or is the identity.
pub fn read_proof(text: &str) -> Result<Proof, KeyError> {
    let json: ProofJson = read(PROOF, text)?;
    check_kind(PROOF, &json.protocol, &json.curve)?;
    Ok(Proof::from_inner(ark_groth16::Proof {
        a: read_nonzero(PROOF, &json.pi_a)?,
        b: read_nonzero(PROOF, &json.pi_b)?,
        c: read_nonzero(PROOF, &json.pi_c)?,
    }))
}

/// The public inputs, without the constant one, as `public.json`.
///
/// # Errors
/// None for elements.
pub fn write_public_signals(inputs: &[Fr]) -> Result<String, KeyError> {
    write(PUBLIC_SIGNALS, &inputs.iter().map(decimal).collect::<Vec<_>>())
}

/// Reads `public.json`.
///
/// # Errors
/// [`KeyError::Malformed`] if a number is not in canonical form and below the modulus.
pub fn read_public_signals(text: &str) -> Result<Vec<Fr>, KeyError> {
    let signals: Vec<String> = read(PUBLIC_SIGNALS, text)?;
    let inputs: Option<_> = signals.iter().map(|signal| from_decimal(signal)).collect();
    inputs.ok_or(malformed(PUBLIC_SIGNALS, "a number is not below the modulus in decimal digits"))
}

fn malformed(key: &'static str, rule: &'static str) -> KeyError {
    KeyError::Malformed { key, rule }
}

fn write(key: &'static str, json: &impl Serialize) -> Result<String, KeyError> {
    serde_json::to_string_pretty(json).map_err(|_| malformed(key, "it has no encoding"))
}

fn read<T: DeserializeOwned>(key: &'static str, text: &str) -> Result<T, KeyError> {
    serde_json::from_str(text).map_err(|_| malformed(key, "it is not JSON of the expected form"))
}

fn check_kind(key: &'static str, protocol: &str, curve: &str) -> Result<(), KeyError> {
    match protocol == PROTOCOL && curve == CURVE {
        true => Ok(()),
        false => Err(malformed(key, "it is not for groth16 over bn128")),
    }
}

fn read_nonzero<P: JsonPoint>(key: &'static str, json: &P::Json) -> Result<P, KeyError> {
    P::from_json(json)
        .filter(|point| !point.is_zero())
        .ok_or(malformed(key, "a point is not in its subgroup, or is the identity"))
}
