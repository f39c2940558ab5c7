//! A W3C document of either schema.
#![no_main]

use attestry_credential::vcdm::Document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::from_slice(data) else { return };
    let written = document.to_json().unwrap();
    let again = Document::from_json(&written).unwrap();
    assert_eq!(again, document);
    assert_eq!(again.to_json().unwrap(), written);
    assert_eq!(again.credential([1; 16]), document.credential([1; 16]));
});
