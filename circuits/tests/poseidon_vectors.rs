//! Poseidon against circomlibjs 0.1.7.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use attestry_circuits::{Fr, field, poseidon};

#[test]
fn equals_circomlibjs_for_every_width() {
    let text = include_str!("vectors/poseidon.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let inputs: Vec<Fr> = vector["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| field::from_hex(input.as_str().unwrap()).unwrap())
            .collect();
        let expect = vector["expect"].as_str().unwrap();
        assert_eq!(field::to_hex(&poseidon::hash(&inputs)), expect, "{} inputs", inputs.len());
    }
}
