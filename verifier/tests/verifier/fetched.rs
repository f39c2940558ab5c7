//! Documents of others that are fetched to verify W3C credentials, if their host is listed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attestry_credential::w3c::{ForeignIssuer, Issuance, issue};
use attestry_service::outbound::{Documents, HostRule, OutboundConfig};
use attestry_verifier::http::{Access, Service, router};
use axum::Router;
use axum::routing::get;
use ed25519_dalek::SigningKey;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::World;

const BASE: &str = "https://www.w3.org/ns/credentials/v2";

/// A board's website: its DID document and its terms; and how often it was asked.
struct Website {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Website {
    async fn start(document: impl FnOnce(&str) -> Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut site = Self { port, asked: Arc::default() };
        let document = document(&site.did()).to_string();
        let terms = json!({ "@context": terms() }).to_string();
        let router = Router::new();
        let router = router.route("/.well-known/did.json", get(async move || document.clone()));
        let router = router.route("/terms", get(async move || terms.clone()));
        let asked = Arc::<AtomicUsize>::default();
        site.asked = asked.clone();
        // Whoever connects is counted, whatever they ask for.
        let listener = axum::serve::ListenerExt::tap_io(listener, move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        site
    }

    fn did(&self) -> String {
        format!("did:web:localhost%3A{}", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// What this board issues, with a context at its website.
    async fn credential(&self, now: u64) -> Value {
        let plain = json!({
            "@context": [BASE, terms()],
            "type": ["VerifiableCredential"],
            "issuer": self.did(),
            "credentialSubject": { "id": "did:example:subject", "rank": "first" },
        });
        let (key, method) = (key(), format!("{}#key-1", self.did()));
        let issuance = Issuance {
            key: &key,
            method: &method,
            now,
            status: None,
            foreign_issuer: ForeignIssuer::Refuse,
        };
        let mut signed = issue(&plain, &issuance).await.unwrap();
        let url = format!("https://localhost:{}/terms", self.port);
        signed["@context"] = json!([BASE, url]);
        signed
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn terms() -> Value {
    json!({ "rank": "https://board.example/terms#rank" })
}

fn did_document(did: &str) -> Value {
    let method = format!("{did}#key-1");
    json!({
        "id": did,
        "verificationMethod": [{
            "id": method,
            "type": "Ed25519VerificationKey2018",
            "controller": did,
            "publicKeyHex": hex::encode(key().verifying_key().as_bytes()),
        }],
        "assertionMethod": [method],
    })
}

/// What a verifier says that may ask these hosts.
async fn verdict(world: &World, hosts: Vec<HostRule>, credential: &Value) -> (StatusCode, Value) {
    let config = OutboundConfig { hosts, ..OutboundConfig::default() };
    let verifier = world.verifier.clone().fetching(Documents::new(&config).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/credentials/verify", listener.local_addr().unwrap());
    let service = Service::new(vec![verifier], Access::Open);
    let served = tokio::spawn(async move { axum::serve(listener, router(&service)).await });
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let body = json!({ "verifiableCredential": credential });
    let answer = client.post(url).json(&body).send().await.unwrap();
    let said = (answer.status(), answer.json().await.unwrap());
    served.abort();
    said
}

fn listed(site: &Website) -> Vec<HostRule> {
    let host = "localhost".to_owned();
    vec![HostRule { host, ports: [site.port].into(), http: true, internal: true }]
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_listed_host_are_fetched_and_of_no_other() {
    let world = World::new().await;
    let site = Website::start(did_document).await;
    let credential = site.credential(world.now()).await;

    let (status, said) = verdict(&world, Vec::new(), &credential).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let detail = said["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("is not one of the embedded contexts"), "{said}");
    let mut embedded = credential.clone();
    embedded["@context"] = json!([BASE, terms()]);
    let (_, said) = verdict(&world, Vec::new(), &embedded).await;
    let detail = said["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("is a did:web of a host that is not listed"), "{said}");
    let elsewhere = vec![HostRule { host: "other.example".to_owned(), ..HostRule::default() }];
    assert_eq!(verdict(&world, elsewhere, &credential).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(site.asked(), 0, "nobody connected");

    let (status, said) = verdict(&world, listed(&site), &credential).await;
    assert_eq!((status, &said["verified"]), (StatusCode::OK, &json!(true)), "{said}");
    assert_eq!(site.asked(), 2, "for the document and for the context");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_another_did_or_of_no_end_is_refused() {
    let world = World::new().await;
    let other = Website::start(|_| did_document("did:web:other.example")).await;
    let large = Website::start(|did| {
        let mut document = did_document(did);
        document["service"] = json!("a".repeat(200_000));
        document
    })
    .await;
    for (site, problem) in
        [(other, "is not one that the signer controls"), (large, "could not be resolved")]
    {
        let credential = site.credential(world.now()).await;
        let (status, said) = verdict(&world, listed(&site), &credential).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(said["errors"][0]["detail"].as_str().unwrap().contains(problem), "{said}");
    }
}
