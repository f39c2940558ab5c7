//! What no signature would cover, what is too much and what parties read differently: refused,
//! whatever its place in a credential.

use attestry_credential::vcdm::conforming::check_credential;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::parties::{BASE, EXAMPLES, accepts, credential, issued, refuses, with};

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
