//! A signed request of OpenID4VP and its claims, as a wallet reads them, and the link that leads to it.
#![no_main]

use attestry_credential::oid4vp::{AuthorizationRequest, RequestLink, SignedRequest};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    if let Ok(signed) = SignedRequest::parse(data) {
        read(signed.unverified_claims());
    }
    if let Ok(claims) = serde_json::from_slice::<Value>(data) {
        read(&claims);
    }
    if let Some(link) = std::str::from_utf8(data).ok().and_then(|t| t.parse::<RequestLink>().ok()) {
        assert_eq!(link.to_string().parse::<RequestLink>().unwrap(), link);
    }
});

fn read(claims: &Value) {
    let Ok(request) = AuthorizationRequest::from_claims(claims) else { return };
    assert_eq!(AuthorizationRequest::from_claims(&request.to_claims()).unwrap(), request);
    if let Ok(asked) = request.presentation_request() {
        let mode = request.response_mode.clone();
        let again = AuthorizationRequest::of(&asked, mode, request.issued_at);
        assert_eq!(again.presentation_request().unwrap(), asked);
    }
}
