//! Who may use the service, what the audit log says of it, and that tenants do not meet.

use ark_std::rand::rngs::OsRng;
use attestry_service::access::Guard;
use attestry_service::access::key::{self, NewKey};
use attestry_service::audit::{self, Filter};
use attestry_service::{Actor, Role, TenantId};
use attestry_verifier::http::{Access, Service, serve};
use attestry_verifier::{SessionStatus, Storage, VerifierError};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::{World, asked, is_accepted, reveals_state};

pub(crate) async fn api_key(world: &World, tenant: &TenantId, role: Role) -> String {
    let new = NewKey {
        name: format!("desk-{role}"),
        roles: [role].into(),
        expires_at: world.now() + 1_000,
    };
    let (database, actor) = (world.database.open().await, Actor::operator());
    let made = key::create(&database, tenant, &new, &actor, world.now(), &mut OsRng).await;
    made.unwrap().0.expose().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_takes_the_roles_that_it_is_for() {
    let world = World::new().await;
    let other: TenantId = "sponsor".parse().unwrap();
    let storage = Storage::open(&world.database.url, other.clone()).await.unwrap();
    let second = world.verifier_with(world.registry.clone(), |parts| parts.storage = storage);
    let access = Access::Guarded(Guard::new(world.database.open().await, None));
    let service = Service::new(vec![world.verifier.clone(), second.await], access);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, service, std::future::pending()));

    let tenant = TenantId::default();
    let verifier = api_key(&world, &tenant, Role::Verifier).await;
    let sponsor = api_key(&world, &tenant, Role::Sponsor).await;
    let auditor = api_key(&world, &tenant, Role::Auditor).await;
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let call = async |method: Method, path: &str, key: Option<&str>, body: &Value| {
        let mut request = client.request(method, format!("{base}{path}")).json(body);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status()
    };
    let question = json!({ "policy": "not-excluded", "parameters": {}, "purpose": "hire" });
    let nothing = Value::Null;
    for (method, path, key, body, status) in [
        (Method::POST, "/presentations", None, &question, StatusCode::UNAUTHORIZED),
        (Method::POST, "/presentations", Some(&sponsor), &question, StatusCode::FORBIDDEN),
        (Method::POST, "/presentations", Some(&verifier), &question, StatusCode::CREATED),
        (
            Method::POST,
            "/t/sponsor/presentations",
            Some(&verifier),
            &question,
            StatusCode::FORBIDDEN,
        ),
        (Method::GET, "/policies", None, &nothing, StatusCode::UNAUTHORIZED),
        (Method::GET, "/policies", Some(&sponsor), &nothing, StatusCode::OK),
        (Method::GET, "/policies", Some(&verifier), &nothing, StatusCode::OK),
        (Method::POST, "/policies", Some(&verifier), &nothing, StatusCode::FORBIDDEN),
        (
            Method::DELETE,
            "/policies/not-excluded/1",
            Some(&verifier),
            &nothing,
            StatusCode::FORBIDDEN,
        ),
        (Method::DELETE, "/policies/not-excluded/1", Some(&sponsor), &nothing, StatusCode::OK),
        (Method::POST, "/presentations", Some(&verifier), &question, StatusCode::NOT_FOUND),
        (Method::GET, "/studies", Some(&verifier), &nothing, StatusCode::FORBIDDEN),
        (Method::GET, "/studies", Some(&sponsor), &nothing, StatusCode::OK),
        (Method::GET, "/studies/none/cohort", Some(&verifier), &nothing, StatusCode::FORBIDDEN),
        (Method::GET, "/studies/none/export", Some(&verifier), &nothing, StatusCode::FORBIDDEN),
        (Method::POST, "/studies/none/sessions", Some(&auditor), &nothing, StatusCode::FORBIDDEN),
        (Method::POST, "/studies/none/sessions", Some(&verifier), &nothing, StatusCode::NOT_FOUND),
        (Method::GET, "/audit", Some(&verifier), &nothing, StatusCode::FORBIDDEN),
        (Method::GET, "/audit", Some(&auditor), &nothing, StatusCode::OK),
        (Method::GET, "/api-keys", Some(&sponsor), &nothing, StatusCode::FORBIDDEN),
        (Method::GET, "/receipt-key", None, &nothing, StatusCode::OK),
        (Method::GET, "/t/sponsor/receipt-key", None, &nothing, StatusCode::OK),
        (Method::GET, "/readyz", None, &nothing, StatusCode::OK),
    ] {
        let found = call(method.clone(), path, key.map(String::as_str), body).await;
        assert_eq!(found, status, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_open_to_everybody_is_served_on_loopback_alone() {
    let world = World::new().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let service = Service::new(vec![world.verifier.clone()], Access::Open);
    let served = serve(listener, service, std::future::ready(())).await;
    assert!(matches!(served, Err(VerifierError::OpenAccess)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_of_every_change_and_of_no_holder() {
    let world = World::new().await;
    let nurse = world.nurse(4);
    let session = world.session().await;
    let answer = world.answer(&nurse, &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
    let key = nurse.withdrawal_key(&session.request.scope());
    let wallet = Actor::wallet("r1");
    world.verifier.withdraw(&wallet, &key).await.unwrap();
    world.verifier.withdraw(&wallet, &key).await.unwrap();
    let again = world.session().await;
    let answer = world.answer(&nurse, &again.request).await;
    assert!(!is_accepted(&world.decide(&again, &answer).await));

    let database = world.database.open().await;
    let (tenant, all) = (TenantId::default(), Filter::default());
    let page = audit::page(database.pool(), &tenant, &all, None, 100).await.unwrap();
    let entries = page.entries.iter().rev();
    let actions: Vec<&str> = entries.map(|entry| entry.action.as_str()).collect();
    let expected = [
        "presentation.request",
        "presentation.accept",
        "holder.withdraw",
        "presentation.request",
        "presentation.refuse",
    ];
    assert_eq!(actions, expected);
    let nullifier = key.nullifier().to_string();
    let nullifier = nullifier.trim_start_matches("0x");
    assert!(page.entries.iter().all(|entry| !format!("{entry:?}").contains(nullifier)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_the_audit_log_goes_to_the_ledger_once() {
    let world = World::new().await;
    assert!(world.verifier.anchor_log().await.unwrap().is_none(), "nothing was done");
    world.session().await;
    let anchor = world.verifier.anchor_log().await.unwrap().unwrap();
    assert_eq!(anchor.head.sequence, 1);
    assert!(world.verifier.anchor_log().await.unwrap().is_none(), "nothing was done since");
    world.session().await;
    let next = world.verifier.anchor_log().await.unwrap().unwrap();
    assert_eq!((next.head.sequence, next.batch), (2, anchor.batch + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_of_one_database_do_not_see_each_other() {
    let world = World::new().await;
    let other: TenantId = "sponsor".parse().unwrap();
    let storage = Storage::open(&world.database.url, other).await.unwrap();
    let second = world.verifier_with(world.registry.clone(), |parts| parts.storage = storage);
    let second = second.await;
    let session = world.session_of(&world.verifier, 0, true).await;
    assert!(matches!(second.outcome(&session.id).await, Err(VerifierError::UnknownSession)));
    let nurse = world.nurse(4);
    let answer = world.answer(&nurse, &session.request).await;
    let (wallet, id) = (Actor::wallet("r1"), &session.request.request_id);
    let unknown = second.respond(&wallet, id, &answer).await;
    assert!(matches!(unknown, Err(VerifierError::UnknownSession)));
    assert!(is_accepted(&world.decide(&session, &answer).await));

    // The same holder in the same scope counts for each of them.
    let session = world.session_of(&second, 0, true).await;
    let answer = world.answer(&nurse, &session.request).await;
    let decision = second.respond(&wallet, &session.request.request_id, &answer).await.unwrap();
    assert!(is_accepted(&decision));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_disclosed_is_destroyed_when_its_time_has_passed() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
    let asked = asked(vec![reveals_state("q1")], 0, false);
    let open = world.verifier.open_session(&Actor::operator(), asked).await.unwrap();
    let disclosed = async || match world.verifier.outcome(&session.id).await.unwrap().1 {
        SessionStatus::Accepted { disclosed, .. } => disclosed.len(),
        other => panic!("{other:?}"),
    };
    world.advance(86_400);
    world.verifier.purge().await.unwrap();
    assert_eq!(disclosed().await, 1);
    world.advance(601);
    world.verifier.expire_sessions().await.unwrap();
    world.verifier.purge().await.unwrap();
    assert_eq!(disclosed().await, 0, "the decision and its receipt stay");
    let unanswered = world.verifier.outcome(&open.id).await;
    assert!(matches!(unanswered, Err(VerifierError::UnknownSession)));
}
