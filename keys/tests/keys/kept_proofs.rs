//! Proofs are kept with the key of their circuit and stay what they were: good ones verifiable,
//! changed ones refused for the same reason. A circuit without a file gets one by
//! `ATTESTRY_BLESS=1`; a file that exists is never written again.
//!
//! Each case also says what stock `ark-groth16` answers. It does not count public inputs: it takes
//! one too many, and one too few if that one is 0.

mod cases;

use ark_bn254::{Bn254, Fr};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_serialize::CanonicalDeserialize;
use attestry_circuits::field;
use attestry_circuits::r1cs::CircuitId;
use attestry_keys::{PreparedVerifyingKey, Proof, VerifyError, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/proofs");

/// Proofs of one circuit under one key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptProofs {
    circuit_id: String,
    /// Hexadecimal.
    verifying_key: String,
    cases: Vec<Case>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    /// Each `0x` and 64 hexadecimal digits.
    inputs: Vec<String>,
    /// Hexadecimal.
    proof: String,
    expect: Expect,
    /// Whether stock `ark-groth16` decodes and accepts it.
    stock_accepts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expect {
    Accept,
    RefuseInputEncoding,
    RefuseInputCount,
    RefuseProofLength,
    RefuseProofPoint,
    RefuseProofEncoding,
    RefuseProof,
}

fn file_of(circuit_id: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{}.json", &circuit_id[..16]))
}

/// What this crate's verifier answers.
fn judge(key: &PreparedVerifyingKey, inputs: &[String], proof: &[u8]) -> Expect {
    let Ok(inputs) =
        inputs.iter().map(|input| field::from_hex(input)).collect::<Result<Vec<_>, _>>()
    else {
        return Expect::RefuseInputEncoding;
    };
    match Proof::from_bytes(proof).and_then(|proof| key.verify(&inputs, &proof)) {
        Ok(()) => Expect::Accept,
        Err(VerifyError::InputCount { .. }) => Expect::RefuseInputCount,
        Err(VerifyError::ProofLength { .. }) => Expect::RefuseProofLength,
        Err(VerifyError::ProofPoint) => Expect::RefuseProofPoint,
        Err(VerifyError::NonCanonicalProof) => Expect::RefuseProofEncoding,
        Err(VerifyError::InvalidProof) => Expect::RefuseProof,
    }
}

/// What stock `ark-groth16` answers; inputs that are no field elements never reach it.
fn stock_accepts(
    key: &ark_groth16::PreparedVerifyingKey<Bn254>,
    inputs: &[String],
    proof: &[u8],
) -> bool {
    let inputs: Result<Vec<Fr>, _> = inputs.iter().map(|input| field::from_hex(input)).collect();
    let proof = ark_groth16::Proof::<Bn254>::deserialize_compressed(proof);
    match (inputs, proof) {
        (Ok(inputs), Ok(proof)) => {
            Groth16::<Bn254>::verify_proof(key, &proof, &inputs).unwrap_or(false)
        }
        _ => false,
    }
}

#[test]
fn kept_proofs_stay_what_they_were() {
    let current = CircuitId::presentation().to_string();
    let file = file_of(&current);
    if std::env::var_os("ATTESTRY_BLESS").is_some() && !file.exists() {
        let kept = serde_json::to_string_pretty(&cases::keep_proofs(current)).unwrap();
        fs::write(&file, kept + "\n").unwrap();
    }
    assert!(file.exists(), "this circuit has no kept proofs: ATTESTRY_BLESS=1 makes {file:?}");

    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let kept: KeptProofs = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(path, file_of(&kept.circuit_id), "a file bears the name of its circuit");
        let key = VerifyingKey::from_bytes(&hex::decode(&kept.verifying_key).unwrap()).unwrap();
        let stock = prepare_verifying_key(key.as_inner());
        let verifier = PreparedVerifyingKey::new(key);
        for case in &kept.cases {
            let proof = hex::decode(&case.proof).unwrap();
            let found = judge(&verifier, &case.inputs, &proof);
            assert_eq!(found, case.expect, "{}: {}", path.display(), case.what);
            let found = stock_accepts(&stock, &case.inputs, &proof);
            assert_eq!(found, case.stock_accepts, "{}: {} (stock)", path.display(), case.what);
        }
        for expect in [
            Expect::Accept,
            Expect::RefuseInputEncoding,
            Expect::RefuseInputCount,
            Expect::RefuseProofLength,
            Expect::RefuseProofPoint,
            Expect::RefuseProof,
        ] {
            let covered = kept.cases.iter().any(|case| case.expect == expect);
            assert!(covered, "{}: no case of {expect:?}", path.display());
        }
    }
}
