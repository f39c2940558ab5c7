//! VCDM 2.0, section 4.13: presentations.

use attestry_credential::w3c::{ProofPolicy, sign_presentation, verify_presentation};
use serde_json::{Value, json};

use crate::parties::{
    Ledger, Lists, NOW, asked, board_key, board_method, credential, holder, holder_key,
    holder_method, issued, presented, with, words,
};

fn presentation(credentials: Value) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": holder(),
        "verifiableCredential": credentials,
    })
}

async fn signed(presentation: &Value) -> Value {
    let asked = ProofPolicy { now: NOW - 5, ..asked() };
    sign_presentation(presentation, &holder_key(), &holder_method(), &asked).await.unwrap()
}

async fn licence() -> Value {
    issued(&credential()).await.unwrap()
}

#[tokio::test]
async fn a_holder_presents_what_issuers_signed() {
    let one = licence().await;
    let other = issued(&with(credential(), json!({ "id": "urn:uuid:2" }))).await.unwrap();
    for (credentials, holder_named) in [
        (json!([one, other]), json!(holder())),
        (json!(one), json!({ "id": holder() })),
        (json!([one]), Value::Null),
    ] {
        let change = json!({ "holder": holder_named, "id": "urn:uuid:3" });
        let verdict = presented(&signed(&with(presentation(credentials), change)).await).await;
        assert!(verdict.verified(), "{:?}", verdict.errors);
    }
    let none = with(presentation(Value::Null), json!({ "verifiableCredential": null }));
    assert!(presented(&signed(&none).await).await.verified());
}

#[tokio::test]
async fn a_presentation_has_the_form_of_one() {
    let fine = signed(&presentation(json!([licence().await]))).await;
    for (change, expected) in [
        (json!({ "@context": null }), "@context is required"),
        (
            json!({ "@context": ["https://www.w3.org/ns/credentials/examples/v2"] }),
            "@context does not begin",
        ),
        (
            json!({ "@context": ["https://www.w3.org/ns/credentials/v2", 123_192_875] }),
            "$.@context[1] is neither",
        ),
        (json!({ "type": null }), "type is required"),
        (json!({ "type": ["VerifiableCredential"] }), "type does not include"),
        (json!({ "type": ["VerifiablePresentation", "Unmapped"] }), "credential: is not JSON-LD"),
        (json!({ "id": "not-a-url" }), "id is not a single URL"),
        (json!({ "holder": { "name": "x" } }), "holder.id is required"),
        (json!({ "holder": "not-a-url" }), "holder is not a single URL"),
        (json!({ "verifiableCredential": ["eyJ"] }), "verifiableCredential[0] is not an object"),
        (json!({ "verifiableCredential": 7 }), "verifiableCredential is not an object"),
        (
            json!({ "verifiableCredential": [{ "type": "VerifiableCredential" }] }),
            "verifiableCredential[0].@context is required",
        ),
        (json!({ "proof": null }), "proof: there must be exactly one"),
        (json!({ "proof": "x" }), "proof is not an object"),
        (json!({ "termsOfUse": {  "id": "did:a:b" } }), "termsOfUse.type is required"),
    ] {
        let verdict = presented(&with(fine.clone(), change.clone())).await;
        assert!(words(&verdict).starts_with(expected), "{change}: {verdict:?}");
    }
}

#[tokio::test]
async fn the_proof_answers_this_verifier_once() {
    let fine = signed(&presentation(json!([licence().await]))).await;
    let ask = |challenge: Option<&str>, domain: Option<&str>| ProofPolicy {
        now: NOW,
        challenge: challenge.map(str::to_owned),
        domain: domain.map(str::to_owned),
    };
    for (policy, expected) in [
        (ask(Some("c-1"), Some("clinic.example")), ""),
        (ask(Some("c-2"), Some("clinic.example")), "proof.challenge: is not the verifier's"),
        (ask(None, Some("clinic.example")), "proof.challenge: is not the verifier's"),
        (ask(Some("c-1"), Some("other.example")), "proof.domain: is not the verifier's"),
        (ask(Some("c-1"), None), "proof.domain: is not the verifier's"),
    ] {
        let verdict = verify_presentation(&fine, &policy, &Ledger, &Lists::default()).await;
        assert_eq!(words(&verdict), expected);
    }
    let mut several = presentation(json!([licence().await]));
    several = signed(&several).await;
    several["proof"]["domain"] = json!(["clinic.example", "other.example"]);
    assert_eq!(
        words(&presented(&several).await),
        "proof.proofValue: does not hold for this credential"
    );
}

#[tokio::test]
async fn the_holder_made_the_proof() {
    let fine = presentation(json!([licence().await]));
    let mut other = signed(&with(fine.clone(), json!({ "holder": null }))).await;
    other["holder"] = json!("did:example:acme");
    let verdict = presented(&other).await;
    assert_eq!(words(&verdict), "proof.proofValue: does not hold for this credential");

    let named = with(fine.clone(), json!({ "holder": "did:example:acme" }));
    let refused = sign_presentation(&named, &holder_key(), &holder_method(), &asked()).await;
    assert_eq!(refused.unwrap_err().to_string(), "holder: did not make the presentation's proof");

    // The board's key is for assertions, not for authentication.
    let unnamed = with(fine, json!({ "holder": null }));
    let asked = ProofPolicy { now: NOW - 5, ..asked() };
    let by_board = sign_presentation(&unnamed, &board_key(), &board_method(), &asked).await;
    let verdict = presented(&by_board.unwrap()).await;
    assert!(words(&verdict).starts_with("proof.verificationMethod: is not one that"));
}

#[tokio::test]
async fn every_credential_in_it_is_verified() {
    let mut changed = licence().await;
    changed["credentialSubject"]["id"] = json!("did:example:other");
    let verdict = presented(&signed(&presentation(json!([licence().await, changed]))).await).await;
    assert_eq!(verdict.errors.len(), 1);
    assert_eq!(verdict.errors[0].within, "verifiableCredential[1]");
    assert_eq!(words(&verdict), "proof.proofValue: does not hold for this credential");
    let json = verdict.to_json();
    assert_eq!(json["verified"], false);
    assert_eq!(
        json["errors"][0]["type"],
        "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR"
    );
}

#[tokio::test]
async fn a_self_asserted_credential_names_the_holder_as_its_issuer() {
    let own = with(credential(), json!({ "issuer": holder() }));
    assert!(presented(&signed(&presentation(json!([own]))).await).await.verified());

    let unnamed = with(presentation(json!([own])), json!({ "holder": null }));
    let verdict = presented(&signed(&unnamed).await).await;
    assert!(words(&verdict).starts_with("holder: is required"), "{verdict:?}");

    let verdict = presented(&signed(&presentation(json!([credential()]))).await).await;
    assert_eq!(words(&verdict), "proof: is required unless the holder is the issuer");

    // The period of a credential without a proof counts as well.
    let past = with(own, json!({ "validUntil": "2020-01-01T00:00:00Z" }));
    let verdict = presented(&signed(&presentation(json!([past]))).await).await;
    assert!(words(&verdict).starts_with("validUntil"), "{verdict:?}");
}

#[tokio::test]
async fn an_envelope_has_its_form_and_is_not_supported() {
    let envelope = |kind: &str| {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": kind,
            "id": "data:application/vp+jwt,eyJ.e.s",
        })
    };
    let enveloped = envelope("EnvelopedVerifiablePresentation");
    assert_eq!(words(&presented(&enveloped).await), "type: envelopes are not supported");
    for (change, expected) in [
        (json!({ "@context": [] }), "@context does not include the base context"),
        (
            json!({ "@context": ["https://www.w3.org/ns/credentials/examples/v2"] }),
            "@context does not include the base context",
        ),
        (json!({ "id": "eyJ.e.s" }), "id is not a single URL"),
        (json!({ "id": "https://example.org/a,b" }), "id is not a data: URL"),
        (json!({ "id": null }), "id is required"),
    ] {
        let verdict = presented(&with(enveloped.clone(), change.clone())).await;
        assert!(words(&verdict).starts_with(expected), "{change}: {verdict:?}");
    }
    let inside = presentation(json!([envelope("EnvelopedVerifiableCredential")]));
    let verdict = presented(&signed(&inside).await).await;
    assert_eq!(words(&verdict), "type: envelopes are not supported");
    assert_eq!(verdict.errors[0].within, "verifiableCredential[0]");
}
