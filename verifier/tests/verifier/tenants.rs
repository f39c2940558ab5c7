//! Where the things of several tenants are that one service has.

use attestry_service::TenantId;
use attestry_verifier::Storage;
use attestry_verifier::http::{Access, Service, serve};
use reqwest::header::LOCATION;
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::http::state_of;
use crate::world::{HOOK, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_names_is_there_for_every_tenant() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let tenants = [TenantId::default(), "sponsor".parse().unwrap()];
    let mut verifiers = Vec::new();
    for tenant in &tenants {
        let storage = Storage::open(&world.database.url, tenant.clone()).await.unwrap();
        let public_url = tenant.url(base.as_str()).parse().unwrap();
        let verifier = world.verifier_with(world.registry.clone(), |parts| {
            parts.storage = storage;
            parts.config.public_url = public_url;
        });
        verifiers.push(verifier.await.telling(world.webhooks(tenant).await));
    }
    tokio::spawn(serve(listener, Service::new(verifiers, Access::Open), std::future::pending()));
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();

    for tenant in tenants {
        let ask = |method, path: &str| client.request(method, base.join(path).unwrap());
        let make = async |path: &str, body: &Value| {
            let made = ask(Method::POST, &format!("{}{path}", tenant.path())).json(body);
            let made = made.send().await.unwrap();
            assert_eq!(made.status(), StatusCode::CREATED, "{tenant} {path}");
            let location = made.headers()[LOCATION].to_str().unwrap().to_owned();
            (location, made.json::<Value>().await.unwrap())
        };
        let document = json!({
            "id": "active", "version": 1, "title": "Active", "schema": "ProviderCredential/1",
            "require": [{ "claim": "status", "op": "eq", "value": "active" }],
        });
        let study = json!({ "name": "Heart 7", "purpose": "May you?", "policy": "active@1" });
        let (policy, _) = make("/policies", &json!({ "policy": document })).await;
        let (session, opened) = make("/presentations", &state_of("TX")).await;
        let (study, made) = make("/studies", &study).await;
        let answers = format!("/studies/{}/sessions", made["id"].as_str().unwrap());
        let (answer, _) = make(&answers, &json!({})).await;
        let (qr, request) = (opened["qr"].as_str().unwrap(), opened["request_uri"].as_str());
        for path in [&policy, &session, &study, &answer, qr, request.unwrap()] {
            let found = ask(Method::GET, path).send().await.unwrap();
            assert_eq!(found.status(), StatusCode::OK, "{path}");
        }
        // These are named to be ended.
        let hook = json!({ "url": HOOK, "events": ["session.decided"] });
        let key =
            json!({ "name": "desk", "roles": ["verifier"], "expiresAt": "2028-01-01T00:00:00Z" });
        for (path, body) in [("/webhooks", hook), ("/api-keys", key)] {
            let (location, _) = make(path, &body).await;
            let ended = ask(Method::DELETE, &location).send().await.unwrap();
            assert_eq!(ended.status(), StatusCode::NO_CONTENT, "{location}");
        }
    }
}
