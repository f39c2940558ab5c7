//! Field elements, scalars, points and signatures: canonical or refused.
#![no_main]

use attestry_circuits::{
    Fr, HolderSecret, Nullifier, field,
    registry::RegistryRoot,
    schnorr::{Signature, SigningKey, VerifyingKey},
    status::StatusRoot,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(bytes) = data.first_chunk::<32>() {
        let element = field::from_be_bytes(bytes);
        assert_eq!(HolderSecret::from_bytes(bytes).is_ok(), element.is_ok());
        assert_eq!(Nullifier::from_bytes(bytes).is_ok(), element.is_ok());
        assert_eq!(RegistryRoot::from_bytes(bytes).is_ok(), element.is_ok());
        assert_eq!(StatusRoot::from_bytes(bytes).is_ok(), element.is_ok());
        if let Ok(element) = element {
            assert_eq!(field::to_be_bytes(&element), *bytes);
            assert_eq!(field::from_hex(&field::to_hex(&element)), Ok(element));
            if let Some(number) = field::to_u64(&element) {
                assert_eq!(Fr::from(number), element);
            }
        }
        if let Ok(key) = SigningKey::from_bytes(bytes) {
            assert_eq!(*key.to_bytes(), *bytes);
            point(&key.verifying_key().to_bytes());
        }
    }
    if let Some(bytes) = data.first_chunk::<64>() {
        point(bytes);
        if let Ok(signature) = Signature::from_bytes(bytes) {
            assert_eq!(signature.to_bytes(), *bytes);
        }
    }
});

fn point(bytes: &[u8; 64]) {
    let [x, y] =
        [&bytes[..32], &bytes[32..]].map(|half| field::from_be_bytes(half.try_into().unwrap()));
    if let (Ok(x), Ok(y)) = (x, y)
        && let Ok(key) = VerifyingKey::from_coordinates(x, y)
    {
        assert_eq!(key.to_bytes(), *bytes);
    }
}
