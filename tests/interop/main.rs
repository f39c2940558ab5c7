//! Exports and imports of keys, as a person runs them. What other tools make of the files is
//! tested beside their writers and readers, in `keys`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use attestry_circuits::r1cs::matrices;
use attestry_keys::interop::{r1cs, snarkjs};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn keys(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attestry"))
        .env("ATTESTRY_DATA", data)
        .arg("keys")
        .args(arguments)
        .output()
        .unwrap()
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_circuit_is_exported_without_keys_and_the_key_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let out = data.join("out");
    let export =
        |format| keys(data, &["export", "--format", format, "--out", out.to_str().unwrap()]);
    let written = |output: &Output| {
        let files = answer(output)["files"].as_array().unwrap().clone();
        let file = PathBuf::from(files[0].as_str().unwrap());
        assert_eq!((files.len(), file.parent()), (1, Some(out.as_path())));
        fs::read(file).unwrap()
    };

    let circuit = r1cs::read(&written(&export("r1cs"))).unwrap();
    assert_eq!(circuit.sha256(), matrices().sha256());
    assert!(error(&export("snarkjs")).contains("no keys in"));

    let hash = answer(&keys(data, &["develop"]))["manifest"]["vk_hash"].clone();
    let key = String::from_utf8(written(&export("snarkjs"))).unwrap();
    let key = snarkjs::read_verification_key(&key).unwrap();
    assert_eq!(key.hash(), hex::decode(hash.as_str().unwrap()).unwrap().as_slice());
    let contract = String::from_utf8(written(&export("solidity"))).unwrap();
    assert!(contract.contains(hash.as_str().unwrap()));
}

#[test]
fn keys_of_another_circuit_are_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let zkey = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keys/tests/interop/toy.zkey");
    let refused = keys(data, &["import", "--zkey", zkey.to_str().unwrap()]);
    assert!(error(&refused).contains("circuit mismatch: the zkey has other sizes"));
    assert!(error(&keys(data, &["show"])).contains("no keys in"), "nothing was stored");
}
