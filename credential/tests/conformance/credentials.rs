//! VCDM 2.0, section 4: the members of a credential, and what is issued and what is not.

use serde_json::{Value, json};

use crate::parties::{BASE, EXAMPLES, accepts, credential, issued, refuses, with};

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
