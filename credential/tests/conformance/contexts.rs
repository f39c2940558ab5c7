//! VCDM 2.0, section 4.3, and JSON-LD: the contexts of a credential, and the terms that they
//! define.

use serde_json::json;

use crate::parties::{BASE, EXAMPLES, accepts, credential, issued, refuses, with};

#[tokio::test]
async fn context_is_an_ordered_set_that_begins_with_the_base_context() {
    accepts([
        json!({ "@context": [BASE, EXAMPLES] }),
        json!({ "@context": [BASE, "https://www.w3.org/ns/credentials/undefined-terms/v2"] }),
        json!({ "@context": [BASE, { "Own": "https://example.org/#Own" }], "type":
            ["VerifiableCredential", "Own"] }),
    ])
    .await;
    refuses([
        (json!({ "@context": null }), "@context is required"),
        (json!({ "@context": BASE }), "@context is not an array"),
        (json!({ "@context": [] }), "@context does not begin"),
        (json!({ "@context": [EXAMPLES] }), "@context does not begin"),
        (json!({ "@context": [EXAMPLES, BASE] }), "@context does not begin"),
        (json!({ "@context": [BASE, "https ://not-a-url/v1"] }), "$.@context[1] is not a URL"),
        (json!({ "@context": [BASE, 123_192_875] }), "$.@context[1] is neither"),
        (
            json!({ "@context": [BASE, "https://elsewhere.example/v1"] }),
            "$.@context[1] is not one of the embedded contexts",
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_inline_context_defines_terms_and_nothing_else() {
    let own = "https://example.org/#own";
    accepts([
        json!({ "@context": [BASE, { "own": own }], "own": "x" }),
        json!({ "@context": [BASE, { "own": { "@id": own, "@container": "@set" } }],
            "own": ["x"] }),
        json!({ "@context": [BASE, { "ex": "https://example.org/#" }], "ex:own": "x" }),
    ])
    .await;
    for inline in [
        json!({ "own": null }),
        json!({ "own": { "@id": null } }),
        json!({ "own": "@index" }),
        json!({ "own": { "@id": "@nest" } }),
        json!({ "own": { "@id": own, "@container": "@index" } }),
        json!({ "own": { "@id": own, "@index": own } }),
        json!({ "own": 1 }),
        json!({ "@base": "https://example.org/" }),
        json!({ "@import": "https://example.org/context" }),
        json!({ "@propagate": false }),
        json!({ "@direction": "rtl" }),
        json!({ "own": { "@id": own, "@container": "@list" } }),
        json!({ "@language": "EN" }),
        json!({ "@vocab": "" }),
        json!({ "own": { "@id": own, "@context": "https://elsewhere.example/v1" } }),
        json!({ "b": "_:" }),
    ] {
        let change = json!({ "@context": [BASE, inline] });
        let refused = issued(&with(credential(), change.clone())).await;
        assert!(refused.is_err(), "{change}");
    }
}

#[tokio::test]
async fn no_context_redefines_a_protected_term() {
    refuses([
        (
            json!({ "@context": [BASE, { "VerifiableCredential": "https://example.org/#Bad" }] }),
            "credential: is not JSON-LD",
        ),
        (
            json!({ "@context": [BASE,
                { "@protected": true, "Own": "https://example.org/#Own" },
                { "Own": "https://example.org/#Other" }],
                "type": ["VerifiableCredential", "Own"] }),
            "credential: is not JSON-LD",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_term_that_no_context_defines_is_an_error() {
    refuses([
        (json!({ "undefined": "x" }), "credential: is not JSON-LD"),
        (json!({ "issuanceDate": "2026-01-01T00:00:00Z" }), "credential: is not JSON-LD"),
        (json!({ "credentialSubject": { "undefined": "x" } }), "credential: is not JSON-LD"),
        (
            json!({ "statusEntry": { "type": "BitstringStatusListEntry",
                "statusListIndex": true, "statusListCredential": "https://example.com" } }),
            "credential: is not JSON-LD",
        ),
    ])
    .await;
    accepts([json!({ "@context": [BASE, EXAMPLES], "undefined": "x" })]).await;
}
