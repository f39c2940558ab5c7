//! Access, API keys and the audit log over HTTP.

use ark_std::rand::rngs::OsRng;
use attestry_service::access::key::{self, NewKey};
use attestry_service::access::{self, Access, Guard, Principal};
use attestry_service::audit::{self, Format, Head, Known, verify};
use attestry_service::http::{Metrics, RequestLimits, finish};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, Database, Role, TenantId};
use axum::Router;
use axum::routing::get;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{NOW, log, open};

/// A service that has nothing but the routes that all have, and one of its own.
struct Service {
    base: String,
    client: Client,
    database: Database,
    tenant: TenantId,
}

impl Service {
    async fn start(test: &TestDatabase, access: impl FnOnce(&Database) -> Access) -> Self {
        let database = open(test).await;
        let tenant = TenantId::default();
        let gate = access::http::Gate::new(access(&database), tenant.clone(), || NOW);
        let own = Router::new().route("/own", get(async |who: Principal| who.name));
        let routes = Router::new()
            .merge(gate.guard(&[Role::Registrar, Role::Reviewer], own))
            .merge(access::http::routes(database.clone(), &gate))
            .merge(audit::http::routes(database.clone(), &gate))
            .route("/unguarded", get(async |actor: Actor| actor.name));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            axum::serve(listener, finish(routes, RequestLimits::default(), &Metrics::new(NOW)))
                .await
        });
        Self { base, client: Client::new(), database, tenant }
    }

    async fn guarded(test: &TestDatabase) -> Self {
        Self::start(test, |database| Access::Guarded(Guard::new(database.clone(), None))).await
    }

    async fn key(&self, tenant: &TenantId, role: Role) -> String {
        let new =
            NewKey { name: format!("a-{role}"), roles: [role].into(), expires_at: NOW + 1_000 };
        let actor = Actor::operator();
        let made = key::create(&self.database, tenant, &new, &actor, NOW, &mut OsRng).await;
        made.unwrap().0.expose().to_owned()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    async fn get(&self, path: &str, token: &str) -> Response {
        self.request(Method::GET, path).bearer_auth(token).send().await.unwrap()
    }

    async fn json(&self, path: &str, token: &str) -> Value {
        let response = self.get(path, token).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

/// The status and the problem's name.
async fn refused(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    let name = problem["type"].as_str().unwrap().strip_prefix("urn:attestry:problem:").unwrap();
    (status, name.to_owned())
}

#[tokio::test]
async fn each_route_is_for_its_roles_and_tenant_only() {
    let test = TestDatabase::sqlite();
    let service = Service::guarded(&test).await;
    let other: TenantId = "other".parse().unwrap();
    for role in Role::ALL {
        let token = service.key(&service.tenant, role).await;
        let foreign = service.key(&other, role).await;
        for (path, roles) in [
            ("/own", &[Role::Registrar, Role::Reviewer][..]),
            ("/api-keys", &[Role::Admin]),
            ("/audit", &[Role::Auditor]),
            ("/audit/head", &[Role::Auditor]),
            ("/audit/export", &[Role::Auditor]),
        ] {
            let answer = service.get(path, &token).await;
            if roles.contains(&role) {
                assert_eq!(answer.status(), 200, "{path} as {role}");
            } else {
                let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains("insufficient_scope"));
                assert_eq!(refused(answer).await, (403, "wrong-role".to_owned()));
            }
            let answer = service.get(path, &foreign).await;
            assert_eq!(refused(answer).await, (403, "wrong-tenant".to_owned()));
        }
    }
}

#[tokio::test]
async fn who_shows_nothing_good_is_told_to_show_something() {
    let test = TestDatabase::sqlite();
    let service = Service::guarded(&test).await;
    let token = service.key(&service.tenant, Role::Registrar).await;
    let request = || service.request(Method::GET, "/own");
    let answer = request().send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(refused(answer).await, (401, "unauthenticated".to_owned()));
    for wrong in [
        request().bearer_auth("ak_0"),
        request().header("authorization", token.as_str()),
        request().header("authorization", format!("Basic {token}")),
        request().bearer_auth(&token).header("authorization", format!("Bearer {token}")),
        request().header("authorization", b"Bearer \xff".as_slice()),
    ] {
        let answer = wrong.send().await.unwrap();
        assert_eq!(refused(answer).await, (401, "invalid-token".to_owned()));
    }
    for good in [format!("Bearer {token}"), format!("bearer  {token}")] {
        let answer = request().header("authorization", good).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "key:a-registrar");
    }
}

#[tokio::test]
async fn a_route_that_asks_who_it_is_and_is_not_guarded_fails() {
    let test = TestDatabase::sqlite();
    let service = Service::guarded(&test).await;
    let answer = service.get("/unguarded", "ak_0").await;
    assert_eq!(refused(answer).await, (500, "internal".to_owned()));
}

#[tokio::test]
async fn an_admin_makes_shows_and_ends_keys() {
    let test = TestDatabase::sqlite();
    let service = Service::guarded(&test).await;
    let admin = service.key(&service.tenant, Role::Admin).await;
    let create = async |body: Value| {
        let request = service.request(Method::POST, "/api-keys").bearer_auth(&admin);
        request.header("x-request-id", "made-here").json(&body).send().await.unwrap()
    };
    let good = json!({"name": "desk", "roles": ["registrar"], "expiresAt": "2030-01-01T00:00:00Z"});
    let answer = create(good.clone()).await;
    assert_eq!(answer.status(), 201);
    let made: Value = answer.json().await.unwrap();
    assert_eq!(made["expiresAt"], "2030-01-01T00:00:00Z");
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert_eq!(service.get("/own", secret).await.status(), 200);
    assert_eq!(refused(create(good.clone()).await).await, (409, "name-taken".to_owned()));
    for (name, value) in [
        ("name", json!("Jane Doe")),
        ("roles", json!([])),
        ("roles", json!(["root"])),
        ("expiresAt", json!("2020-01-01T00:00:00Z")),
        ("expiresAt", json!("tomorrow")),
        ("more", json!(1)),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(refused(create(body).await).await, (400, "invalid-request".to_owned()));
    }
    let listed = service.json("/api-keys", &admin).await;
    let desk = &listed["keys"][1];
    assert_eq!((&desk["name"], &desk["createdBy"]), (&json!("desk"), &json!("key:a-admin")));
    assert_eq!(desk["lastUsedDay"], "2027-01-15");
    assert!(!listed.to_string().contains(secret));
    let end = async || {
        let request = service.request(Method::DELETE, &format!("/api-keys/{id}"));
        request.bearer_auth(&admin).send().await.unwrap()
    };
    assert_eq!(end().await.status(), 204);
    assert_eq!(refused(end().await).await, (404, "unknown".to_owned()));
    let answer = service.get("/own", secret).await;
    assert_eq!(refused(answer).await, (401, "invalid-token".to_owned()));
    let log = log(&service.database, &service.tenant).await;
    assert_eq!((log[0].action.as_str(), log[0].actor.as_str()), ("api-key.revoke", "key:a-admin"));
    assert_eq!(log[1].request_id.as_deref(), Some("made-here"));
}

#[tokio::test]
async fn an_auditor_reads_pages_and_exports_what_can_be_verified() {
    for test in TestDatabase::each().await {
        let service = Service::guarded(&test).await;
        let auditor = service.key(&service.tenant, Role::Auditor).await;
        for role in [Role::Admin, Role::Reviewer, Role::Registrar] {
            service.key(&service.tenant, role).await;
        }
        let first = service.json("/audit?limit=3&action=api-key.create", &auditor).await;
        assert_eq!(first["entries"][0]["details"]["name"], "a-registrar");
        assert_eq!(first["next"], 2);
        let second = service.json("/audit?limit=3&before=2", &auditor).await;
        assert_eq!(second["entries"].as_array().unwrap().len(), 1);
        assert_eq!(second["next"], Value::Null);
        let later = service.json("/audit?from=2027-01-15T08:00:01Z", &auditor).await;
        assert_eq!(later["entries"], json!([]));
        for wrong in ["from=yesterday", "limit=x", "order=asc", "before=-1"] {
            let answer = service.get(&format!("/audit?{wrong}"), &auditor).await;
            assert_eq!(refused(answer).await, (400, "invalid-request".to_owned()));
        }
        for format in Format::ALL {
            let path = format!("/audit/export?format={format}");
            let answer = service.get(&path, &auditor).await;
            assert_eq!(answer.headers()["content-type"], format.media_type());
            let file = answer.bytes().await.unwrap();
            let head = service.json("/audit/head", &auditor).await;
            let known = format!("{}:{}", head["sequence"], head["hash"].as_str().unwrap());
            let known: Head = known.parse().unwrap();
            let known = Known { tenant: Some(service.tenant.clone()), heads: vec![known] };
            let mut last = None;
            let verified = verify(&*file, &known, |entry| last = Some(entry.clone())).unwrap();
            assert_eq!(verified.format, format);
            let last = last.unwrap();
            assert_eq!(
                (last.action.as_str(), last.actor.as_str()),
                ("audit.export", "key:a-auditor")
            );
            assert_eq!(last.details["format"], format.word());
        }
        let answer = service.get("/audit/export?format=xml", &auditor).await;
        assert_eq!(refused(answer).await, (400, "invalid-request".to_owned()));
    }
}

#[tokio::test]
async fn open_access_lets_everybody_in() {
    let test = TestDatabase::sqlite();
    let service = Service::start(&test, |_| Access::Open).await;
    let answer = service.request(Method::GET, "/own").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "anybody");
}
