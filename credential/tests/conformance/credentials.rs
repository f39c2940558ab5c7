//! VCDM 2.0, sections 4 and 5: what is issued and what is not.

use attestry_credential::vcdm::conforming::check_credential;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::parties::{credential, issued, verified, with};

const EXAMPLES: &str = "https://www.w3.org/ns/credentials/examples/v2";
const BASE: &str = "https://www.w3.org/ns/credentials/v2";

/// Issues the credential with each change; what is issued also verifies.
async fn accepts(changes: impl IntoIterator<Item = Value>) {
    for change in changes {
        let signed = issued(&with(credential(), change.clone())).await;
        let signed = signed.unwrap_or_else(|error| panic!("{change}: {error}"));
        let verdict = verified(&signed).await;
        assert!(verdict.verified(), "{change}: {:?}", verdict.errors);
    }
}

/// Refuses to issue the credential with each change, and says where it is wrong.
async fn refuses(changes: impl IntoIterator<Item = (Value, &'static str)>) {
    for (change, expected) in changes {
        let error = issued(&with(credential(), change.clone())).await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{change}: {error}");
    }
}

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

#[tokio::test]
async fn id_if_present_is_a_single_url() {
    accepts([
        json!({ "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33" }),
        json!({ "id": "did:example:credential" }),
        json!({ "credentialSubject": { "id": "https://example.org/subject" } }),
    ])
    .await;
    refuses([
        (json!({ "id": ["urn:uuid:1", "urn:uuid:2"] }), "id is not a single URL"),
        (json!({ "id": "https ://not-a-url/1" }), "id is not a single URL"),
        (json!({ "id": "not-a-url" }), "id is not a single URL"),
        (json!({ "id": 7 }), "id is not a single URL"),
        (json!({ "id": "_:b0" }), "$.id is a blank node"),
        (
            json!({ "credentialSubject": { "id": ["did:example:a", "did:example:b"] } }),
            "credentialSubject.id is not a single URL",
        ),
    ])
    .await;
    let mut null = credential();
    null["id"] = Value::Null;
    assert_eq!(issued(&null).await.unwrap_err().to_string(), "$.id is null");
}

#[tokio::test]
async fn type_is_one_or_more_terms_or_urls_that_map_to_urls() {
    accepts([
        json!({ "type": "VerifiableCredential" }),
        json!({ "type": ["VerifiableCredential", "https://example.org/#Own"] }),
        json!({ "type": ["https://example.org/#Own", "VerifiableCredential"] }),
        json!({ "@context": [BASE, EXAMPLES], "type": ["Example", "VerifiableCredential"] }),
    ])
    .await;
    refuses([
        (json!({ "type": null }), "type is required"),
        (json!({ "type": "https://example.org/#Own" }), "type does not include"),
        (json!({ "type": ["VerifiableCredential", 2] }), "type[1] is not a string"),
        (json!({ "type": ["VerifiableCredential", ""] }), "type[1] is neither"),
        (json!({ "type": ["VerifiableCredential", "https ://x"] }), "type[1] is neither"),
        (json!({ "type": ["VerifiableCredential", "@id"] }), "type[1] is neither"),
        (json!({ "type": ["VerifiableCredential", "Unmapped"] }), "credential: is not JSON-LD"),
        (
            json!({ "@context": [BASE, { "@vocab": null }],
                "type": ["VerifiableCredential", "Unmapped"] }),
            "credential: is not JSON-LD",
        ),
        (
            json!({ "@context": [BASE, { "Own": "https ://not-a-url#Own" }],
                "type": ["VerifiableCredential", "Own"] }),
            "credential: is not JSON-LD",
        ),
        (
            json!({ "@context": [BASE, { "Own": "relative" }],
                "type": ["VerifiableCredential", "Own"] }),
            "credential: is not JSON-LD",
        ),
    ])
    .await;
}

#[tokio::test]
async fn every_object_that_must_have_a_type_has_one_that_is_mapped() {
    let own = json!([BASE, { "Own": "https://example.org/#Own" }]);
    for name in ["termsOfUse", "evidence", "refreshService", "confidenceMethod", "renderMethod"] {
        accepts([
            json!({ "@context": own, name: { "type": "Own" } }),
            json!({ "@context": own, name: [{ "type": "Own" }, { "type": ["Own"] }] }),
            json!({ "@context": own, name: { "type": "Own", "id": "did:example:it" } }),
            json!({ name: { "type": "https://example.org/#Own" } }),
        ])
        .await;
        for wrong in [
            json!({ "id": "did:example:it" }),
            json!({ "type": 2 }),
            json!({ "type": "Unmapped" }),
            json!({ "type": "Own", "id": "//not-a-url/8e96ee84" }),
            json!({ "type": "Own", "id": ["did:example:a", "did:example:b"] }),
            json!("text"),
            json!({}),
        ] {
            let change = json!({ "@context": own, name: wrong });
            assert!(issued(&with(credential(), change.clone())).await.is_err(), "{change}");
        }
    }
}

#[tokio::test]
async fn names_and_descriptions_are_strings_or_language_value_objects() {
    for name in ["name", "description"] {
        let values = [
            json!("Licence"),
            json!({ "@value": "Licence", "@language": "en" }),
            json!({ "@value": "Licence", "@language": "en-GB", "@direction": "ltr" }),
            json!([{ "@value": "Dog", "@language": "en" },
                { "@value": "Chien", "@language": "fr" }]),
        ];
        accepts(values.iter().map(|value| json!({ name: value }))).await;
        accepts(
            values
                .iter()
                .map(|value| json!({ "issuer": { "id": crate::parties::BOARD, name: value } })),
        )
        .await;
        for wrong in [
            json!({ "@value": "x", "@language": "en", "url": "did:example:it" }),
            json!({ "@language": "en" }),
            json!({ "@value": 7, "@language": "en" }),
            json!({ "@value": "x", "@language": "e n" }),
            json!({ "@value": "x", "@direction": "up" }),
            json!(7),
            json!(["x", 7]),
        ] {
            for change in [
                json!({ name: wrong }),
                json!({ "issuer": { "id": crate::parties::BOARD, name: wrong } }),
            ] {
                assert!(issued(&with(credential(), change.clone())).await.is_err(), "{change}");
            }
        }
    }
}

#[tokio::test]
async fn issuer_is_a_url_or_an_object_whose_id_is_one() {
    accepts([json!({ "issuer": { "id": crate::parties::BOARD } })]).await;
    refuses([
        (json!({ "issuer": null }), "issuer is required"),
        (json!({ "issuer": "not-a-url" }), "issuer is not a single URL"),
        (json!({ "issuer": ["did:example:a"] }), "issuer is not a single URL"),
        (json!({ "issuer": { "name": "x" } }), "issuer.id is required"),
        (json!({ "issuer": { "id": null } }), "$.issuer.id is null"),
        (json!({ "issuer": { "id": "not-a-url" } }), "issuer.id is not a single URL"),
        (json!({ "issuer": "did:example:other" }), "proof.verificationMethod"),
    ])
    .await;
}

#[tokio::test]
async fn credential_subject_is_one_or_more_objects_with_claims() {
    accepts([
        json!({ "credentialSubject": [{ "id": "did:example:a" }, { "name": "b" }] }),
        json!({ "credentialSubject": { "name": "a" } }),
    ])
    .await;
    refuses([
        (json!({ "credentialSubject": null }), "credentialSubject is required"),
        (json!({ "credentialSubject": {} }), "credentialSubject states nothing"),
        (json!({ "credentialSubject": [] }), "$.credentialSubject is an empty array"),
        (json!({ "credentialSubject": "did:example:a" }), "credentialSubject is not an object"),
        (
            json!({ "credentialSubject": [{ "id": "did:example:a" }, {}] }),
            "credentialSubject[1] states nothing",
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_validity_period_is_of_date_time_stamps_in_order() {
    accepts([
        json!({ "validFrom": "2023-02-25T19:10:39-06:00" }),
        json!({ "validFrom": "2023-02-26T01:20:18.477Z" }),
        json!({ "validFrom": "2023-02-26T01:19:19Z", "validUntil": "2099-02-26T01:19:19Z" }),
        json!({ "validUntil": "2099-02-26T01:19:19.5+14:00" }),
    ])
    .await;
    let same = json!({ "validFrom": "2023-02-26T01:00:00Z", "validUntil":
        "2023-02-26T02:00:00+01:00" });
    assert!(issued(&with(credential(), same)).await.is_ok(), "the past may be issued");
    refuses([
        (json!({ "validFrom": "2023-02-26" }), "validFrom is not a dateTimeStamp"),
        (json!({ "validFrom": "2023-02-26T01:19:19" }), "validFrom is not a dateTimeStamp"),
        (json!({ "validFrom": ["2023-02-26T01:19:19Z"] }), "validFrom is not a string"),
        (json!({ "validUntil": "2023-02-30T01:19:19Z" }), "validUntil is not a dateTimeStamp"),
        (
            json!({ "validFrom": "2023-02-26T01:00:00Z", "validUntil":
                "2023-02-26T01:59:59+01:00" }),
            "validUntil is before validFrom",
        ),
    ])
    .await;
}

#[tokio::test]
async fn each_credential_schema_has_a_type_and_a_url() {
    let schema = json!({ "type": "JsonSchema", "id": "https://example.org/schema.json" });
    accepts([
        json!({ "credentialSchema": schema }),
        json!({ "credentialSchema": [schema, { "type": "https://example.org/#Schema",
            "id": "did:example:schemas/2" }] }),
    ])
    .await;
    refuses([
        (
            json!({ "credentialSchema": { "id": "https://example.org/schema.json" } }),
            "credentialSchema.type is required",
        ),
        (
            json!({ "credentialSchema": { "type": "JsonSchema" } }),
            "credentialSchema.id is required",
        ),
        (
            json!({ "credentialSchema": { "type": "JsonSchema", "id": 7 } }),
            "credentialSchema.id is not a single URL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_credential_that_names_our_schema_is_read_by_it() {
    let change = json!({ "credentialSchema": { "type": "JsonSchema",
        "id": "https://attestry.example/schemas/provider-credential-1.json" } });
    assert!(issued(&with(credential(), change)).await.is_err());
}

#[tokio::test]
async fn related_resources_have_unique_ids_and_digests() {
    let sri = "sha256-ypLlVQhaNAlgLDgbrMUZr+7Q8ZkC0y3V+eYbcBSl2b4=";
    let resource = |id: &str| json!({ "id": id, "digestSRI": sri });
    accepts([
        json!({ "relatedResource": resource("https://example.org/a") }),
        json!({ "relatedResource": [resource("https://example.org/a"),
            { "id": "https://example.org/b", "mediaType": "application/json",
              "digestMultibase": "uEiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }] }),
        json!({ "relatedResource": { "id": BASE,
            "digestMultibase": "uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ",
            "digestSRI":
                "sha384-l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU" } }),
    ])
    .await;
    refuses([
        (json!({ "relatedResource": ["https://example.org/a"] }), "relatedResource[0] is not"),
        (json!({ "relatedResource": { "digestSRI": sri } }), "relatedResource.id is required"),
        (
            json!({ "relatedResource": [resource("https://example.org/a"),
                resource("https://example.org/a")] }),
            "relatedResource[1].id is not unique",
        ),
        (
            json!({ "relatedResource": { "id": "https://example.org/a" } }),
            "relatedResource has neither",
        ),
        (
            json!({ "relatedResource": { "id": "https://example.org/a", "digestSRI": "md5-00" } }),
            "relatedResource.digestSRI is not",
        ),
        (
            json!({ "relatedResource": { "id": "https://example.org/a",
                "digestMultibase": "uZTQ0MjM1NiAgcmVwb3J0" } }),
            "relatedResource.digestMultibase is not",
        ),
        (
            json!({ "relatedResource": resource(BASE) }),
            "relatedResource.digestSRI is not the digest of that resource",
        ),
        (
            json!({ "relatedResource": { "id": BASE, "mediaType": "json", "digestSRI": sri } }),
            "relatedResource.mediaType is not a media type",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_no_signature_would_cover_is_refused() {
    refuses([
        (json!({ "credentialSubject": { "name": [] } }), "$.credentialSubject.name is an empty"),
        (
            json!({ "credentialSubject": { "name": { "@value": "x", "@index": "i" } } }),
            "$.credentialSubject.name has a keyword",
        ),
        (json!({ "credentialSubject": { "@nest": {} } }), "$.credentialSubject has a keyword"),
        (json!({ "@reverse": {} }), "$ has a keyword"),
        (json!({ "name": { "@list": ["x"] } }), "$.name has a keyword"),
        (json!({ "_:b0": "x" }), "$ names a blank node"),
    ])
    .await;
    let null = json!({ "credentialSubject": { "name": "x", "description": null } });
    let error = issued(&with(credential(), null)).await.unwrap_err();
    assert_eq!(error.to_string(), "$.credentialSubject.description is null");
}

#[tokio::test]
async fn a_document_is_bounded_in_depth_number_and_text() {
    let mut deep = json!("x");
    for _ in 0..30 {
        deep = json!([deep]);
    }
    refuses([(json!({ "name": deep }), "$.name")]).await;
    let many: Vec<Value> = (0..9000).map(Value::from).collect();
    refuses([(json!({ "name": many }), "$.name")]).await;
    refuses([(json!({ "name": "x".repeat(2 << 20) }), "$.name has too much text")]).await;
}

#[tokio::test]
async fn a_number_is_one_that_all_parties_read_alike() {
    let number = |number: Value| json!({ "@context": [BASE, EXAMPLES], "credentialSubject": { "number": number } });
    let fine = [json!(0), json!(-7), json!((1i64 << 53) - 1), json!(1.5), json!(-0.0001)];
    accepts(fine.map(number)).await;
    let refused = [
        json!(1i64 << 53),
        json!(u64::MAX),
        json!(1e21),
        json!(1e-7),
        json!(1.5e300),
        json!(5e-324),
        json!(10.0),
        json!(-0.0),
        json!(0.30000000000000004),
    ];
    refuses(refused.map(|value| {
        (number(value), "$.credentialSubject.number is a number that not all parties read alike")
    }))
    .await;
}

#[tokio::test]
async fn a_name_that_a_stranger_chose_is_shown_only_if_it_is_plain() {
    let mut credential = credential();
    credential["credentialSubject"]["a name\nwith a line"] = Value::Null;
    let error = issued(&credential).await.unwrap_err();
    assert_eq!(error.to_string(), "$.credentialSubject.? is null");
}

#[tokio::test]
async fn a_proof_before_issuing_is_refused() {
    let signed = issued(&credential()).await.unwrap();
    let error = issued(&signed).await.unwrap_err();
    assert_eq!(error.to_string(), "proof is there before the credential is issued");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["@id", "@type", "_:b", "did:a:b", "VerifiableCredential", BASE])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let name = prop::sample::select(vec![
            "@context",
            "id",
            "type",
            "@value",
            "@language",
            "@id",
            "@container",
            "x",
            "",
            "digestSRI",
            "digestMultibase",
            "statusMessage",
            "statusSize",
            "statusListIndex",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::Object(members.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_in_any_place_conforms_or_is_refused_without_a_panic(
        name in prop::sample::select(vec![
            "@context", "id", "type", "issuer", "credentialSubject", "validFrom", "name", "proof",
            "credentialStatus", "credentialSchema", "relatedResource", "evidence",
        ]),
        value in any_json(),
    ) {
        let mut document = credential();
        document[name] = value.clone();
        let _ = check_credential(&document);
        let _ = check_credential(&value);
        let _ = attestry_credential::vcdm::conforming::check_presentation(&document);
    }
}
