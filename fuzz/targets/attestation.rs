//! An attestation beside an honest document: none but the issuer's verifies. The first byte
//! chooses the schema.
#![no_main]

use std::sync::LazyLock;

use attestry_credential::{
    schema::Schema,
    vcdm::{Attestation, Document},
};
use attestry_fuzz::world::issued;
use libfuzzer_sys::fuzz_target;

static ISSUED: LazyLock<[(Document, Attestation); 2]> = LazyLock::new(|| Schema::ALL.map(issued));

fuzz_target!(|data: &[u8]| {
    let Ok(attestation) = Attestation::from_slice(data) else { return };
    assert!(Attestation::from_json(&attestation.to_json()).unwrap() == attestation);
    for (document, honest) in &*ISSUED {
        if attestation.verify(document).is_ok() && attestation.issuer_key() == honest.issuer_key() {
            assert_eq!(attestation.signature(), honest.signature());
            assert_eq!(attestation.verify(document), honest.verify(document));
        }
    }
});
