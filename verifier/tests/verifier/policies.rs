//! Policies as named, versioned, hashed documents.

use attestry_credential::policy::{FindingCode, PolicyDocument};
use attestry_credential::presentation::FORMAT;
use attestry_service::audit::{self, Filter};
use attestry_service::{Actor, TenantId};
use attestry_verifier::{PolicyCatalogue, Storage, VerifierError};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::http::Service;
use crate::world::World;

fn document(id: &str, version: u32, status: &str) -> Value {
    json!({
        "id": id, "version": version, "title": "Example", "schema": "ProviderCredential/1",
        "require": [
            { "claim": "kind", "op": "eq", "value": "licence" },
            { "claim": "status", "op": "eq", "value": status }
        ]
    })
}

fn policy(id: &str, version: u32, status: &str) -> PolicyDocument {
    PolicyDocument::from_json(document(id, version, status).to_string().as_bytes()).unwrap()
}

fn npi(id: &str) -> PolicyDocument {
    let document = json!({
        "id": id, "version": 1, "title": "Who", "schema": "ProviderCredential/1",
        "require": [{ "claim": "npi", "op": "eq", "reveal": true }]
    });
    PolicyDocument::from_json(document.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn versions_follow_each_other_and_none_is_ever_replaced() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let publish = async |version, status| {
        let document = policy("a", version, status);
        verifier.publish_policy(&actor, &document, &[]).await.map(|(_, is_new)| is_new)
    };
    assert!(publish(1, "active").await.unwrap());
    assert!(!publish(1, "active").await.unwrap(), "the same document again");
    assert!(matches!(publish(1, "inactive").await, Err(VerifierError::PolicyVersionUsed)));
    let skipped = publish(3, "active").await;
    assert!(matches!(skipped, Err(VerifierError::PolicyVersionSkipped { next: 2 })));
    assert!(publish(2, "inactive").await.unwrap());
    assert_eq!(verifier.policy("a").await.unwrap().document.version(), 2);
    let first = verifier.policy("a@1").await.unwrap();
    let hash = hex::encode(first.document.hash());
    assert_eq!(verifier.policy(&hash).await.unwrap(), first);
    let versions = verifier.policy_versions("a").await.unwrap();
    let versions: Vec<_> = versions.iter().map(|policy| policy.document.version()).collect();
    assert_eq!(versions, [2, 1]);
}

#[tokio::test]
async fn a_danger_is_published_only_by_who_says_that_it_is_meant() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let refused = verifier.publish_policy(&actor, &npi("who"), &[]).await;
    let Err(VerifierError::UnacknowledgedDanger { findings, .. }) = refused else { panic!() };
    assert_eq!(findings[0].code, FindingCode::RevealsIdentifier);
    let meant: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    let (published, is_new) = verifier.publish_policy(&actor, &npi("who"), &meant).await.unwrap();
    assert!(is_new);
    assert_eq!(published.acknowledged[0], "reveals-identifier");
    let (again, is_new) = verifier.publish_policy(&actor, &npi("who"), &[]).await.unwrap();
    assert_eq!((again, is_new), (published, false));
}

#[tokio::test]
async fn a_retired_version_stays_readable_and_is_offered_no_more() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    for version in [1, 2] {
        verifier.publish_policy(&actor, &policy("a", version, "active"), &[]).await.unwrap();
    }
    let retired = verifier.retire_policy(&actor, "a", 2).await.unwrap();
    assert_eq!(retired.retired_at, Some(world.now()));
    assert_eq!(verifier.offered_policy("a").await.unwrap().version(), 1);
    let offered = verifier.offered_policy("a@2").await;
    assert!(matches!(offered, Err(VerifierError::RetiredPolicy)));
    world.advance(5);
    assert_eq!(verifier.retire_policy(&actor, "a", 2).await.unwrap(), retired);
    assert_eq!(verifier.policy("a@2").await.unwrap(), retired);
    // The number of a retired version is not used again.
    let again = verifier.publish_policy(&actor, &policy("a", 2, "inactive"), &[]).await;
    assert!(matches!(again, Err(VerifierError::PolicyVersionUsed)));
    let unknown = verifier.retire_policy(&actor, "a", 9).await;
    assert!(matches!(unknown, Err(VerifierError::UnknownPolicy)));
}

#[tokio::test]
async fn a_folder_is_published_once_and_must_agree_with_what_was() {
    let world = World::new().await;
    let with = async |document: PolicyDocument| {
        let catalogue = PolicyCatalogue::none().with(document);
        let change = |parts: &mut attestry_verifier::VerifierParts| parts.policies = catalogue;
        world.verifier_with(world.registry.clone(), change).await
    };
    let first = with(policy("a", 4, "active")).await;
    first.load_policies().await.unwrap();
    first.load_policies().await.unwrap();
    assert_eq!(first.policy("a").await.unwrap().document.version(), 4);
    let other = with(policy("a", 4, "inactive")).await.load_policies().await;
    assert!(matches!(other, Err(VerifierError::PolicyVersionUsed)));
    // What an operator puts into the folder is taken as meant.
    with(npi("who")).await.load_policies().await.unwrap();
    assert!(!first.policy("who").await.unwrap().acknowledged.is_empty());
}

#[tokio::test]
async fn policies_of_one_tenant_are_not_another_ones() {
    let world = World::new().await;
    let other: TenantId = "sponsor".parse().unwrap();
    let storage = Storage::open(&world.database.url, other).await.unwrap();
    let second = world.verifier_with(world.registry.clone(), |parts| parts.storage = storage);
    let second = second.await;
    let actor = Actor::operator();
    let document = policy("a", 1, "active");
    world.verifier.publish_policy(&actor, &document, &[]).await.unwrap();
    assert!(matches!(second.policy("a@1").await, Err(VerifierError::UnknownPolicy)));
    second.publish_policy(&actor, &policy("a", 1, "inactive"), &[]).await.unwrap();
    assert_eq!(world.verifier.policy("a").await.unwrap().document, document);
}

#[tokio::test]
async fn publishing_and_retiring_are_in_the_audit_log() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let document = policy("a", 1, "active");
    for _ in 0..2 {
        verifier.publish_policy(&actor, &document, &[]).await.unwrap();
        verifier.retire_policy(&actor, "a", 1).await.unwrap();
    }
    let database = world.database.open().await;
    let (tenant, all) = (TenantId::default(), Filter::default());
    let page = audit::page(database.pool(), &tenant, &all, None, 100).await.unwrap();
    let entries: Vec<_> = page.entries.iter().rev().collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["policy.publish", "policy.retire"]);
    assert_eq!(entries[0].object.as_deref(), Some("a@1"));
    assert_eq!(entries[0].details["hash"], hex::encode(document.hash()));
}

async fn json_of(response: reqwest::Response) -> (StatusCode, Value) {
    (response.status(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_published_read_and_retired_over_http() {
    let service = Service::new().await;
    let publish = async |document: &Value, acknowledge: Value| {
        let body = json!({ "policy": document, "acknowledge": acknowledge });
        json_of(service.post("/policies", body.to_string()).await).await
    };
    let first = document("a", 1, "active");
    let (status, published) = publish(&first, json!([])).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(published["words"], "active licence");
    assert_eq!(published["findings"][0]["code"], "no-standing");
    assert_eq!(publish(&first, json!([])).await, (StatusCode::OK, published.clone()));
    let (status, refused) = publish(&document("a", 1, "inactive"), json!([])).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(refused["type"], "urn:attestry:problem:policy-version");
    let suspended = document("a", 2, "suspended");
    let (status, refused) = publish(&suspended, json!(["no-standing"])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["type"], "urn:attestry:problem:dangerous-policy");
    assert_eq!(refused["findings"][0]["code"], "requires-encumbrance");
    let (status, _) = publish(&suspended, json!(["nonsense"])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = publish(&suspended, json!(["requires-encumbrance"])).await;
    assert_eq!(status, StatusCode::CREATED);

    let (_, newest) = json_of(service.get("/policies/a").await).await;
    assert_eq!(newest["version"], 2);
    assert_eq!(newest["document"], suspended);
    for path in ["/policies/a/1", "/policies/a?version=1"] {
        let (status, found) = json_of(service.get(path).await).await;
        assert_eq!((status, &found), (StatusCode::OK, &published), "{path}");
    }
    let hash = published["hash"].as_str().unwrap();
    assert_eq!(json_of(service.get(&format!("/policies/{hash}")).await).await.1, published);
    let (_, versions) = json_of(service.get("/policies/a/versions").await).await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    for path in ["/policies/none", "/policies/a/9", "/policies/a/x", "/policies/none/versions"] {
        assert_eq!(service.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }

    let gone = service.client.delete(format!("{}/policies/a/2", service.base)).send().await;
    let (status, retired) = json_of(gone.unwrap()).await;
    assert_eq!((status, retired["retired_at"].is_u64()), (StatusCode::OK, true));
    for (name, expected) in [
        ("a", StatusCode::CREATED),
        ("a@1", StatusCode::CREATED),
        (hash, StatusCode::CREATED),
        ("a@2", StatusCode::GONE),
        ("a@9", StatusCode::NOT_FOUND),
    ] {
        let body = json!({ "policy": name, "purpose": "hire" });
        let (status, opened) =
            json_of(service.post("/presentations", body.to_string()).await).await;
        assert_eq!(status, expected, "{name}");
        if status == StatusCode::CREATED {
            let asked = service.fetch(opened["deep_link"].as_str().unwrap()).await;
            let request = asked.presentation_request().unwrap();
            assert_eq!(request.queries[0].policy.version(), 1, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_brings_a_dangerous_policy_along_only_if_that_is_meant() {
    let service = Service::new().await;
    let open = async |policy: Value, acknowledge: Value| {
        let body = json!({ "policy": policy, "purpose": "hire", "acknowledge": acknowledge });
        json_of(service.post("/presentations", body.to_string()).await).await
    };
    let dangerous = document("a", 7, "suspended");
    for acknowledge in [json!([]), json!(["reveals-identifier", "no-standing"])] {
        let (status, refused) = open(dangerous.clone(), acknowledge).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["type"], "urn:attestry:problem:dangerous-policy");
        assert_eq!(refused["policy"], "a@7");
        assert_eq!(refused["unacknowledged"], json!(["requires-encumbrance"]));
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("requires-encumbrance"), "{detail}");
        assert!(detail.contains("acknowledge"), "{detail}");
        let mut findings = refused["findings"].as_array().unwrap().iter();
        let danger = findings.find(|finding| finding["severity"] == "danger").unwrap();
        assert!(danger["path"].as_str().unwrap().starts_with("require"));
    }
    let (status, _) = open(dangerous.clone(), json!(["nonsense"])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = open(dangerous.clone(), json!(["requires-encumbrance"])).await;
    assert_eq!(status, StatusCode::CREATED);
    // A warning needs no word, and what is published had its own.
    let (status, _) = open(document("a", 7, "active"), json!([])).await;
    assert_eq!(status, StatusCode::CREATED);
    let published = json!({ "policy": document("b", 1, "suspended"),
        "acknowledge": ["requires-encumbrance"] });
    service.post("/policies", published.to_string()).await;
    assert_eq!(open(json!("b"), json!([])).await.0, StatusCode::CREATED);

    // One of several queries, in DCQL.
    let dcql = |policy: Value| {
        json!({ "purpose": "hire", "dcql_query": { "credentials": [
            { "id": "fine", "format": FORMAT, "meta": { "policy": "not-excluded" } },
            { "id": "bad", "format": FORMAT, "meta": { "policy": policy } },
        ] } })
    };
    let refused = service.post("/presentations", dcql(dangerous).to_string()).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let database = service.world.database.open().await;
    let (tenant, all) = (TenantId::default(), Filter::default());
    let page = audit::page(database.pool(), &tenant, &all, None, 100).await.unwrap();
    let opened = page.entries.iter().filter(|entry| entry.action == "presentation.request");
    let acknowledged =
        opened.map(|entry| entry.details.get("acknowledged").map(|codes| codes.as_str()));
    assert_eq!(acknowledged.collect::<Vec<_>>(), [None, None, Some("requires-encumbrance")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_a_policy_that_is_brought_along_are_part_of_the_question() {
    let service = Service::new().await;
    let policy = document("a", 1, "$status");
    for (status, expected) in
        [("active", StatusCode::CREATED), ("suspended", StatusCode::UNPROCESSABLE_ENTITY)]
    {
        let body =
            json!({ "policy": policy, "parameters": { "status": status }, "purpose": "hire" });
        let answer = service.post("/presentations", body.to_string()).await;
        assert_eq!(answer.status(), expected, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_listed_page_by_page() {
    let service = Service::new().await;
    let mut seen: Vec<String> = Vec::new();
    let mut after = String::new();
    loop {
        let (_, page) = json_of(service.get(&format!("/policies?limit=5{after}")).await).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 5);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let all = service.world.verifier.policies(None, 100).await.unwrap();
    let all: Vec<_> = all.iter().map(|policy| policy.document.id().to_owned()).collect();
    assert_eq!(seen, all);
    assert!(all.len() > 10);
    assert_eq!(service.get("/policies?limit=0").await.status(), StatusCode::BAD_REQUEST);
}
