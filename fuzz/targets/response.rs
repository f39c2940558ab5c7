//! A holder's answer, as a verifier reads it: complete, and signed by the one-time key.
#![no_main]

use attestry_credential::presentation::{PresentationResponse, verify_signature};
use attestry_fuzz::world::{REQUEST, answer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(response) = PresentationResponse::from_json(data) else { return };
    let json = serde_json::to_vec(&response).unwrap();
    assert_eq!(PresentationResponse::from_json(&json).unwrap(), response);
    if response.check_complete(&REQUEST).is_err() {
        return;
    }
    for query in &REQUEST.queries {
        let presentation = &response.presentations[&query.id];
        let honest = answer(query);
        // Only the key's holder signs.
        if presentation.parts.presentation_key == honest.parts.presentation_key
            && verify_signature(presentation, &REQUEST, query).is_ok()
        {
            assert_eq!(presentation.to_bytes(), honest.to_bytes());
        }
    }
});
