use std::collections::BTreeSet;

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::{Fr, HolderCommitment, schnorr::SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    CredentialError, fhir,
    schema::{ClaimKind, Subject},
    vocabulary::{Coded, PsvProcess},
};

pub(crate) const ISSUER: &str = "did:ethr:0x539:0x00112233445566778899aabbccddeeff00112233";

/// The subjects of the bundled examples.
pub(crate) fn subjects() -> [Subject; 2] {
    let texts = [
        include_str!("../../../examples/practitioner.json"),
        include_str!("../../../examples/consent.json"),
    ];
    texts.map(|text| fhir::import(text.as_bytes()).unwrap().remove(0).outcome.unwrap())
}

pub(crate) fn document(subject: Subject) -> Document {
    Document::new(
        "urn:uuid:0b3d2f6c-4a2e-4d55-9b1e-2f8a6d1c7e90".to_owned(),
        ISSUER.to_owned(),
        HolderCommitment::from_field(Fr::from(77u64)),
        (1_780_000_000, 1_830_000_000),
        StatusEntry { list: "https://board.example/status/1".to_owned(), index: 94_567 },
        subject,
    )
    .unwrap()
}

fn key() -> SigningKey {
    SigningKey::random(&mut StdRng::seed_from_u64(1))
}

#[test]
fn written_and_read_back_it_is_the_same_document() {
    for subject in subjects() {
        let document = document(subject);
        let text = document.to_json().unwrap().to_string();
        assert_eq!(Document::from_slice(text.as_bytes()), Ok(document));
    }
}

#[test]
fn the_attestation_holds_for_its_document_and_no_other() {
    for subject in subjects() {
        let document = document(subject);
        let attestation = Attestation::sign(&document, [8; 16], 3, &key()).unwrap();
        let credential = attestation.verify(&document).unwrap();
        assert_eq!(credential.header.status_index, 94_567);
        assert_eq!(credential, document.credential([8; 16]).unwrap());

        let mut changed = document.to_json().unwrap();
        changed["validUntil"] = json!("2036-01-01T00:00:00Z");
        let changed = Document::from_json(&changed).unwrap();
        assert_eq!(attestation.verify(&changed), Err(CredentialError::Attestation));
    }
}

#[test]
fn an_attestation_is_made_of_a_signature_that_holds_only() {
    let [provider, consent] = subjects().map(document);
    let salt = [8; 16];
    let signature = key().sign(&provider.credential(salt).unwrap()).unwrap();
    let of = |document: &Document, salt, key: SigningKey| {
        Attestation::of_signature(document, salt, 3, key.verifying_key(), signature)
    };
    assert_eq!(of(&provider, salt, key()), Attestation::sign(&provider, salt, 3, &key()));
    let other = SigningKey::from_bytes(&[5; 32]).unwrap();
    for refused in
        [of(&consent, salt, key()), of(&provider, [9; 16], key()), of(&provider, salt, other)]
    {
        assert_eq!(refused, Err(CredentialError::Attestation));
    }
}

#[test]
fn every_stated_claim_is_attested() {
    let [provider, _] = subjects();
    let document = document(provider);
    let attestation = Attestation::sign(&document, [8; 16], 3, &key()).unwrap();
    let mut changed = document.to_json().unwrap();
    changed["credentialSubject"]["name"] = json!("Another Person");
    let changed = Document::from_json(&changed).unwrap();
    assert_eq!(attestation.verify(&changed), Err(CredentialError::Attestation));
}

#[test]
fn an_attestation_round_trips_and_is_read_strictly() {
    let [provider, _] = subjects();
    let attestation = Attestation::sign(&document(provider), [8; 16], 3, &key()).unwrap();
    let json = attestation.to_json();
    assert_eq!(Attestation::from_json(&json), Ok(attestation));

    let refusal = |pointer: &str, to: Value| {
        let mut changed = json.clone();
        *changed.pointer_mut(pointer).unwrap() = to;
        Attestation::from_json(&changed).unwrap_err().to_string()
    };
    assert_eq!(
        refusal("/salt", json!("0x00")),
        "salt is not 0x and lower-case digits of its length"
    );
    assert_eq!(refusal("/registryIndex", json!(3125)), "registryIndex is not below 3125");
    assert_eq!(refusal("/statusIndex", json!(131_072)), "statusIndex is not below 131072");
    assert_eq!(
        refusal("/issuerKey/x", json!(format!("0x{}", "00".repeat(32)))),
        "issuerKey is not a point of the prime-order subgroup"
    );
    assert_eq!(
        refusal("/signature/rX", json!(format!("0x{}", "ff".repeat(32)))),
        "signature.rX is not a canonical field element"
    );
    assert_eq!(
        refusal("/signature/s", json!(format!("0x{}", "ff".repeat(32)))),
        "signature is not canonical"
    );
    let mut longer = json.clone();
    longer["note"] = json!(1);
    assert!(Attestation::from_json(&longer).is_err());
}

#[test]
fn a_document_is_read_strictly() {
    let [provider, _] = subjects();
    let json = document(provider).to_json().unwrap();
    let refusal = |pointer: &str, to: Value| {
        let mut changed = json.clone();
        *changed.pointer_mut(pointer).unwrap() = to;
        Document::from_json(&changed).unwrap_err().to_string()
    };
    let cases = [
        (
            "/@context/1",
            json!("https://elsewhere.example"),
            "@context is not the one that this schema has",
        ),
        (
            "/type/1",
            json!("Diploma"),
            "type is not VerifiableCredential and ProviderCredential or ConsentGrant",
        ),
        (
            "/issuer",
            json!("did:web:board.example"),
            "issuer is not did:ethr with an address of 20 bytes",
        ),
        (
            "/validFrom",
            json!("2026-01-01"),
            "validFrom is not a UTC time in the form YYYY-MM-DDThh:mm:ssZ",
        ),
        ("/validUntil", json!("2020-01-01T00:00:00Z"), "validUntil is before validFrom"),
        ("/credentialSubject", json!({}), "credentialSubject.holderCommitment is required"),
        (
            "/credentialSubject/npi",
            json!("1234567890"),
            "credentialSubject.npi is not an NPI: the check digit is wrong",
        ),
        (
            "/credentialStatus/statusListIndex",
            json!("131072"),
            "credentialStatus.statusListIndex is not a number below 131072",
        ),
        (
            "/credentialStatus/statusPurpose",
            json!("suspension"),
            "credentialStatus.statusPurpose is not the one that this schema has",
        ),
        (
            "/credentialSchema/id",
            json!("https://elsewhere.example"),
            "credentialSchema.id is not the one that this schema has",
        ),
    ];
    for (pointer, to, expected) in cases {
        assert_eq!(refusal(pointer, to), expected);
    }
}

/// Names of the members of a subject, stated or not.
fn members(schema: Schema) -> BTreeSet<String> {
    let json: Value = serde_json::from_str(schema_document(schema)).unwrap();
    let subject = &json["properties"]["credentialSubject"];
    assert_eq!(subject["additionalProperties"], json!(false));
    subject["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn context_and_json_schema_define_every_member_and_no_other() {
    let context: Value = serde_json::from_str(ATTESTRY_CONTEXT_DOCUMENT).unwrap();
    let terms = context["@context"].as_object().unwrap();
    for (schema, subject) in Schema::ALL.into_iter().zip(subjects()) {
        let known = members(schema);
        assert!(terms.contains_key(schema.type_name()));
        for member in &known {
            // `name` is a term of the base context, which may not be defined again.
            assert!(terms.contains_key(member) != (member == "name"), "{member}");
        }
        let mut stated = serde_json::to_value(&subject).unwrap();
        for member in &known {
            if member != HOLDER_COMMITMENT && stated.get(member).is_none() {
                stated[member] = json!(null);
            }
        }
        // Absent members are null here; an unknown name would be refused.
        assert!(Subject::from_json(schema, &stated).is_ok());
        stated["unknown"] = json!(null);
        assert!(Subject::from_json(schema, &stated).is_err());
    }
}

#[test]
fn the_json_schemas_list_the_words_of_the_vocabularies() {
    let schema: Value = serde_json::from_str(schema_document(Schema::ProviderCredential)).unwrap();
    let properties = &schema["properties"]["credentialSubject"]["properties"];
    let words = |vocabulary: &crate::vocabulary::Vocabulary| {
        let words = vocabulary.entries().iter().map(|(_, word)| *word);
        words.map(Value::from).collect::<Value>()
    };
    for (member, claim) in [
        ("kind", "kind"),
        ("jurisdiction", "jurisdiction"),
        ("licenceType", "licence_type"),
        ("status", "status"),
        ("authority", "authority"),
        ("compact", "compact_id"),
        ("boardStatus", "board_status"),
    ] {
        let Some(ClaimKind::Code(vocabulary)) =
            Schema::ProviderCredential.claim(claim).map(|spec| spec.kind)
        else {
            panic!("{claim} is a code");
        };
        assert_eq!(properties[member]["enum"], words(vocabulary), "{member}");
    }
    assert_eq!(properties["psvProcess"]["enum"], words(PsvProcess::VOCABULARY));

    let schema: Value = serde_json::from_str(schema_document(Schema::ConsentGrant)).unwrap();
    let properties = &schema["properties"]["credentialSubject"]["properties"];
    for (member, claim) in [
        ("purposes", "purpose_mask"),
        ("duoModifiers", "duo_modifiers"),
        ("data", "data_mask"),
        ("actions", "action_mask"),
        ("sensitiveAllowed", "sensitive_allowed"),
        ("withdrawalTerms", "withdrawal_terms"),
    ] {
        let Some(ClaimKind::Mask(vocabulary)) =
            Schema::ConsentGrant.claim(claim).map(|spec| spec.kind)
        else {
            panic!("{claim} is a mask");
        };
        assert_eq!(properties[member]["items"]["enum"], words(vocabulary), "{member}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_a_document_or_an_error(bytes in any::<Vec<u8>>()) {
        let _ = Document::from_slice(&bytes);
        let _ = Attestation::from_slice(&bytes);
    }

    #[test]
    fn changed_documents_are_read_or_refused(
        which in 0usize..3, member in any::<prop::sample::Index>(),
        replacement in prop_oneof![
            Just(Value::Null), Just(json!([])), Just(json!({})), Just(json!(-1)),
            any::<u64>().prop_map(Value::from), ".*".prop_map(Value::from),
        ],
    ) {
        let [provider, consent] = subjects();
        let subject = if which == 0 { consent } else { provider };
        let document = document(subject);
        let mut json = document.to_json().unwrap();
        let object = match which {
            2 => &mut json["credentialSubject"],
            _ => &mut json,
        };
        let object = object.as_object_mut().unwrap();
        let name = object.keys().nth(member.index(object.len())).unwrap().clone();
        object.insert(name, replacement.clone());
        let _ = Document::from_json(&json);

        let mut json = Attestation::sign(&document, [1; 16], 0, &key()).unwrap().to_json();
        let object = json.as_object_mut().unwrap();
        let name = object.keys().nth(member.index(object.len())).unwrap().clone();
        object.insert(name, replacement);
        let _ = Attestation::from_json(&json);
    }
}
