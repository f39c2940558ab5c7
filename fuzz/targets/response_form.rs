//! The form that a wallet posts, as a verifier reads it: an answer, an encrypted one, or an error.
#![no_main]

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_credential::oid4vp::{
    AuthorizationResponse, EncryptionSecret, ResponseBody, ResponseMode,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(ResponseBody::Answer(answer)) = ResponseBody::from_form(data) {
        let form = answer.to_form(&ResponseMode::DirectPost, &mut StdRng::seed_from_u64(1));
        let again = ResponseBody::from_form(form.unwrap().as_bytes());
        let Ok(ResponseBody::Answer(again)) = again else { panic!("it reads back otherwise") };
        assert_eq!(again, answer);
        if let Ok(response) = answer.presentation_response() {
            let compact = AuthorizationResponse::of(&response);
            assert_eq!(compact.presentation_response().unwrap(), response);
        }
    }
    // To this key nobody encrypts without its public part.
    if let Ok(jwe) = std::str::from_utf8(data) {
        let secret = EncryptionSecret::from_bytes(&[7; 32]).unwrap();
        assert!(ResponseBody::decrypt(jwe, &secret).is_err());
    }
});
