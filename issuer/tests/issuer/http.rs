//! The line through HTTP: issue, read, renew, change, publish.

use ark_std::rand::{RngCore, rngs::OsRng};
use attestry_issuer::http::{self, Access, Service};
use attestry_issuer::{Issuer, IssuerError};
use attestry_service::access::Guard;
use attestry_service::access::key::{self, NewKey};
use attestry_service::{Actor, Role, TenantId};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{START, World, holder, practitioner};

/// An office's view of a running service.
pub(crate) struct Office {
    pub(crate) base: String,
    client: Client,
    issuer: Issuer,
    key: String,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), IssuerError>>,
}

impl Office {
    pub(crate) async fn open(issuer: Issuer) -> Self {
        Self::open_as(vec![issuer], |_| {}).await
    }

    pub(crate) async fn open_at(listener: TcpListener, issuer: Issuer) -> Self {
        Self::serve(listener, vec![issuer], |_| {}).await
    }

    /// Serves issuers, the first of which is this office's.
    pub(crate) async fn open_as(issuers: Vec<Issuer>, set: impl FnOnce(&mut Service)) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), issuers, set).await
    }

    async fn serve(
        listener: TcpListener,
        issuers: Vec<Issuer>,
        set: impl FnOnce(&mut Service),
    ) -> Self {
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let issuer = issuers[0].clone();
        let key = api_key(&issuer, issuer.tenant(), &Role::ALL).await;
        let access = Access::Guarded(Guard::new(issuer.database().clone(), None));
        let mut service = Service::new(issuers, access);
        set(&mut service);
        let served = tokio::spawn(http::serve(listener, service, async {
            stopped.await.ok();
        }));
        // The service closes a connection whose body it refused unread: each request has its own.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { base, client, issuer, key, stop, served }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.key)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.request(Method::POST, path).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }
}

/// An API key of a tenant. Its text is in no other place, so each has a name of its own.
pub(crate) async fn api_key(issuer: &Issuer, tenant: &TenantId, roles: &[Role]) -> String {
    let name = format!("{}-{}", roles[0], OsRng.next_u64());
    let roles = roles.iter().copied().collect();
    let new = NewKey { name, roles, expires_at: START + 1_000_000_000 };
    let operator = Actor::operator();
    let made = key::create(issuer.database(), tenant, &new, &operator, START, &mut OsRng).await;
    made.unwrap().0.expose().to_owned()
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(crate) fn order() -> Value {
    json!({ "resource": practitioner(), "options": { "holder": holder().to_string() } })
}

fn path_of(credential: &Value, action: &str) -> String {
    let uuid = credential["id"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    format!("/credentials/{uuid}{action}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_issued_from_fhir_revoked_and_published() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (status, issued) = office.post("/credentials/issue", &order()).await;
    assert_eq!(status, 201, "{issued}");
    let credential = &issued["verifiableCredential"];
    assert_eq!(credential["type"], json!(["VerifiableCredential", "ProviderCredential"]));
    assert_eq!(credential["proof"]["cryptosuite"], "eddsa-rdfc-2022");
    assert_eq!(issued["attestation"]["registryIndex"], world.entry().as_u32());

    let (status, kept) = office.get(&path_of(credential, "")).await;
    assert_eq!((status, &kept["verifiableCredential"]), (200, credential));
    assert_eq!(kept["status"], json!({ "state": "active" }));

    let reason = json!({ "reason": "disciplinary-action" });
    let (status, revoked) = office.post(&path_of(credential, "/revoke"), &reason).await;
    assert_eq!((status, &revoked["state"]), (200, &json!("revoked")));
    let (status, published) = office.post("/status-lists/publish", &json!({})).await;
    assert_eq!(status, 200);
    let index: u32 =
        credential["credentialStatus"]["statusListIndex"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.barred_on_ledger().await, [index]);
    let root = world.registry.entry(world.entry()).await.unwrap().leaf.status_root;
    let told =
        published.as_array().unwrap().iter().find(|one| one["list"] == world.list().to_string());
    assert_eq!(told.unwrap()["root"], root.to_string());

    let (status, refused) =
        office.post(&path_of(credential, "/reinstate"), &json!({ "reason": "resolved" })).await;
    assert_eq!((status, &refused["type"]), (409, &json!("urn:attestry:problem:not-possible")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_proof_is_issued_as_vc_api_has_it() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (_, issued) = office.post("/credentials/issue", &order()).await;
    let mut document = issued["verifiableCredential"].clone();
    for added in ["id", "proof", "credentialStatus", "credentialSchema"] {
        document.as_object_mut().unwrap().remove(added);
    }
    let order = json!({ "credential": document, "options": { "holder": holder().to_string() } });
    let (status, again) = office.post("/credentials/issue", &order).await;
    assert_eq!(status, 201, "{again}");
    let (one, two) = (&issued["verifiableCredential"], &again["verifiableCredential"]);
    assert_eq!(one["credentialSubject"], two["credentialSubject"]);
    assert_eq!(one["validUntil"], two["validUntil"]);
    assert_ne!(one["id"], two["id"]);
    assert_ne!(one["credentialStatus"], two["credentialStatus"]);

    let mut foreign = order.clone();
    foreign["credential"]["issuer"] =
        json!("did:ethr:0x1:0x0000000000000000000000000000000000000001");
    let (status, refused) = office.post("/credentials/issue", &foreign).await;
    assert_eq!((status, &refused["field"]), (400, &json!("credential.issuer")));
    let mut signed = order.clone();
    signed["credential"]["proof"] = json!({});
    let (status, refused) = office.post("/credentials/issue", &signed).await;
    assert_eq!((status, &refused["field"]), (400, &json!("credential.proof")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_issuing_repeatable() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let issue = async |key: &str| {
        let request = office.request(Method::POST, "/credentials/issue").json(&order());
        let response = request.header("Idempotency-Key", key).send().await.unwrap();
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        (location, read(response).await)
    };
    let first = issue("line-1").await;
    assert_eq!(first.1.0, 201);
    assert_eq!(issue("line-1").await, first);
    assert_ne!(issue("line-2").await.0, first.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_names_the_successor() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (_, issued) = office.post("/credentials/issue", &order()).await;
    let old = &issued["verifiableCredential"];
    let renewal = json!({ "options": { "validUntil": "2027-06-30T00:00:00Z" } });
    let (status, renewed) = office.post(&path_of(old, "/renew"), &renewal).await;
    assert_eq!(status, 201, "{renewed}");
    assert_eq!(renewed["verifiableCredential"]["validUntil"], "2027-06-30T00:00:00Z");
    let (_, kept) = office.get(&path_of(old, "")).await;
    let status =
        json!({ "state": "superseded", "supersededBy": renewed["verifiableCredential"]["id"] });
    assert_eq!(kept["status"], status);
    let bare = office.request(Method::POST, &path_of(&renewed["verifiableCredential"], "/renew"));
    assert_eq!(bare.send().await.unwrap().status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn vc_api_status_revokes_suspends_and_reinstates() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (_, issued) = office.post("/credentials/issue", &order()).await;
    let set = async |purpose: &str, status: bool| {
        let body = json!({
            "credentialId": issued["verifiableCredential"]["id"],
            "credentialStatus": { "type": "BitstringStatusListEntry", "statusPurpose": purpose },
            "status": status,
        });
        let (code, answer) = office.post("/credentials/status", &body).await;
        (code, answer["state"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(set("suspension", true).await, (200, "suspended".into()));
    assert_eq!(set("suspension", false).await, (200, "active".into()));
    assert_eq!(set("revocation", true).await, (200, "revoked".into()));
    assert_eq!(set("revocation", false).await.0, 400);
    assert_eq!(set("suspension", false).await.0, 409);
    assert_eq!(set("message", true).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_what_would_be_issued_and_why_not() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (status, previews) = office.post("/preview", &practitioner()).await;
    assert_eq!(status, 200);
    assert_eq!(previews[0]["outcome"], "issuable");
    assert_eq!(previews[0]["claims"]["jurisdiction"], "CA");
    let (status, previews) = office.post("/preview", &json!({ "resourceType": "Patient" })).await;
    assert_eq!((status, &previews[0]["outcome"]), (200, &json!("refused")));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_lists_and_health_are_public_and_the_rest_is_not() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let list = format!("/status-lists/{}", world.entry().as_u32());
    let response = office.anonymous(Method::GET, &list).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/vc+ld+json");
    let (status, document) = read(response).await;
    assert_eq!(
        (status, &document["credentialSubject"]["type"]),
        (200, &json!("BitstringStatusList"))
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            office.anonymous(Method::GET, path).send().await.unwrap().status(),
            200,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_route_is_for_its_roles_and_tenant() {
    use Role::{Admin, Auditor, Registrar, Reviewer};
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let closed = [
        (Method::POST, "/credentials/issue", &[Registrar][..]),
        (Method::POST, "/credentials/status", &[Registrar]),
        (Method::GET, "/credentials/00000000-0000-4000-8000-000000000000", &[Registrar, Reviewer]),
        (Method::POST, "/credentials/00000000-0000-4000-8000-000000000000/renew", &[Registrar]),
        (Method::POST, "/credentials/00000000-0000-4000-8000-000000000000/suspend", &[Registrar]),
        (Method::POST, "/credentials/00000000-0000-4000-8000-000000000000/reinstate", &[Registrar]),
        (Method::POST, "/credentials/00000000-0000-4000-8000-000000000000/revoke", &[Registrar]),
        (Method::POST, "/preview", &[Registrar]),
        (Method::POST, "/offers", &[Registrar]),
        (Method::GET, "/offers/none", &[Registrar]),
        (Method::DELETE, "/offers/none", &[Registrar]),
        (Method::GET, "/offers/none/qr.svg", &[Registrar]),
        (Method::POST, "/offers/none/release", &[Registrar]),
        (Method::POST, "/status-lists/publish", &[Registrar, Admin]),
        (Method::GET, "/api-keys", &[Admin]),
        (Method::POST, "/api-keys", &[Admin]),
        (Method::DELETE, "/api-keys/none", &[Admin]),
        (Method::GET, "/audit", &[Auditor]),
        (Method::GET, "/audit/head", &[Auditor]),
        (Method::GET, "/audit/export", &[Auditor]),
    ];
    let problem_of = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        if !matches!(status, 401 | 403) {
            return (status, String::new());
        }
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer"));
        let name = read(response).await.1["type"].as_str().unwrap().to_owned();
        (status, name.strip_prefix("urn:attestry:problem:").unwrap().to_owned())
    };
    let other: TenantId = "other".parse().unwrap();
    let foreign = api_key(&office.issuer, &other, &[Registrar]).await;
    let mut keys = Vec::new();
    for role in Role::ALL {
        keys.push((role, api_key(&office.issuer, office.issuer.tenant(), &[role]).await));
    }
    for (method, path, roles) in closed {
        let request = || office.anonymous(method.clone(), path);
        assert_eq!(problem_of(request()).await, (401, "unauthenticated".to_owned()), "{path}");
        let unknown = problem_of(request().bearer_auth("another-api-key")).await;
        assert_eq!(unknown, (401, "invalid-token".to_owned()), "{path}");
        let theirs = problem_of(request().bearer_auth(&foreign)).await;
        assert_eq!(theirs, (403, "wrong-tenant".to_owned()), "{path}");
        for (role, key) in &keys {
            let answer = problem_of(request().bearer_auth(key)).await;
            let is_refused = answer == (403, "wrong-role".to_owned());
            assert_eq!(is_refused, !roles.contains(role), "{path} as {role}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_in_the_log_under_the_key_and_the_request() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let request = office.request(Method::POST, "/credentials/issue");
    let request = request.header("x-request-id", "desk-7").json(&order());
    assert_eq!(request.send().await.unwrap().status(), 201);
    let auditor = api_key(&office.issuer, office.issuer.tenant(), &[Role::Auditor]).await;
    let log = office.anonymous(Method::GET, "/audit?action=credential.issue").bearer_auth(auditor);
    let (status, log) = read(log.send().await.unwrap()).await;
    let entry = &log["entries"][0];
    assert_eq!((status, &entry["requestId"]), (200, &json!("desk-7")));
    assert!(entry["actor"].as_str().unwrap().starts_with("key:registrar-"));
    assert!(!log.to_string().contains(crate::world::NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_that_the_ledger_is_away() {
    let world = World::new().await;
    drop(world.open().await);
    let office = Office::open(world.open_on(world.unreachable()).await.unwrap()).await;
    let (status, ready) = office.get("/readyz").await;
    assert_eq!(
        (status, &ready["status"], &ready["ledger"]),
        (200, &json!("degraded"), &json!("away"))
    );
    assert_eq!((&ready["issuing"], &ready["publishing"]), (&json!(true), &json!(false)));
    assert_eq!(office.get("/healthz").await.0, 200);
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    let (status, problem) = office.post("/status-lists/publish", &json!({})).await;
    assert_eq!((status, &problem["type"]), (503, &json!("urn:attestry:problem:ledger-away")));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_the_service() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    assert_eq!(office.get("/healthz").await.0, 200);
    let Office { client, stop, served, .. } = office;
    drop(client);
    stop.send(()).unwrap();
    assert!(served.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn open_access_is_served_on_loopback_only() {
    let world = World::new().await;
    let issuer = world.open().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = http::serve(listener, Service::new(vec![issuer], Access::Open), async {}).await;
    assert!(matches!(served, Err(IssuerError::OpenAccess)));
}
