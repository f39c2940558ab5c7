//! A presentation in JSON and in its compact bytes, which are its one form.
#![no_main]

use attestry_credential::presentation::{MAX_COMPACT, Presentation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(read) = Presentation::from_bytes(data) {
        assert_eq!(read.to_bytes(), data);
        reads_back(&read);
    }
    if let Ok(read) = Presentation::from_json(data) {
        reads_back(&read);
    }
});

fn reads_back(presentation: &Presentation) {
    let bytes = presentation.to_bytes();
    assert!(bytes.len() <= MAX_COMPACT);
    assert_eq!(Presentation::from_bytes(&bytes).unwrap(), *presentation);
    let json = serde_json::to_vec(presentation).unwrap();
    assert_eq!(Presentation::from_json(&json).unwrap(), *presentation);
}
