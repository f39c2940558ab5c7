//! Keys, proofs and circuits in other tools' formats: what is read is written so that it is read
//! again, and no key file of a ceremony is taken that this build did not see made.
#![no_main]

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_fuzz::toy::KEYS;
use attestry_keys::interop::{r1cs, snarkjs, zkey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(matrices) = r1cs::read(data) {
        // Rows are read in any order of their columns, and written in one.
        let written = r1cs::write(&matrices);
        assert_eq!(r1cs::write(&r1cs::read(&written).unwrap()), written);
    }
    let rng = &mut StdRng::seed_from_u64(2);
    assert!(zkey::import_for("toy", &KEYS.matrices, data, rng).is_err());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(proof) = snarkjs::read_proof(text) {
        let written = snarkjs::write_proof(&proof).unwrap();
        assert_eq!(snarkjs::read_proof(&written).unwrap(), proof);
    }
    if let Ok(key) = snarkjs::read_verification_key(text) {
        let written = snarkjs::write_verification_key(&key).unwrap();
        assert_eq!(snarkjs::read_verification_key(&written).unwrap(), key);
    }
    if let Ok(inputs) = snarkjs::read_public_signals(text) {
        let written = snarkjs::write_public_signals(&inputs).unwrap();
        assert_eq!(snarkjs::read_public_signals(&written).unwrap(), inputs);
    }
});
