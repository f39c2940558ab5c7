//! W3C documents over HTTP as a conformance suite posts them: `POST /credentials/verify` and
//! `POST /presentations/verify` of VC-API, with an issuer on the ledger and a holder by did:key.

use attestry_credential::w3c::{
    DidKey as KeyDid, ForeignIssuer, Issuance, ProofPolicy, issue, sign_presentation,
};
use attestry_ledger::DidKey;
use attestry_verifier::http::{Access, Service, router};
use ed25519_dalek::SigningKey;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::World;

struct Suite {
    base: String,
    client: Client,
    credential: Value,
}

fn holder() -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[9; 32]);
    let method = KeyDid::Ed25519(key.verifying_key().to_bytes()).method();
    (key, method)
}

impl Suite {
    async fn new() -> Self {
        let world = World::new().await;
        let key = SigningKey::from_bytes(&[7; 32]);
        let identities = world.registry.identities();
        let published = DidKey::Ed25519(key.verifying_key().to_bytes());
        let (board, address) = (&world.board, world.board.address());
        identities.publish_key(board, address, &published, 1_000_000).await.unwrap();
        let did = identities.did(address).await.unwrap();
        let document = identities.document(&did.to_string(), world.now()).await.unwrap().unwrap();
        let method = document["assertionMethod"].as_array().unwrap().iter().find_map(|method| {
            let id = method.as_str()?;
            id.contains("delegate").then(|| id.to_owned())
        });
        let issuance = Issuance {
            key: &key,
            method: &method.unwrap(),
            now: world.now(),
            status: None,
            foreign_issuer: ForeignIssuer::Replace,
        };
        let (_, holder) = holder();
        let plain = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "issuer": "https://replaced.example",
            "credentialSubject": { "id": holder.split_once('#').unwrap().0 },
        });
        let credential = issue(&plain, &issuance).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = Service::new(vec![world.verifier.clone()], Access::Open);
        tokio::spawn(async move {
            // The world is kept for as long as it is served.
            let _world = world;
            axum::serve(listener, router(&service)).await.unwrap();
        });
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { base, client, credential }
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn presentation(&self, challenge: &str) -> Value {
        let (key, method) = holder();
        let presentation = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": method.split_once('#').unwrap().0,
            "verifiableCredential": [self.credential],
        });
        let policy = ProofPolicy {
            challenge: Some(challenge.to_owned()),
            domain: Some("clinic.example".to_owned()),
            ..ProofPolicy::at(crate::world::START)
        };
        sign_presentation(&presentation, &key, &method, &policy).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_verified_and_a_changed_one_is_refused_with_its_problem() {
    let suite = Suite::new().await;
    let body = json!({ "verifiableCredential": suite.credential, "options": { "checks": [] } });
    let (status, verdict) = suite.post("/credentials/verify", &body).await;
    assert_eq!((status, &verdict["verified"]), (StatusCode::OK, &json!(true)), "{verdict}");
    assert_eq!(verdict["errors"], json!([]));

    let mut changed = body.clone();
    changed["verifiableCredential"]["credentialSubject"]["id"] = "did:example:other".into();
    let (status, verdict) = suite.post("/credentials/verify", &changed).await;
    assert_eq!((status, &verdict["verified"]), (StatusCode::BAD_REQUEST, &json!(false)));
    let problem = verdict["errors"][0]["type"].as_str().unwrap();
    assert!(problem.ends_with("CRYPTOGRAPHIC_SECURITY_ERROR"), "{verdict}");

    let mut other_purpose = body.clone();
    other_purpose["options"] = json!({ "expectedProofPurpose": "authentication" });
    let (status, _) = suite.post("/credentials/verify", &other_purpose).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presentation_is_verified_for_its_challenge_and_domain_alone() {
    let suite = Suite::new().await;
    let presentation = suite.presentation("c1").await;
    let body = |challenge: &str, domain: &str| {
        json!({
            "verifiablePresentation": presentation,
            "options": { "challenge": challenge, "domain": domain },
        })
    };
    let (status, verdict) =
        suite.post("/presentations/verify", &body("c1", "clinic.example")).await;
    assert_eq!((status, &verdict["verified"]), (StatusCode::OK, &json!(true)), "{verdict}");
    for (challenge, domain, problem) in [
        ("c2", "clinic.example", "INVALID_CHALLENGE_ERROR"),
        ("c1", "other.example", "INVALID_DOMAIN_ERROR"),
    ] {
        let (status, verdict) = suite.post("/presentations/verify", &body(challenge, domain)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(verdict["errors"][0]["type"].as_str().unwrap().ends_with(problem), "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_request_to_verify_is_refused_by_its_form() {
    let suite = Suite::new().await;
    let credential = &suite.credential;
    for body in [
        json!({}),
        json!([]),
        json!({ "verifiableCredential": credential, "options": [] }),
        json!({ "verifiableCredential": credential, "options": { "challenge": 1 } }),
        json!({ "verifiableCredential": credential, "extra": true }),
        json!({ "verifiableCredential": null }),
    ] {
        let (status, problem) = suite.post("/credentials/verify", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(problem["type"], "urn:attestry:problem:invalid-request", "{body}");
    }
    for document in [json!({}), json!("text"), json!([]), json!(7)] {
        let body = json!({ "verifiableCredential": document });
        let (status, verdict) = suite.post("/credentials/verify", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(verdict["verified"], false, "{body}");
    }
}
