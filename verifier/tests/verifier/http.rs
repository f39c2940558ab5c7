//! The service over HTTP, with a real client.

use ark_std::rand::rngs::OsRng;
use attestry_credential::oid4vp::{
    AuthorizationRequest, AuthorizationResponse, Expected, MAX_FORM, RequestLink, ResponseMode,
    SELF_ISSUED, SignedRequest,
};
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{FORMAT, PresentationRequest, PresentationResponse};
use attestry_ledger::{ClientOptions, LedgerClient, RegistryClient};
use attestry_service::TenantId;
use attestry_verifier::http::{Access, Service as Served, serve};
use attestry_verifier::{SignedReceipt, VerifierError};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{World, only};

pub(crate) struct Service {
    pub(crate) world: World,
    pub(crate) base: String,
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), VerifierError>>,
}

impl Service {
    pub(crate) async fn new() -> Self {
        Self::hosted(|_| {}).await
    }

    /// A service that is hosted otherwise.
    pub(crate) async fn hosted(set: impl FnOnce(&mut Served)) -> Self {
        let world = World::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let public_url = base.parse().unwrap();
        let verifier = world
            .verifier_with(world.registry.clone(), |parts| parts.config.public_url = public_url)
            .await
            .telling(world.webhooks(&TenantId::default()).await);
        let mut service = Served::new(vec![verifier], Access::Open);
        set(&mut service);
        let shutdown = async move {
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve(listener, service, shutdown));
        // The service closes a connection whose body it refused unread: each request has its own.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { world, base, client, stop, served }
    }

    /// Tells the service to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        drop(self.client);
        self.served.await.unwrap().unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.client.post(format!("{}{path}", self.base)).body(body);
        request.header("content-type", "application/json").send().await.unwrap()
    }

    /// Opens a session and fetches its request as a wallet does.
    pub(crate) async fn open(&self, body: &Value) -> (String, PresentationRequest) {
        let opened = self.post("/presentations", body.to_string()).await;
        assert_eq!(opened.status(), StatusCode::CREATED);
        let opened: Value = opened.json().await.unwrap();
        let asked = self.fetch(opened["deep_link"].as_str().unwrap()).await;
        assert_eq!(opened["expires_at"], asked.expires_at);
        (opened["id"].as_str().unwrap().to_owned(), asked.presentation_request().unwrap())
    }

    /// What a wallet finds at a link: signed by the verifier, as its document on the ledger has it.
    pub(crate) async fn fetch(&self, link: &str) -> AuthorizationRequest {
        let link: RequestLink = link.parse().unwrap();
        let fetched = self.client.get(link.request_uri.as_str()).send().await.unwrap();
        assert_eq!(fetched.status(), StatusCode::OK);
        assert_eq!(fetched.headers()["content-type"], "application/oauth-authz-req+jwt");
        let signed = SignedRequest::parse(&fetched.bytes().await.unwrap()).unwrap();
        let (identities, now) = (self.world.registry.identities(), self.world.now());
        let document = identities.document(link.client_id.as_str(), now).await.unwrap().unwrap();
        let expected = Expected { client_id: &link.client_id, audience: SELF_ISSUED, now };
        signed.verify(&expected, &document).unwrap()
    }

    pub(crate) async fn post_form(&self, uri: &str, form: impl Into<reqwest::Body>) -> Response {
        let request = self.client.post(uri).body(form);
        let form = "application/x-www-form-urlencoded";
        request.header("content-type", form).send().await.unwrap()
    }

    pub(crate) async fn answer(
        &self,
        request: &PresentationRequest,
        answer: &PresentationResponse,
    ) -> Response {
        self.post_form(request.response_uri.as_str(), form_of(answer)).await
    }
}

/// The form with an answer, in the clear.
pub(crate) fn form_of(answer: &PresentationResponse) -> String {
    AuthorizationResponse::of(answer).to_form(&ResponseMode::DirectPost, &mut OsRng).unwrap()
}

pub(crate) fn state_of(state: &str) -> Value {
    json!({ "policy": "licensed-in-state", "parameters": { "state": state }, "purpose": "hire" })
}

pub(crate) fn which_state() -> Value {
    json!({
        "policy": {
            "id": "which-state", "version": 1, "title": "Where", "schema": "ProviderCredential/1",
            "require": [{ "claim": "jurisdiction", "op": "eq", "reveal": true }]
        },
        "purpose": "hire", "notice": "We want to hire you.", "epoch": 3, "count_once": true
    })
}

pub(crate) async fn problem(response: Response) -> (StatusCode, Value) {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert!(body["title"].is_string() && body["detail"].is_string());
    (status, body)
}

pub(crate) fn named(name: &str) -> String {
    format!("urn:attestry:problem:{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_runs_from_the_asker_to_the_wallet_and_back() {
    let service = Service::new().await;
    let (id, request) = service.open(&state_of("TX")).await;
    let pending: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(pending["status"], "pending");

    let answer = service.world.answer(&service.world.nurse(4), &request).await;
    let accepted = service.answer(&request, &answer).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    let accepted: Value = accepted.json().await.unwrap();
    assert_eq!(accepted["verified"], true);

    let outcome: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(outcome["status"], "accepted");
    assert_eq!(outcome["receipt"], accepted["receipt"]);
    assert_eq!(outcome["disclosed"], json!({ "q1": {} }));

    let jwk: Value = service.get("/receipt-key").await.json().await.unwrap();
    assert_eq!(jwk["crv"], "Ed25519");
    let receipt = SignedReceipt::from_text(accepted["receipt"].as_str().unwrap());
    let key = service.world.verifier.receipt_verifying_key();
    assert_eq!(receipt.verify(&key).unwrap().request_id, request.request_id);

    let (status, again) = problem(service.answer(&request, &answer).await).await;
    assert_eq!((status, &again["type"]), (StatusCode::CONFLICT, &json!(named("replayed"))));
    assert_eq!(again["verified"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_comes_with_the_session_is_asked_and_counts_once() {
    let service = Service::new().await;
    let nurse = service.world.nurse(4);
    let (id, request) = service.open(&which_state()).await;
    assert_eq!(request.purpose, "We want to hire you.");
    assert_eq!((request.scope.purpose.as_str(), request.scope.epoch), ("hire", 3));
    let answer = service.world.answer(&nurse, &request).await;
    assert_eq!(service.answer(&request, &answer).await.status(), StatusCode::OK);
    let outcome: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(outcome["disclosed"], json!({ "q1": { "jurisdiction": "TX" } }));

    let (_, request) = service.open(&which_state()).await;
    let answer = service.world.answer(&nurse, &request).await;
    let (_, counted) = problem(service.answer(&request, &answer).await).await;
    assert_eq!(counted["type"], named("already-counted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_its_receipt_and_no_disclosed_value() {
    let service = Service::new().await;
    let (id, request) = service.open(&which_state()).await;
    let mut answer = service.world.answer(&service.world.nurse(4), &request).await;
    only(&mut answer).parts.disclosed = Disclosed::none().with("jurisdiction", "FL");
    let (status, refused) = problem(service.answer(&request, &answer).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["type"], named("altered"));
    let outcome: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(outcome["status"], "refused");
    assert_eq!(outcome["reason"], "altered");
    assert_eq!(outcome["receipt"], refused["receipt"]);
    for text in [refused.to_string(), outcome.to_string()] {
        assert!(!text.contains("\"FL\"") && !text.contains("jurisdiction"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_taken_from_whoever_has_the_key() {
    let service = Service::new().await;
    let nurse = service.world.nurse(4);
    let (_, request) = service.open(&state_of("TX")).await;
    let key = nurse.withdrawal_key(&request.scope());
    let body = json!({ "withdrawal_key": key }).to_string();
    let withdrawn: Value = service.post("/withdrawals", body).await.json().await.unwrap();
    assert_eq!(withdrawn["withdrawn"], json!(key.nullifier()));
    let answer = service.world.answer(&nurse, &request).await;
    let (_, refused) = problem(service.answer(&request, &answer).await).await;
    assert_eq!(refused["type"], named("withdrawn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_refused_and_not_quoted() {
    let service = Service::new().await;
    let (id, request) = service.open(&state_of("TX")).await;
    let honest = service.world.answer(&service.world.nurse(4), &request).await;
    let token = |presentation: Value| {
        let mut honest = AuthorizationResponse::of(&honest);
        honest.vp_token.insert("q1".parse().unwrap(), vec![presentation]);
        honest.to_form(&ResponseMode::DirectPost, &mut OsRng).unwrap()
    };
    let mut unknown_member = serde_json::to_value(&honest.presentations).unwrap()["q1"].take();
    unknown_member["comment"] = "a secret".into();
    let honest_form = form_of(&honest);
    let bodies = [
        String::new(),
        "vp_token=a%20secret&state=a".to_owned(),
        format!("vp_token={}&state=a", "%5B".repeat(10_000)),
        "vp_token=%7B%7D&state=a%20secret".to_owned(),
        "response=a.secret.b.c.d".to_owned(),
        format!("{honest_form}&{honest_form}"),
        format!("{honest_form}&secret=1&secret=2"),
        token("a secret".into()),
        token(unknown_member),
    ];
    let uri = request.response_uri.as_str();
    for body in bodies {
        let (status, refused) = problem(service.post_form(uri, body).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(refused["type"], named("malformed"));
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
    let (status, refused) = problem(service.post_form(uri, vec![b' '; MAX_FORM + 1]).await).await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!(named("body-too-large")))
    );
    let undeclared = service.client.post(uri).body(honest_form).send().await.unwrap();
    assert_eq!(problem(undeclared).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    // None of them has used the session up.
    let outcome: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(outcome["status"], "pending");
    assert_eq!(service.answer(&request, &honest).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_cannot_be_asked_are_not_opened() {
    let service = Service::new().await;
    let mut both = state_of("TX");
    both["queries"] = json!([{ "id": "a", "policy": "licensed-in-state" }]);
    let with = |member: &str, value: Value| {
        let mut body = state_of("TX");
        body[member] = value;
        body.to_string()
    };
    let dcql = |credential: Value| {
        let query = json!({ "credentials": [credential] });
        json!({ "dcql_query": query, "purpose": "hire" }).to_string()
    };
    let foreign = dcql(json!({ "id": "a", "format": "mso_mdoc", "meta": {} }));
    let own_scope = dcql(json!({
        "id": "a", "format": FORMAT, "meta": { "policy": "not-excluded", "scope": {} }
    }));
    let cases = [
        ("{".to_owned(), "malformed-json"),
        ("[]".to_owned(), "invalid-request"),
        (json!({ "purpose": "hire" }).to_string(), "invalid-request"),
        (both.to_string(), "invalid-request"),
        (foreign, "invalid-request"),
        (own_scope, "invalid-request"),
        (with("response_mode", json!("fragment")), "invalid-request"),
        (with("redirect_uri", json!("javascript:alert(1)")), "invalid-request"),
        (with("redirect_uri", json!("https://a.example/\r\nX: y")), "invalid-request"),
        (json!({ "policy": "no-such", "purpose": "hire" }).to_string(), "unknown-policy"),
        (
            json!({ "policy": "licensed-in-state", "purpose": "hire" }).to_string(),
            "invalid-request",
        ),
        (state_of("Atlantis").to_string(), "invalid-request"),
        (json!({ "policy": {}, "purpose": "hire" }).to_string(), "invalid-request"),
        (json!({ "policy": "not-excluded", "purpose": "" }).to_string(), "invalid-request"),
    ];
    for (body, name) in cases {
        let (status, refused) = problem(service.post("/presentations", body.clone()).await).await;
        assert!(status.is_client_error(), "{body}");
        assert_eq!(refused["type"], named(name), "{body}");
        assert!(!refused.to_string().contains("Atlantis"), "{refused}");
    }
    let undeclared = service.client.post(format!("{}/presentations", service.base));
    let undeclared = undeclared.body(state_of("TX").to_string()).send().await.unwrap();
    let (status, refused) = problem(undeclared).await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!(named("unsupported-media-type")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policies_are_listed_and_described() {
    let service = Service::new().await;
    let list: Value = service.get("/policies").await.json().await.unwrap();
    let known = service.world.verifier.policies(None, 100).await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), known.len());
    assert!(known.len() > 10);
    let one: Value = service.get("/policies/licensed-in-state").await.json().await.unwrap();
    assert_eq!(one["parameters"], json!(["state"]));
    assert_eq!(one["document"]["id"], "licensed-in-state");
    let known = service.world.verifier.offered_policy("licensed-in-state").await.unwrap();
    assert_eq!(one["hash"], hex::encode(known.hash()));
    let (status, _) = problem(service.get("/policies/none").await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_the_request_does_not_know_the_outcome() {
    let service = Service::new().await;
    let (_, request) = service.open(&state_of("TX")).await;
    let (status, refused) =
        problem(service.get(&format!("/presentations/{}", request.request_id)).await).await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::NOT_FOUND, &json!(named("unknown-session")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_and_unknown_paths_are_problems() {
    let service = Service::new().await;
    let ready = service.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::OK);
    assert_eq!(ready.headers()["x-request-id"].len(), 32);
    assert_eq!(ready.headers()["cache-control"], "no-store");
    let given = service.client.get(format!("{}/healthz", service.base));
    let given = given.header("X-Request-ID", "trace-1").send().await.unwrap();
    assert_eq!(given.headers()["x-request-id"], "trace-1");
    let foreign = service.client.get(format!("{}/healthz", service.base));
    let foreign = foreign.header("X-Request-ID", "a b; c").send().await.unwrap();
    assert_eq!(foreign.headers()["x-request-id"].len(), 32);

    let metrics = service.get("/metrics").await.text().await.unwrap();
    let counted = r#"http_requests_total{method="GET",route="/readyz",status="2xx""#;
    assert!(metrics.contains(counted), "{metrics}");

    let (status, _) = problem(service.get("/nothing").await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = problem(service.get("/withdrawals").await).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_stops_when_it_is_told_to() {
    let service = Service::new().await;
    assert_eq!(service.get("/healthz").await.status(), StatusCode::OK);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_whose_ledger_is_away_says_so_and_decides_nothing() {
    let service = Service::new().await;
    let (id, request) = service.open(&state_of("TX")).await;
    let answer = service.world.answer(&service.world.nurse(4), &request).await;
    let client = LedgerClient::http("http://127.0.0.1:1", ClientOptions::default()).unwrap();
    let away = RegistryClient::at(client, *service.world.registry.deployment());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let verifier = service.world.verifier_with(away, |_| {}).await;
    let served = Served::new(vec![verifier], Access::Open);
    tokio::spawn(serve(listener, served, std::future::pending()));

    let ready = service.client.get(format!("{base}/readyz")).send().await.unwrap();
    let (status, not_ready) = problem(ready).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(not_ready["type"], named("not-ready"));
    assert_eq!(not_ready["check"], "ledger");
    let alive = service.client.get(format!("{base}/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);

    let uri = format!("{base}/oid4vp/responses/{}", request.request_id);
    let refused = service.post_form(&uri, form_of(&answer)).await;
    let (status, refused) = problem(refused).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused["type"], named("ledger-unreachable"));
    assert_eq!(refused.get("receipt"), None);
    let outcome: Value = service.get(&format!("/presentations/{id}")).await.json().await.unwrap();
    assert_eq!(outcome["status"], "pending");
}
