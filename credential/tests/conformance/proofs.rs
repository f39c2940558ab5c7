//! Data Integrity with eddsa-rdfc-2022: what is in a proof, and what is refused.

use attestry_credential::{
    vcdm::StatusEntry,
    w3c::{DidKey, ForeignIssuer, Issuance, ProofPolicy, issue, verify_credential},
};
use serde_json::{Value, json};

use crate::parties::{
    BOARD, Ledger, Lists, NOW, board_key, board_method, credential, issued, verified, with, words,
};

#[tokio::test]
async fn a_proof_has_what_the_suite_prescribes() {
    let signed = issued(&credential()).await.unwrap();
    let proof = &signed["proof"];
    assert_eq!(proof["type"], "DataIntegrityProof");
    assert_eq!(proof["cryptosuite"], "eddsa-rdfc-2022");
    assert_eq!(proof["proofPurpose"], "assertionMethod");
    assert_eq!(proof["verificationMethod"], board_method());
    assert_eq!(proof["created"], "2027-01-15T07:59:50Z");
    assert!(proof["proofValue"].as_str().unwrap().starts_with('z'));
    let mut members: Vec<_> = proof.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(
        members,
        ["created", "cryptosuite", "proofPurpose", "proofValue", "type", "verificationMethod"]
    );
    let mut unsecured = signed.clone();
    unsecured.as_object_mut().unwrap().remove("proof");
    assert_eq!(unsecured, credential(), "nothing else is added");
    assert_eq!(
        verified(&signed).await.to_json(),
        json!({ "verified": true, "errors": [], "warnings": [] })
    );
}

#[tokio::test]
async fn an_issuer_may_be_the_did_key_of_its_key() {
    let method = DidKey::Ed25519(board_key().verifying_key().to_bytes()).method();
    let key = board_key();
    let issuance = |foreign_issuer| Issuance {
        key: &key,
        method: &method,
        now: NOW - 10,
        status: None,
        foreign_issuer,
    };
    let signed = issue(&credential(), &issuance(ForeignIssuer::Replace)).await.unwrap();
    assert_eq!(signed["issuer"], method.split_once('#').unwrap().0);
    assert!(verified(&signed).await.verified());
    let object = with(credential(), json!({ "issuer": { "id": BOARD, "name": "Board" } }));
    let signed = issue(&object, &issuance(ForeignIssuer::Replace)).await.unwrap();
    assert_eq!(signed["issuer"]["name"], "Board");
    assert!(verified(&signed).await.verified());
    assert!(issue(&credential(), &issuance(ForeignIssuer::Refuse)).await.is_err());
}

#[tokio::test]
async fn a_document_without_a_sound_proof_is_refused() {
    let signed = issued(&credential()).await.unwrap();
    let value = signed["proof"]["proofValue"].as_str().unwrap();
    let longer = format!("{value}{}", &value[1..40]);
    for (member, to, expected) in [
        ("type", Value::Null, "proof: is not a plain"),
        ("type", json!("UnknownProofType"), "proof: is not a plain"),
        ("cryptosuite", Value::Null, "proof: is not a plain"),
        ("cryptosuite", json!("eddsa-jcs-2022"), "proof: is not a plain"),
        ("cryptosuite", json!(7), "proof: is not a plain"),
        ("@context", json!(["https://www.w3.org/ns/credentials/v2"]), "proof: is not a plain"),
        ("previousProof", json!("urn:uuid:1"), "proof: is not a plain"),
        ("unknown", json!("x"), "proof: is not a plain"),
        ("id", json!("not-a-url"), "proof: is not a plain"),
        ("verificationMethod", Value::Null, "proof.verificationMethod"),
        ("verificationMethod", json!("did:key:invalidVm"), "proof.verificationMethod"),
        ("verificationMethod", json!(7), "proof.verificationMethod"),
        ("proofPurpose", Value::Null, "proof.proofPurpose"),
        ("proofPurpose", json!("authentication"), "proof.proofPurpose"),
        ("proofValue", Value::Null, "proof.proofValue"),
        ("proofValue", json!(value[1..]), "proof.proofValue"),
        ("proofValue", json!(longer), "proof.proofValue"),
        ("proofValue", json!("z5nmMBw2u9TGKd9NxxHJtyZKgjN2Eh"), "proof.proofValue"),
        ("created", json!("invalidDate"), "proof.created"),
        ("created", json!("2027-01-15T07:59:50"), "proof.created"),
        ("created", json!("2027-01-15T08:00:01Z"), "proof.created"),
        ("created", json!("2027-01-15T07:59:49Z"), "proof.proofValue"),
        ("expires", json!("2027-01-16T07:59:50"), "proof.expires"),
        ("expires", json!("2027-01-15T07:59:59Z"), "proof.expires"),
        ("challenge", json!("c-1"), "proof.challenge"),
        ("domain", json!("clinic.example"), "proof.domain"),
        ("domain", json!([]), "$.proof.domain is an empty array"),
        ("nonce", json!("x"), "proof.proofValue"),
    ] {
        let changed = with(
            signed.clone(),
            json!({
            "proof": with(signed["proof"].clone(), json!({ member: to })) }),
        );
        let verdict = verified(&changed).await;
        assert!(words(&verdict).starts_with(expected), "{member} {to}: {verdict:?}");
    }
    for (proof, expected) in [
        (json!(null), "proof: there must be"),
        (json!("x"), "proof is not an object"),
        (json!([]), "$.proof is an empty array"),
    ] {
        let verdict = verified(&with(signed.clone(), json!({ "proof": proof }))).await;
        assert!(words(&verdict).starts_with(expected), "{proof}: {verdict:?}");
    }
    let verdict = verified(&json!({ "type": ["NonconformingDocument"] })).await;
    assert_eq!(words(&verdict), "@context is required");
}

#[tokio::test]
async fn a_changed_document_is_refused() {
    let full = with(
        credential(),
        json!({
            "name": "Licence",
            "validUntil": "2030-01-01T00:00:00Z",
            "termsOfUse": { "type": "https://example.org/#Own" },
        }),
    );
    let signed = issued(&full).await.unwrap();
    for change in [
        json!({ "name": "Other" }),
        json!({ "name": null }),
        json!({ "validUntil": "2031-01-01T00:00:00Z" }),
        json!({ "credentialSubject": { "id": "did:example:other" } }),
        json!({ "termsOfUse": { "type": "https://example.org/#Other" } }),
        json!({ "id": "urn:uuid:1" }),
        json!({ "description": "added" }),
    ] {
        let verdict = verified(&with(signed.clone(), change.clone())).await;
        assert!(words(&verdict).starts_with("proof.proofValue"), "{change}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_proof_set_counts_by_the_proofs_that_are_understood() {
    let signed = issued(&credential()).await.unwrap();
    let own = signed["proof"].clone();
    let foreign = with(own.clone(), json!({ "cryptosuite": "ecdsa-rdfc-2019" }));
    let forged = with(own.clone(), json!({ "created": "2027-01-15T07:00:00Z" }));
    let chained = with(foreign.clone(), json!({ "previousProof": "urn:uuid:1" }));
    for (proofs, expected) in [
        (json!([own]), ""),
        (json!([own, own]), ""),
        (json!([foreign, own]), ""),
        (json!([own, forged]), "proof.proofValue"),
        (json!([foreign, foreign]), "proof: is not a plain"),
        (json!([own, chained]), "proof: is not a plain"),
        (Value::from(vec![own.clone(); 9]), "proof: there must be"),
    ] {
        let verdict = verified(&with(signed.clone(), json!({ "proof": proofs }))).await;
        assert!(words(&verdict).starts_with(expected), "{proofs}: {verdict:?}");
        assert_eq!(verdict.verified(), expected.is_empty(), "{proofs}");
    }
    let mixed = with(signed, json!({ "proof": [foreign, own] }));
    let warnings = verified(&mixed).await.warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].error.to_string(),
        "proof[0] was not checked: it is of another cryptographic suite"
    );
}

#[tokio::test]
async fn the_validity_period_is_that_of_the_verifiers_clock() {
    let period = json!({ "validFrom": "2027-01-15T08:00:00.5Z",
        "validUntil": "2027-01-15T09:00:01+01:00" });
    let signed = issued(&with(credential(), period)).await.unwrap();
    for (now, expected) in [
        (NOW - 1, "validFrom: is in the future"),
        (NOW, ""),
        (NOW + 1, ""),
        (NOW + 2, "validUntil: is past"),
    ] {
        let policy = ProofPolicy::at(now);
        let verdict = verify_credential(&signed, &policy, &Ledger, &Lists::default()).await;
        assert!(words(&verdict).starts_with(expected), "{now}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_status_entry_is_added_to_those_that_are_there() {
    let entry = StatusEntry { list: "https://board.example/status/1".to_owned(), index: 7 };
    let own = json!({
        "id": "https://board.example/status/1#7",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://board.example/status/1",
    });
    let signed = crate::parties::issued_with(&credential(), Some(&entry)).await.unwrap();
    assert_eq!(signed["credentialStatus"], own);
    let other = json!({ "type": "https://example.org/#Status" });
    let two = with(credential(), json!({ "credentialStatus": other }));
    let signed = crate::parties::issued_with(&two, Some(&entry)).await.unwrap();
    assert_eq!(signed["credentialStatus"], json!([other, own]));
}
