//! Any W3C credential: issued, verified and revoked as VC-API has it.

use attestry_issuer::Issuer;
use serde_json::{Value, json};

use crate::http::Office;
use crate::world::World;

const CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";

fn document(issuer: &str) -> Value {
    json!({
        "@context": [CONTEXT],
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "credentialSubject": { "id": "did:example:holder", "name": "a name" },
    })
}

async fn issue(office: &Office, document: &Value) -> (u16, Value) {
    office.post("/credentials/issue", &json!({ "credential": document, "options": {} })).await
}

async fn verify(office: &Office, credential: &Value) -> (u16, Value) {
    let body = json!({ "verifiableCredential": credential, "options": { "checks": ["proof"] } });
    office.post("/credentials/verify", &body).await
}

async fn opened() -> (World, Issuer, Office) {
    let world = World::new().await;
    let issuer = world.open().await;
    let office = Office::open(issuer.clone()).await;
    (world, issuer, office)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_credential_holds_until_it_is_revoked_under_either_identifier() {
    let (_world, issuer, office) = opened().await;
    let by_key = issuer.did_key().await.unwrap().to_string();
    for did in [issuer.did().to_owned(), by_key] {
        let (status, issued) = issue(&office, &document(&did)).await;
        assert_eq!(status, 201, "{issued}");
        assert!(issued.get("attestation").is_none());
        let credential = &issued["verifiableCredential"];
        assert_eq!(credential["issuer"], did);
        assert_eq!(credential["credentialStatus"]["type"], "BitstringStatusListEntry");
        assert_eq!(verify(&office, credential).await.0, 200);

        let mut changed = credential.clone();
        changed["credentialSubject"]["name"] = "another name".into();
        let (status, verdict) = verify(&office, &changed).await;
        assert_eq!((status, &verdict["verified"]), (400, &json!(false)));
        assert!(!verdict["errors"].as_array().unwrap().is_empty());
        assert!(!verdict.to_string().contains("another name"));

        let entry = json!({
            "credentialId": credential["id"],
            "credentialStatus": {
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
            },
            "status": true,
        });
        assert_eq!(office.post("/credentials/status", &entry).await.0, 200);
        let (status, verdict) = verify(&office, credential).await;
        assert_eq!((status, &verdict["verified"]), (400, &json!(false)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_issues_is_decided_by_the_office_and_an_id_of_the_document_stays() {
    let (_world, issuer, office) = opened().await;
    let mut given = document("did:example:somebody");
    given["id"] = "https://example.org/credentials/7".into();
    let (status, issued) = issue(&office, &given).await;
    assert_eq!(status, 201, "{issued}");
    let credential = &issued["verifiableCredential"];
    assert_eq!(credential["issuer"], issuer.did());
    assert_eq!(credential["id"], given["id"]);
    assert_eq!(verify(&office, credential).await.0, 200);
    let entry = json!({
        "credentialId": given["id"],
        "credentialStatus": { "type": "BitstringStatusListEntry", "statusPurpose": "suspension" },
        "status": true,
    });
    let (status, answer) = office.post("/credentials/status", &entry).await;
    assert_eq!((status, &answer["state"]), (200, &json!("suspended")));
    assert_eq!(verify(&office, credential).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_of_the_data_model_is_neither_issued_nor_verified() {
    let (_world, issuer, office) = opened().await;
    let with = |name: &str, value: Value| {
        let mut document = document(issuer.did());
        document[name] = value;
        document
    };
    let broken = [
        with("@context", json!("https://www.w3.org/ns/credentials/v2")),
        with("@context", json!([CONTEXT, "https://example.org/unknown"])),
        with("type", json!("Undefined")),
        with("credentialSubject", json!({})),
        with("credentialSubject", json!([])),
        with("validFrom", json!("yesterday")),
        with("id", json!("no url")),
        with("issuer", json!({ "name": "nobody" })),
        with("undefinedTerm", json!(1)),
        with("proof", json!({})),
        json!("text"),
        json!([]),
    ];
    for document in broken {
        let (status, problem) = issue(&office, &document).await;
        assert!([400, 422].contains(&status), "{document}: {status} {problem}");
        let (status, verdict) = verify(&office, &document).await;
        assert_eq!((status, &verdict["verified"]), (400, &json!(false)), "{document}");
    }
    let expected = json!({
        "verifiableCredential": document(issuer.did()),
        "options": { "expectedProofPurpose": "authentication" },
    });
    assert_eq!(office.post("/credentials/verify", &expected).await.0, 400);
    let presentation = json!({ "verifiablePresentation": document(issuer.did()) });
    let (status, verdict) = office.post("/presentations/verify", &presentation).await;
    assert_eq!((status, &verdict["verified"]), (400, &json!(false)));
}
