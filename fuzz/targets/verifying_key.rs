//! A verifying key's bytes: canonical or refused, whatever count of input bases they claim.
#![no_main]

use attestry_fuzz::toy::KEYS;
use attestry_keys::{PreparedVerifyingKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(key) = VerifyingKey::from_bytes(data) else { return };
    assert_eq!(key.to_bytes(), data);
    let own = key == KEYS.set.verifying;
    assert_eq!(key.hash() == KEYS.set.verifying.hash(), own);
    // Tables are made of few bases alone: they are large.
    if key.public_inputs() <= 4 {
        let verified = PreparedVerifyingKey::new(key).verify(&KEYS.inputs, &KEYS.proof);
        assert!(verified.is_ok() || !own);
    }
});
