//! Verification key, proof and public signals as snarkjs' JSON.

use crate::node;
use crate::scene::{SCENE, outside_the_subgroup};
use ark_bn254::{Fq, Fq2, Fr, G1Affine};
use ark_ff::PrimeField;
use attestry_keys::interop::snarkjs::{
    read_proof, read_public_signals, read_verification_key, write_proof, write_public_signals,
    write_verification_key,
};
use attestry_keys::{Proof, VerifyingKey};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn verification_key() -> String {
    write_verification_key(&SCENE.keys.verifying).unwrap()
}

/// Writes the three files and asks snarkjs; its words if it refuses.
fn verify(folder: &Path, inputs: &[Fr], proof: &Proof) -> Result<(), String> {
    fs::write(folder.join("vk.json"), verification_key()).unwrap();
    fs::write(folder.join("public.json"), write_public_signals(inputs).unwrap()).unwrap();
    fs::write(folder.join("proof.json"), write_proof(proof).unwrap()).unwrap();
    let output =
        node::snarkjs(folder, ["groth16", "verify", "vk.json", "public.json", "proof.json"]);
    match output.status.success() {
        true => Ok(()),
        false => Err(node::printed(&output)),
    }
}

#[test]
fn snarkjs_accepts_our_proof_and_refuses_changed_ones() {
    if !node::is_there("snarkjs_accepts_our_proof_and_refuses_changed_ones") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(verify(folder.path(), &SCENE.inputs, &SCENE.proof), Ok(()));

    for index in 0..SCENE.inputs.len() {
        let mut changed = SCENE.inputs.clone();
        changed[index] += Fr::from(1u64);
        let answer = verify(folder.path(), &changed, &SCENE.proof);
        assert!(answer.unwrap_err().contains("Invalid proof"), "input {index}");
    }

    let mut mixed: Value = serde_json::from_str(&write_proof(&SCENE.proof).unwrap()).unwrap();
    let again: Value = serde_json::from_str(&write_proof(&SCENE.again).unwrap()).unwrap();
    for part in ["pi_a", "pi_b", "pi_c"] {
        let original = std::mem::replace(&mut mixed[part], again[part].clone());
        let changed = read_proof(&mixed.to_string()).unwrap();
        let answer = verify(folder.path(), &SCENE.inputs, &changed);
        assert!(answer.unwrap_err().contains("Invalid proof"), "{part}");
        mixed[part] = original;
    }
}

#[test]
fn what_is_written_is_read() {
    let key = read_verification_key(&verification_key()).unwrap();
    assert_eq!(key, SCENE.keys.verifying);
    assert_eq!(read_proof(&write_proof(&SCENE.proof).unwrap()).unwrap(), SCENE.proof);
    let mut inputs = SCENE.inputs.clone();
    inputs.extend([Fr::from(0u64), -Fr::from(1u64)]);
    assert_eq!(read_public_signals(&write_public_signals(&inputs).unwrap()).unwrap(), inputs);

    let mut unused = key.as_inner().clone();
    unused.gamma_abc_g1[2] = G1Affine::identity();
    let unused = VerifyingKey::from_inner(unused);
    let text = write_verification_key(&unused).unwrap();
    assert_eq!(read_verification_key(&text).unwrap(), unused);
}

/// Every way in which a member can be wrong that is a point of G1, of G2, or a name.
fn wrong_members(json: &Value) -> Vec<(String, Value)> {
    let modulus = Fq::MODULUS.to_string();
    let mut wrong = Vec::new();
    for (name, member) in json.as_object().unwrap() {
        let mut put = |value: Value| wrong.push((name.clone(), value));
        if member.is_string() {
            put(json!("another"));
        } else if member[0].is_string() {
            put(json!(["0", "1", "0"]));
            put(json!(["0", "0", "1"]));
            put(json!([member[1], member[0], "1"]));
            put(json!([member[0], member[1], "2"]));
            put(json!([member[0], member[1]]));
            put(json!([format!("0{}", member[0].as_str().unwrap()), member[1], "1"]));
            put(json!([format!("+{}", member[0].as_str().unwrap()), member[1], "1"]));
            put(json!([modulus, member[1], "1"]));
            put(json!(["9".repeat(100_000), member[1], "1"]));
            put(json!(["", member[1], "1"]));
            put(json!([1, 2, 1]));
        } else if member[0].is_array() && member[0][0].is_string() {
            put(json!([["0", "0"], ["1", "0"], ["0", "0"]]));
            put(json!([["0", "0"], ["0", "0"], ["1", "0"]]));
            put(json!([[member[0][1], member[0][0]], member[1], ["1", "0"]]));
            put(json!([member[0], member[1], ["1", "1"]]));
            put(json!([[modulus, member[0][1]], member[1], ["1", "0"]]));
            let outside = outside_the_subgroup();
            let pair = |value: Fq2| json!([value.c0.to_string(), value.c1.to_string()]);
            put(json!([pair(outside.x), pair(outside.y), ["1", "0"]]));
        }
    }
    wrong
}

#[test]
fn refuses_proofs_of_another_form() {
    let proof: Value = serde_json::from_str(&write_proof(&SCENE.proof).unwrap()).unwrap();
    let wrong = wrong_members(&proof);
    assert_eq!(wrong.len(), 2 + 11 + 6 + 11);
    for (name, value) in wrong {
        let mut changed = proof.clone();
        changed[&name] = value;
        assert!(read_proof(&changed.to_string()).is_err(), "{name}");
        changed.as_object_mut().unwrap().remove(&name);
        assert!(read_proof(&changed.to_string()).is_err(), "without {name}");
    }
    let mut longer = proof;
    longer["more"] = json!(1);
    assert!(read_proof(&longer.to_string()).is_err());
    assert!(read_proof("").is_err());
}

#[test]
fn refuses_verification_keys_of_another_form() {
    let key: Value = serde_json::from_str(&verification_key()).unwrap();
    let mut wrong = wrong_members(&key);
    assert_eq!(wrong.len(), 2 + 11 + 4 * 6);
    for count in [0, 2, 4, 5, u64::MAX] {
        wrong.push(("nPublic".to_owned(), json!(count)));
    }
    wrong.push(("IC".to_owned(), json!([])));
    let mut bases = key["IC"].clone();
    bases[1] = json!(["1", "1", "1"]);
    wrong.push(("IC".to_owned(), bases));
    for (name, value) in wrong {
        let mut changed = key.clone();
        changed[&name] = value;
        assert!(read_verification_key(&changed.to_string()).is_err(), "{name}");
    }
}

#[test]
fn refuses_public_signals_that_are_not_canonical() {
    let modulus = Fr::MODULUS.to_string();
    for signal in [modulus.as_str(), "00", "-1", "0x1", " 1", ""] {
        assert!(read_public_signals(&json!([signal]).to_string()).is_err(), "{signal:?}");
    }
    assert!(read_public_signals("[1]").is_err());
    assert_eq!(read_public_signals("[]").unwrap(), []);
}
