//! Who is told, and who says so.

use std::collections::BTreeSet;

use attestry_service::access::{Access, Guard, http::Gate, key};
use attestry_service::audit::{Filter, page};
use attestry_service::http::{Metrics, RequestLimits, finish};
use attestry_service::{Role, TenantId};
use attestry_verifier::webhooks::{
    EventKind, Secret, Sender, WebhookError, Webhooks, http::routes,
};
use axum::Router;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::receiver::Receiver;
use super::world::{NOW, World, actor};

/// The routes of some webhooks on a listener, and a key for them.
pub(crate) struct Served {
    base: String,
    key: String,
    http: Client,
}

impl Served {
    pub(crate) async fn start(world: &mut World, webhooks: &Webhooks, role: Role) -> Self {
        let new =
            key::NewKey { name: format!("{role}"), roles: [role].into(), expires_at: NOW + 1_000 };
        let tenant = webhooks.tenant().clone();
        let actor = actor();
        let made = key::create(&world.database, &tenant, &new, &actor, NOW, &mut world.rng);
        let key = made.await.unwrap().0.expose().to_owned();
        let access = Access::Guarded(Guard::new(world.database.clone(), None));
        let time = world.time.clone();
        let gate = Gate::new(access, tenant, move || time.now());
        let router: Router = routes(webhooks.clone(), &gate);
        let router = finish(router, RequestLimits::default(), &Metrics::new(NOW));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let http = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { base, key, http }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.bearer_auth(&self.key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }
}

#[tokio::test]
async fn a_webhook_is_made_pinged_watched_and_deleted_over_http() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let served = Served::start(&mut world, &webhooks, MANAGER).await;
    let new = json!({ "url": receiver.url(), "events": ["study.withdrawn", "session.decided"] });
    let (status, made) = served.ask(Method::POST, "/webhooks", Some(new)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["events"], json!(["session.decided", "study.withdrawn"]));
    assert_eq!(made["createdAt"], "2027-01-15T08:00:00Z");
    let secret = made["secret"].as_str().unwrap();
    receiver.knows(secret.parse::<Secret>().unwrap());
    let id = made["id"].as_str().unwrap();

    let (status, all) = served.ask(Method::GET, "/webhooks", None).await;
    assert_eq!((status, all["webhooks"][0]["id"].as_str()), (StatusCode::OK, Some(id)));
    assert!(!all.to_string().contains(secret), "a secret is shown once");
    let rows = sqlx::query("SELECT secret FROM webhooks").fetch_one(world.database.pool()).await;
    let kept: String = sqlx::Row::get(&rows.unwrap(), "secret");
    let plain = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &secret[6..]);
    assert!(!kept.contains(&hex::encode(plain.unwrap())), "a secret is kept sealed");

    let (status, pinged) = served.ask(Method::POST, &format!("/webhooks/{id}/ping"), None).await;
    assert_eq!((status, &pinged["state"]), (StatusCode::ACCEPTED, &json!("pending")));
    let sender = Sender::start(vec![webhooks.clone()]);
    let message = receiver.wait(1).await.remove(0);
    assert!(message.is_good);
    assert_eq!(pinged["id"], message.id);
    assert_eq!(message.content["type"], "ping");
    while webhooks.backlog().await.unwrap().pending > 0 {
        tokio::task::yield_now().await;
    }
    sender.stop().await;
    let path = format!("/webhooks/{id}/deliveries?limit=1");
    let (_, shown) = served.ask(Method::GET, &path, None).await;
    let expected = json!({
        "id": message.id,
        "event": "ping",
        "createdAt": "2027-01-15T08:00:00Z",
        "state": "delivered",
        "attempts": 1,
        "status": 204,
        "error": null,
        "dueAt": null,
        "finishedAt": "2027-01-15T08:00:00Z",
    });
    assert_eq!(shown, json!({ "deliveries": [expected] }), "and never a body");

    let path = format!("/webhooks/{id}");
    assert_eq!(served.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    for (method, path) in [
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/ping")),
        (Method::GET, format!("{path}/deliveries")),
    ] {
        let (status, problem) = served.ask(method, &path, None).await;
        assert_eq!((status, &problem["title"]), (StatusCode::NOT_FOUND, &json!(UNKNOWN)));
    }
    let log = page(world.database.pool(), webhooks.tenant(), &Filter::default(), None, 10).await;
    let entries = log.unwrap().entries;
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["webhook.delete", "webhook.create", "api-key.create"]);
    assert_eq!(entries[1].details["host"], "127.0.0.1");
    assert!(!format!("{entries:?}").contains("/hook"), "a path may be a secret");
}

pub(crate) const MANAGER: Role = Role::Sponsor;
const UNKNOWN: &str = "There is no such thing";

#[tokio::test]
async fn only_urls_that_may_be_asked_are_taken() {
    let mut world = World::new().await;
    let webhooks = world.webhooks(&[]).await;
    let served = Served::start(&mut world, &webhooks, MANAGER).await;
    for (url, rule) in [
        ("", "is not a URL of printable ASCII"),
        ("http://hooks.example/", "is not https"),
        ("https://user:word@hooks.example/", "has a user name or password"),
        ("https://hooks.example:22/", "has a port that is not allowed"),
        ("https://127.0.0.1/", "names an address instead of a host"),
        ("https://2130706433/", "names an address instead of a host"),
        ("https://[::ffff:10.0.0.1]/", "names an address instead of a host"),
        ("https://169.254.169.254/latest/meta-data", "names an address instead of a host"),
        ("https://localhost/", "is of a host that has no public address"),
        ("https://no-such-host.invalid/", "is of a host that has no public address"),
        ("https://hooks.example/\r\nX: y", "is not a URL of printable ASCII"),
    ] {
        let new = json!({ "url": url, "events": ["session.decided"] });
        let (status, problem) = served.ask(Method::POST, "/webhooks", Some(new)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url}");
        assert_eq!((&problem["field"], &problem["rule"]), (&json!("url"), &json!(rule)), "{url}");
    }
    assert_eq!(webhooks.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_request_is_of_its_form() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let served = Served::start(&mut world, &webhooks, MANAGER).await;
    let url = receiver.url();
    for new in [
        json!({ "url": url, "events": [] }),
        json!({ "url": url, "events": ["ping"] }),
        json!({ "url": url, "events": ["session.decided", "all"] }),
        json!({ "url": url }),
        json!({ "url": url, "events": ["session.decided"], "secret": "mine" }),
    ] {
        let (status, _) = served.ask(Method::POST, "/webhooks", Some(new.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{new}");
    }
    for query in ["?limit=0", "?limit=1001", "?limit=a", "?after=1"] {
        let path = format!("/webhooks/a/deliveries{query}");
        assert_eq!(served.ask(Method::GET, &path, None).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn only_those_whose_role_it_is_manage_webhooks() {
    let mut world = World::new().await;
    let webhooks = world.webhooks(&[]).await;
    let mut served = Served::start(&mut world, &webhooks, Role::Auditor).await;
    for expected in [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED] {
        for (method, path) in [
            (Method::GET, "/webhooks"),
            (Method::POST, "/webhooks"),
            (Method::DELETE, "/webhooks/a"),
            (Method::POST, "/webhooks/a/secret"),
            (Method::POST, "/webhooks/a/ping"),
            (Method::GET, "/webhooks/a/deliveries"),
        ] {
            assert_eq!(served.ask(method, path, None).await.0, expected, "{path}");
        }
        served.key.clear();
    }
}

#[tokio::test]
async fn there_is_an_end_to_webhooks() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    for _ in 0..20 {
        world.tell(&webhooks, &receiver, &EventKind::ALL).await;
    }
    let events: BTreeSet<_> = EventKind::ALL.into();
    let more = webhooks.register(&receiver.url(), &events, &actor(), &mut world.rng).await;
    assert!(matches!(more, Err(WebhookError::TooMany)));
    assert_eq!(world.expire(&webhooks, &["s1"]).await, 20);
}

#[tokio::test]
async fn tenants_see_and_tell_nothing_of_each_other() {
    let mut world = World::new().await;
    let receivers = [Receiver::start(&world.time).await, Receiver::start(&world.time).await];
    let ports = [receivers[0].port, receivers[1].port];
    let other: TenantId = "other".parse().unwrap();
    let (one, two) = (world.webhooks(&ports).await, world.webhooks_of(&other, &ports).await);
    let webhook = world.tell(&one, &receivers[0], &EventKind::ALL).await;
    world.tell(&two, &receivers[1], &EventKind::ALL).await;
    assert_eq!(two.list().await.unwrap().len(), 1);
    assert!(matches!(two.delete(&webhook.id, &actor()).await, Err(WebhookError::Unknown)));
    assert!(matches!(two.ping(&webhook.id, &mut world.rng).await, Err(WebhookError::Unknown)));
    assert!(matches!(two.deliveries(&webhook.id, 9).await, Err(WebhookError::Unknown)));
    assert_eq!(world.expire(&two, &["s1"]).await, 1);
    let sender = Sender::start(vec![one.clone(), two.clone()]);
    receivers[1].wait(1).await;
    sender.stop().await;
    assert!(receivers[0].messages().is_empty());
    assert_eq!(one.backlog().await.unwrap().pending, 0);
}
