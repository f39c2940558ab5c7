//! Sessions for credentials as they are: `ldp_vc`, with an issuer on the ledger and holders by
//! did:key.

use attestry_credential::oid4vp::{AuthorizationRequest, AuthorizationResponse, ResponseMode};
use attestry_credential::w3c::{
    DidKey as KeyDid, ForeignIssuer, Issuance, ProofPolicy, issue, sign_presentation,
};
use attestry_ledger::DidKey;
use ed25519_dalek::SigningKey;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::http::{Service, named, problem};

const LICENCE: &str = "https://www.w3.org/ns/credentials/undefined-term#Licence";

struct Office {
    service: Service,
    key: SigningKey,
    method: String,
}

/// A holder's key and its verification method.
fn holder(seed: u8) -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let method = KeyDid::Ed25519(key.verifying_key().to_bytes()).method();
    (key, method)
}

fn did(method: &str) -> &str {
    method.split_once('#').unwrap().0
}

fn query(id: &str, claims: Value) -> Value {
    json!({
        "id": id, "format": "ldp_vc", "meta": { "type_values": [[LICENCE]] }, "claims": claims,
    })
}

fn question(credentials: Value) -> Value {
    json!({ "dcql_query": { "credentials": credentials }, "purpose": "hire" })
}

/// The licence's state, of the issuer that is trusted.
fn where_licensed(issuer: &str) -> Value {
    json!([
        { "id": "state", "path": ["credentialSubject", "state"] },
        { "path": ["issuer"], "values": [issuer] },
    ])
}

impl Office {
    async fn new() -> Self {
        let service = Service::new().await;
        let world = &service.world;
        let key = SigningKey::from_bytes(&[7; 32]);
        let identities = world.registry.identities();
        let published = DidKey::Ed25519(key.verifying_key().to_bytes());
        let (board, address) = (&world.board, world.board.address());
        identities.publish_key(board, address, &published, 1_000_000).await.unwrap();
        let did = identities.did(address).await.unwrap().to_string();
        let document = identities.document(&did, world.now()).await.unwrap().unwrap();
        let methods = document["assertionMethod"].as_array().unwrap().iter();
        let method = methods.filter_map(Value::as_str).find(|id| id.contains("delegate")).unwrap();
        let method = method.to_owned();
        Self { service, key, method }
    }

    fn did(&self) -> &str {
        did(&self.method)
    }

    async fn issue(&self, holder: &str, kind: &str) -> Value {
        let issuance = Issuance {
            key: &self.key,
            method: &self.method,
            now: self.service.world.now(),
            status: None,
            foreign_issuer: ForeignIssuer::Replace,
        };
        let plain = json!({
            "@context": [
                "https://www.w3.org/ns/credentials/v2",
                "https://www.w3.org/ns/credentials/undefined-terms/v2",
            ],
            "type": ["VerifiableCredential", kind],
            "issuer": "https://replaced.example",
            "credentialSubject": { "id": holder, "state": "TX", "secret": "a secret" },
        });
        issue(&plain, &issuance).await.unwrap()
    }

    async fn open(&self, body: &Value) -> (String, AuthorizationRequest) {
        let opened = self.service.post("/presentations", body.to_string()).await;
        assert_eq!(opened.status(), StatusCode::CREATED);
        let opened: Value = opened.json().await.unwrap();
        let asked = self.service.fetch(opened["deep_link"].as_str().unwrap()).await;
        (opened["id"].as_str().unwrap().to_owned(), asked)
    }

    async fn present(
        &self,
        (key, method): &(SigningKey, String),
        credential: &Value,
        challenge: &str,
        domain: &str,
    ) -> Value {
        let presentation = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": did(method),
            "verifiableCredential": [credential],
        });
        let policy = ProofPolicy {
            challenge: Some(challenge.to_owned()),
            domain: Some(domain.to_owned()),
            ..ProofPolicy::at(self.service.world.now())
        };
        sign_presentation(&presentation, key, method, &policy).await.unwrap()
    }

    /// A presentation as an honest wallet makes it for a request.
    async fn honest(
        &self,
        asked: &AuthorizationRequest,
        holder: &(SigningKey, String),
        credential: &Value,
    ) -> Value {
        let (challenge, domain) = (asked.nonce.to_string(), asked.prefixed_client_id());
        self.present(holder, credential, &challenge, &domain).await
    }

    async fn submit(
        &self,
        asked: &AuthorizationRequest,
        presentations: &[(&str, &Value)],
    ) -> reqwest::Response {
        let presentations = presentations.iter();
        let vp_token = presentations.map(|(id, one)| (id.parse().unwrap(), vec![(*one).clone()]));
        let answer =
            AuthorizationResponse { state: asked.state.clone(), vp_token: vp_token.collect() };
        let form = answer.to_form(&asked.response_mode, &mut ark_std::rand::rngs::OsRng).unwrap();
        self.service.post_form(asked.response_uri.as_str(), form).await
    }

    async fn refused(
        &self,
        asked: &AuthorizationRequest,
        presentations: &[(&str, &Value)],
    ) -> (StatusCode, String) {
        let (status, problem) = problem(self.submit(asked, presentations).await).await;
        assert!(!problem.to_string().contains("a secret"), "{problem}");
        (status, problem["type"].as_str().unwrap().to_owned())
    }

    async fn outcome(&self, id: &str) -> Value {
        self.service.get(&format!("/presentations/{id}")).await.json().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_credentials_of_one_holder_are_shown_and_only_what_was_asked_is_learnt() {
    let office = Office::new().await;
    let nurse = holder(9);
    let claims = where_licensed(office.did());
    let mut body = question(json!([
        query("one", claims),
        query(
            "two",
            json!([
                { "path": ["credentialSubject", "state"], "values": ["TX", "CA"] }
            ])
        )
    ]));
    body["response_mode"] = "direct_post.jwt".into();
    let (id, asked) = office.open(&body).await;
    assert!(matches!(asked.response_mode, ResponseMode::DirectPostJwt { .. }));
    let credential = office.issue(did(&nurse.1), "Licence").await;
    let shown = office.honest(&asked, &nurse, &credential).await;
    let accepted = office.submit(&asked, &[("one", &shown), ("two", &shown)]).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    let outcome = office.outcome(&id).await;
    assert_eq!(outcome["status"], "accepted");
    assert_eq!(
        outcome["disclosed"],
        json!({
            "one": { "state": "TX", "issuer": office.did() },
            "two": { "credentialSubject.state": "TX" },
        })
    );
    let (status, kind) = office.refused(&asked, &[("one", &shown), ("two", &shown)]).await;
    assert_eq!((status, kind), (StatusCode::CONFLICT, named("replayed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presentation_for_another_challenge_or_verifier_is_refused() {
    let office = Office::new().await;
    let nurse = holder(9);
    let credential = office.issue(did(&nurse.1), "Licence").await;
    let body = question(json!([query("one", where_licensed(office.did()))]));
    for (other_challenge, other_domain) in [(true, false), (false, true)] {
        let (id, asked) = office.open(&body).await;
        let (_, another) = office.open(&body).await;
        let challenge = if other_challenge { &another.nonce } else { &asked.nonce }.to_string();
        // Without its prefix it is not the client identifier.
        let client = asked.prefixed_client_id();
        let domain = if other_domain { asked.client_id.as_str() } else { &client };
        let shown = office.present(&nurse, &credential, &challenge, domain).await;
        let (status, kind) = office.refused(&asked, &[("one", &shown)]).await;
        let expected = (StatusCode::UNPROCESSABLE_ENTITY, named("wrong-challenge"));
        assert_eq!((status, kind), expected);
        assert_eq!(office.outcome(&id).await["status"], "refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_another_holder_kind_or_content_are_refused() {
    let office = Office::new().await;
    let (nurse, other) = (holder(9), holder(10));
    let body = question(json!([query("one", where_licensed(office.did()))]));
    let licence = office.issue(did(&nurse.1), "Licence").await;
    let card = office.issue(did(&nurse.1), "LibraryCard").await;
    let mut changed = licence.clone();
    changed["credentialSubject"]["state"] = "FL".into();
    for (holder, credential, kind) in [
        (&other, &licence, "different-holders"),
        (&nurse, &card, "wrong-credential"),
        (&nurse, &changed, "not-verified"),
    ] {
        let (_, asked) = office.open(&body).await;
        let shown = office.honest(&asked, holder, credential).await;
        let (status, found) = office.refused(&asked, &[("one", &shown)]).await;
        assert_eq!((status, found), (StatusCode::UNPROCESSABLE_ENTITY, named(kind)));
    }

    // An issuer that is not the one that is trusted, and a claim that is not there.
    for claims in [
        where_licensed("did:ethr:0x1:0x0000000000000000000000000000000000000001"),
        json!([{ "path": ["credentialSubject", "county"] }]),
    ] {
        let (_, asked) = office.open(&question(json!([query("one", claims)]))).await;
        let shown = office.honest(&asked, &nurse, &licence).await;
        let (_, found) = office.refused(&asked, &[("one", &shown)]).await;
        assert_eq!(found, named("wrong-credential"));
    }

    // Two holders in one answer, each with a credential of its own.
    let both = question(json!([
        query("one", json!([{ "path": ["issuer"] }])),
        query("two", json!([{ "path": ["issuer"] }]))
    ]));
    let (_, asked) = office.open(&both).await;
    let others = office.issue(did(&other.1), "Licence").await;
    let mine = office.honest(&asked, &nurse, &licence).await;
    let theirs = office.honest(&asked, &other, &others).await;
    let (status, _) = office.refused(&asked, &[("one", &mine)]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "one is missing, and nothing is decided");
    let (_, found) = office.refused(&asked, &[("one", &mine), ("two", &theirs)]).await;
    assert_eq!(found, named("different-holders"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_proofs_are_not_asked_for_together_or_counted() {
    let office = Office::new().await;
    let proof = json!({
        "id": "proof", "format": attestry_credential::presentation::FORMAT,
        "meta": { "policy": "not-excluded", "parameters": {} },
    });
    let credential = query("one", where_licensed(office.did()));
    let mut counted = question(json!([credential]));
    counted["count_once"] = true.into();
    for body in [question(json!([credential, proof])), counted] {
        let refused = office.service.post("/presentations", body.to_string()).await;
        let (status, refused) = problem(refused).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(refused["type"], named("invalid-request"));
    }
}
