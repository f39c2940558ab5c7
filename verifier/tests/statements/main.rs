//! No statement of the verifier reads more of a table the more the table holds, on SQLite: each one
//! that runs is put before its planner.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod seen;
#[path = "../verifier/world.rs"]
#[allow(dead_code, reason = "the suite of the verifier uses all of it")]
mod world;

use std::time::Duration;

use ark_std::rand::rngs::OsRng;
use attestry_credential::policy::PolicyDocument;
use attestry_service::{Actor, Database, TenantId};
use attestry_verifier::Verifier;
use attestry_verifier::http::{Access, Service, serve};
use attestry_verifier::studies::{NewStudy, StudyPolicy};
use attestry_verifier::webhooks::EventKind;
use serde_json::{Map, json};
use sqlx::Row;

use seen::Statements;
use world::{HOOK, World, asked, is_accepted, reveals_state};

/// Tables that grow with the requests. The others have few rows for each tenant.
const GROWING: [&str; 10] = [
    "sessions",
    "challenges",
    "decisions",
    "nullifiers",
    "withdrawals",
    "answered_questions",
    "study_sessions",
    "participants",
    "webhook_deliveries",
    "audit_entries",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_scans_a_table_that_grows() {
    let statements = Statements::default();
    tracing::subscriber::set_global_default(statements.clone()).unwrap();
    let world = World::new().await;
    if world.database.kind != "sqlite" {
        return;
    }
    work(&world).await;

    let database = world.database.open().await;
    let all = statements.all();
    for table in GROWING {
        let names = |statement: &String| statement.split_whitespace().any(|word| word == table);
        assert!(all.iter().any(names), "no statement names {table}");
    }
    let mut scans = Vec::new();
    for statement in &all {
        let steps = plan(&database, statement).await;
        // So many of all, as they come.
        let is_page = statement.contains("WHERE tenant = $1 ORDER BY")
            && statement.contains(" LIMIT ")
            && !steps.iter().any(|step| step.contains("TEMP B-TREE"));
        for step in steps {
            let grows = GROWING.iter().any(|table| step.split(' ').nth(1) == Some(table));
            let is_search = step.starts_with("SEARCH");
            let is_bounded = is_search && (is_page || !step.ends_with("(tenant=?)"));
            if grows && !is_bounded {
                scans.push(format!("{step}: {statement}"));
            }
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

/// What SQLite's planner would do.
async fn plan(database: &Database, statement: &str) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = sqlx::query(explain).fetch_all(database.pool()).await.unwrap();
    steps.iter().map(|step| step.try_get("detail").unwrap()).collect()
}

/// Everything that a verifier does for requests and by the clock.
async fn work(world: &World) {
    let operator = Actor::operator();
    let webhooks = world.webhooks(&TenantId::default()).await;
    let events = EventKind::ALL.into_iter().collect();
    let (webhook, _) = webhooks.register(HOOK, &events, &operator, &mut OsRng).await.unwrap();
    let verifier = world.verifier.clone().telling(webhooks.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let service = Service::new(vec![verifier.clone()], Access::Open);
    tokio::spawn(serve(listener, service, std::future::pending()));

    answers(world, &verifier).await;
    study(world, &verifier).await;
    webhooks.ping(&webhook.id, &mut OsRng).await.unwrap();
    while webhooks.deliveries(&webhook.id, 10).await.unwrap().iter().all(|one| one.attempts == 0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    for path in [
        "/health/ready",
        "/metrics",
        "/audit",
        "/policies",
        "/studies",
        "/webhooks",
        "/openapi.json",
    ] {
        client.get(format!("{base}{path}")).send().await.unwrap();
    }
    world.advance(100_000);
    verifier.follow_withdrawals().await.unwrap();
    verifier.expire_sessions().await.unwrap();
    verifier.purge().await.unwrap();
    webhooks.delete(&webhook.id, &operator).await.unwrap();
}

/// Sessions that are answered, cancelled or left alone, and answers that are checked directly.
async fn answers(world: &World, verifier: &Verifier) {
    let (operator, wallet, nurse) = (Actor::operator(), Actor::wallet("test"), world.nurse(4));
    let open = async || {
        let asked = asked(vec![reveals_state("q1")], 0, true);
        verifier.open_session(&operator, asked).await.unwrap()
    };
    let session = open().await;
    let answer = world.answer(&nurse, &session.request).await;
    let id = &session.request.request_id;
    assert!(is_accepted(&verifier.respond(&wallet, id, &answer).await.unwrap()));
    verifier.outcome(&session.id).await.unwrap();
    verifier.cancel(&operator, &open().await.id).await.unwrap();
    let request = open().await.request;
    let answer = world.answer(&world.nurse(5), &request).await;
    verifier.decide_directly(&operator, request, &answer).await.unwrap();
    let key = nurse.withdrawal_key(&session.request.scope());
    verifier.withdraw(&wallet, &key).await.unwrap();
}

async fn study(world: &World, verifier: &Verifier) {
    let (operator, wallet, nurse) = (Actor::operator(), Actor::wallet("test"), world.nurse(4));
    let document = json!({
        "id": "enrol", "version": 1, "title": "May be enrolled", "schema": "ProviderCredential/1",
        "require": [{ "claim": "status", "op": "eq", "value": "active" }]
    });
    let document = PolicyDocument::from_json(document.to_string().as_bytes()).unwrap();
    verifier.publish_policy(&operator, &document, &[]).await.unwrap();
    let asked = StudyPolicy { policy: "enrol@1".to_owned(), parameters: Map::new() };
    let (name, purpose) = ("Heart Study 7".to_owned(), "May you take part?".to_owned());
    let new = NewStudy { name, purpose, asked, exports_few: true };
    let study = verifier.open_study(&operator, new).await.unwrap();
    let id = study.id.as_str();
    let session = verifier.open_study_session(&operator, id).await.unwrap();
    let answer = world.answer(&nurse, &session.request).await;
    let request = &session.request.request_id;
    assert!(is_accepted(&verifier.respond(&wallet, request, &answer).await.unwrap()));
    verifier.cohort(id, None).await.unwrap();
    verifier.export_study(&operator, id, None).await.unwrap();
    let key = nurse.withdrawal_key(&session.request.scope());
    verifier.withdraw(&wallet, &key).await.unwrap();
    verifier.close_study(&operator, id).await.unwrap();
}
