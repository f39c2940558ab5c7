//! What is fetched from others, where who verifies allows it.

use std::collections::BTreeMap;

use attestry_credential::w3c::{
    DidEthr, ForeignIssuer, Issuance, ProofPolicy, ResolveError, Verdict, issue, sign_presentation,
    verify_credential, verify_presentation,
};
use serde_json::{Value, json};

use super::parties::{
    BASE, Ledger, Lists, NOW, board_key, board_method, credential, holder, holder_key,
    holder_method, issued, verified, with, words,
};

const BOARD: &str = "did:web:board.example:staff";
const DOCUMENT: &str = "https://board.example/staff/did.json";
const CONTEXT: &str = "https://board.example/terms/v1";

/// The ledger, and documents of a host that may be asked; none is there that cannot be had.
#[derive(Default)]
struct Sources(BTreeMap<&'static str, Value>);

impl DidEthr for Sources {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        Ledger.did_document(did).await
    }

    async fn remote_document(&self, url: &str) -> Result<Value, ResolveError> {
        if !url.starts_with("https://board.example/") {
            return Err(ResolveError::NotListed);
        }
        self.0.get(url).cloned().ok_or(ResolveError::Unavailable)
    }
}

impl Sources {
    fn with(url: &'static str, document: Value) -> Self {
        Self(BTreeMap::from([(url, document)]))
    }

    async fn verify(&self, credential: &Value) -> Verdict {
        verify_credential(credential, &ProofPolicy::at(NOW), self, &Lists::default()).await
    }
}

fn did_document() -> Value {
    let method = format!("{BOARD}#key-1");
    json!({
        "id": BOARD,
        "verificationMethod": [{
            "id": method,
            "type": "Ed25519VerificationKey2018",
            "controller": BOARD,
            "publicKeyHex": hex::encode(board_key().verifying_key().as_bytes()),
        }],
        "assertionMethod": [method],
    })
}

/// What a board issues that is known by its website.
async fn issued_by_web() -> Value {
    let (key, method) = (board_key(), format!("{BOARD}#key-1"));
    let issuance = Issuance {
        key: &key,
        method: &method,
        now: NOW - 10,
        status: None,
        foreign_issuer: ForeignIssuer::Refuse,
    };
    issue(&with(credential(), json!({ "issuer": BOARD })), &issuance).await.unwrap()
}

#[tokio::test]
async fn an_issuer_by_did_web_is_known_where_its_host_is_listed() {
    let signed = issued_by_web().await;
    let verdict = Sources::with(DOCUMENT, did_document()).verify(&signed).await;
    assert!(verdict.verified(), "{}", words(&verdict));

    let refused = verified(&signed).await;
    let rule = "proof.verificationMethod: is a did:web of a host that is not listed";
    assert_eq!(words(&refused), rule);
    let away = Sources::default().verify(&signed).await;
    assert_eq!(words(&away), "proof.verificationMethod: could not be resolved");
}

#[tokio::test]
async fn a_document_of_did_web_speaks_for_its_own_did_alone() {
    let signed = issued_by_web().await;
    let (other, key) = ("did:web:board.example", "did:web:board.example#key-1");
    for changed in [
        json!({ "id": other }),
        json!({ "id": null }),
        json!({ "assertionMethod": [] }),
        json!({ "assertionMethod": [key] }),
        json!({ "verificationMethod": [] }),
    ] {
        let document = with(did_document(), changed.clone());
        let verdict = Sources::with(DOCUMENT, document).verify(&signed).await;
        assert!(words(&verdict).contains("is not one that the signer controls"), "{changed}");
    }
    let mut foreign = did_document();
    foreign["verificationMethod"][0]["controller"] = json!(other);
    let verdict = Sources::with(DOCUMENT, foreign).verify(&signed).await;
    assert!(!verdict.verified());
    let mut other_key = did_document();
    other_key["verificationMethod"][0]["publicKeyHex"] =
        json!(hex::encode(holder_key().verifying_key().as_bytes()));
    let verdict = Sources::with(DOCUMENT, other_key).verify(&signed).await;
    assert_eq!(words(&verdict), "proof.proofValue: does not hold for this credential");
}

/// Terms of the board's own.
fn terms() -> Value {
    json!({ "rank": "https://board.example/terms#rank" })
}

/// A credential that names a context by its URL, with a term of it.
async fn issued_with_terms() -> Value {
    let inline = json!({
        "@context": [BASE, terms()],
        "credentialSubject": { "id": "did:example:subject", "rank": "first" },
    });
    // To JSON-LD, a context and its URL are the same.
    let signed = issued(&with(credential(), inline)).await.unwrap();
    with(signed, json!({ "@context": [BASE, CONTEXT] }))
}

#[tokio::test]
async fn a_context_is_read_where_its_host_is_listed() {
    let signed = issued_with_terms().await;
    for context in
        [terms(), json!([terms()]), json!([{ "other": "https://a.example/#b" }, terms()])]
    {
        let sources = Sources::with(CONTEXT, json!({ "@context": context }));
        let verdict = sources.verify(&signed).await;
        assert!(verdict.verified(), "{}", words(&verdict));
    }
    let refused = verified(&signed).await;
    assert_eq!(words(&refused), "$.@context[1] is not one of the embedded contexts");
    let away = Sources::default().verify(&signed).await;
    assert_eq!(words(&away), "@context names one that could not be fetched");
}

#[tokio::test]
async fn a_context_that_is_fetched_may_say_what_inline_ones_may_and_changes_no_meaning() {
    let signed = issued_with_terms().await;
    for (context, rule) in [
        (json!({ "rank": "https://board.example/terms#grade" }), "proof.proofValue"),
        (json!({ "other": "https://board.example/terms#rank" }), "is not JSON-LD"),
        (json!({ "@import": "https://board.example/more" }), "is not what an inline context"),
        (json!("https://elsewhere.example/v1"), "names one that is no context"),
        (json!(["https://elsewhere.example/v1"]), "is not one of the embedded contexts"),
        (json!([CONTEXT]), "is not one of the embedded contexts"),
        (json!(null), "names one that is no context"),
        (json!({ "VerifiableCredential": "https://a.example/#Bad" }), "is not JSON-LD"),
    ] {
        let sources = Sources::with(CONTEXT, json!({ "@context": context }));
        let verdict = sources.verify(&signed).await;
        assert!(words(&verdict).contains(rule), "{context}: {}", words(&verdict));
    }
}

#[tokio::test]
async fn there_is_an_end_to_contexts_that_are_fetched() {
    let mut signed = issued_with_terms().await;
    let contexts = std::iter::once(BASE).chain(std::iter::repeat_n(CONTEXT, 8));
    signed["@context"] = contexts.clone().collect();
    let sources = Sources::with(CONTEXT, json!({ "@context": terms() }));
    let verdict = sources.verify(&signed).await;
    assert!(verdict.verified(), "{}", words(&verdict));
    signed["@context"] = contexts.chain([CONTEXT]).collect();
    let verdict = sources.verify(&signed).await;
    assert_eq!(words(&verdict), "@context names too many that are not embedded");
}

#[tokio::test]
async fn contexts_and_issuers_of_others_are_read_in_presentations_too() {
    let presentation = json!({
        "@context": [BASE],
        "type": ["VerifiablePresentation"],
        "holder": holder(),
        "verifiableCredential": [with(credential(), json!({
            "@context": [BASE, terms()],
            "credentialSubject": { "id": holder(), "rank": "first" },
        }))],
    });
    let (key, method) = (board_key(), board_method());
    let issuance = Issuance {
        key: &key,
        method: &method,
        now: NOW - 10,
        status: None,
        foreign_issuer: ForeignIssuer::Refuse,
    };
    let mut presentation = presentation;
    let inner = issue(&presentation["verifiableCredential"][0], &issuance).await.unwrap();
    presentation["verifiableCredential"][0] = inner;
    let policy = ProofPolicy::at(NOW);
    let signed = sign_presentation(&presentation, &holder_key(), &holder_method(), &policy).await;
    let mut signed = signed.unwrap();
    signed["verifiableCredential"][0]["@context"] = json!([BASE, CONTEXT]);
    let sources = Sources::with(CONTEXT, json!({ "@context": terms() }));
    let verdict = verify_presentation(&signed, &policy, &sources, &Lists::default()).await;
    assert!(verdict.verified(), "{}", words(&verdict));
    let verdict = verify_presentation(&signed, &policy, &Ledger, &Lists::default()).await;
    assert!(!verdict.verified());
}
