//! A verifier's request, as a wallet reads it.
#![no_main]

use attestry_credential::presentation::PresentationRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(request) = PresentationRequest::from_json(data) else { return };
    let json = serde_json::to_vec(&request).unwrap();
    let again = PresentationRequest::from_json(&json).unwrap();
    assert_eq!(again, request);
    assert_eq!(again.scope(), request.scope());
    for query in &request.queries {
        assert_eq!(request.query(&query.id), Some(query));
    }
});
