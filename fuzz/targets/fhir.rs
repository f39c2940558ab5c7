//! FHIR resources: what is imported can be attested, written and read again.
#![no_main]

use attestry_credential::{
    fhir::{Outcome, import, preview},
    schema::Subject,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let previews = preview(data);
    let Ok(imported) = import(data) else {
        assert!(previews.iter().all(|preview| preview.outcome == Outcome::Refused));
        return;
    };
    assert_eq!(imported.len(), previews.len());
    for (imported, preview) in imported.into_iter().zip(previews) {
        assert_eq!(imported.outcome.is_ok(), preview.outcome == Outcome::Issuable);
        let Ok(subject) = imported.outcome else { continue };
        let claims = subject.claims(&[7; 16]).unwrap();
        let schema = subject.schema();
        let described = schema.describe(&claims).unwrap();
        for spec in schema.claims().iter().filter(|spec| !spec.kind.is_hash()) {
            if let Some(value) = described.get(spec.name) {
                assert_eq!(spec.encode(value).as_ref(), Ok(&claims.0[spec.slot]), "{}", spec.name);
            }
        }
        let written = serde_json::to_value(&subject).unwrap();
        assert_eq!(Subject::from_json(schema, &written).unwrap(), subject);
    }
});
