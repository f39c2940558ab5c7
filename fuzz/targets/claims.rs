//! The encoding of claims, both ways. The first byte chooses the claim; the rest is a JSON value,
//! or a field element if it has 32 bytes.
#![no_main]

use attestry_circuits::{Fr, field};
use attestry_credential::schema::{ClaimKind, ClaimSpec, Schema};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let schema = Schema::ALL[usize::from(choice >> 7)];
    let spec = &schema.claims()[usize::from(choice & 0x7f) % schema.claims().len()];
    if let Ok(bytes) = <&[u8; 32]>::try_from(rest)
        && let Ok(element) = field::from_be_bytes(bytes)
        && let Ok(Some(value)) = spec.decode(&element)
        && !spec.kind.is_hash()
    {
        assert_eq!(spec.encode(&value), Ok(element), "{}: {value}", spec.name);
    }
    if let Ok(value) = serde_json::from_slice::<Value>(rest)
        && let Ok(element) = spec.encode(&value)
    {
        encodes(spec, &value, element);
    }
});

fn encodes(spec: &ClaimSpec, value: &Value, element: Fr) {
    let is_empty_list = value.as_array().is_some_and(Vec::is_empty);
    match spec.decode(&element).unwrap() {
        None => assert!(is_empty_list || spec.kind.is_mask(), "{}: {value}", spec.name),
        Some(again) if !spec.kind.is_hash() => assert_eq!(spec.encode(&again), Ok(element)),
        Some(_) => (),
    }
    // A list of recipients is not one of fewer, longer names.
    if let (ClaimKind::Recipients, Value::Array(names)) = (spec.kind, value) {
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        for end in 2..=names.len() {
            let joined = Value::from(vec![names[..end].join("\0")]);
            assert!(spec.encode(&joined).is_err(), "{joined}");
        }
    }
}
