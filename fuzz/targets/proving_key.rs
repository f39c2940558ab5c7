//! A proving key's bytes. Its points are not checked, so they prove nothing; but no bytes make
//! reading or preparing panic, or take memory that they do not have themselves.
#![no_main]

use attestry_fuzz::toy::KEYS;
use attestry_keys::{Prover, ProvingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(key) = ProvingKey::from_bytes_unchecked(data) else { return };
    assert_eq!(key.to_bytes(), data);
    let _ = (key.constraints(), key.public_inputs(), key.belongs_to(&KEYS.set.verifying));
    let _ = Prover::new(key);
});
