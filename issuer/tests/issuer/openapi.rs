//! The OpenAPI document and the routes say the same.

use attestry_issuer::http::{Access, OPENAPI, Service, router};
use attestry_service::testing::OpenApi;
use serde_json::json;

use crate::http::{Office, order};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_every_description_is_routed() {
    let world = World::new().await;
    let issuer = world.open().await;
    let router = router(&Service::new(vec![issuer.clone()], Access::Open));
    let office = Office::open(issuer).await;
    let status = async |method, path: String| {
        office.request(method, &path).send().await.unwrap().status().as_u16()
    };
    OpenApi::new(OPENAPI).assert_routed(&router, status).await;
}

#[test]
fn every_reference_leads_somewhere_and_every_example_is_as_its_schema_says() {
    OpenApi::new(OPENAPI).assert_sound(30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_is_described() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let document = OpenApi::new(OPENAPI);
    let (status, issued) = office.post("/credentials/issue", &order()).await;
    document.assert_answer("/credentials/issue", "post", status, &issued);
    let uuid = issued["verifiableCredential"]["id"].as_str().unwrap().replace("urn:uuid:", "");
    let reason = json!({ "reason": "disciplinary-action" });
    for (action, body) in [
        ("suspend", &reason),
        ("reinstate", &json!({ "reason": "resolved" })),
        ("renew", &json!({})),
        ("suspend", &reason),
    ] {
        let (status, answer) = office.post(&format!("/credentials/{uuid}/{action}"), body).await;
        document.assert_answer(&format!("/credentials/{{id}}/{action}"), "post", status, &answer);
    }
    let credential = format!("/credentials/{uuid}");
    let list = format!("/status-lists/{}", world.list());
    for (path, described) in [
        (credential.as_str(), "/credentials/{id}"),
        ("/credentials/nothing", "/credentials/{id}"),
        (&list, "/status-lists/{id}"),
        ("/readyz", "/readyz"),
        ("/healthz", "/healthz"),
        ("/api-keys", "/api-keys"),
        ("/audit", "/audit"),
        ("/audit?limit=x", "/audit"),
        ("/audit/head", "/audit/head"),
        ("/openapi.json", "/openapi.json"),
        ("/1.0/identifiers/did:web:a", "/1.0/identifiers/{did}"),
        ("/contexts/credentials-v1.jsonld", "/contexts/{name}"),
        ("/schemas/nothing", "/schemas/{name}"),
    ] {
        let (status, answer) = office.get(path).await;
        document.assert_answer(described, "get", status, &answer);
    }
    for (path, body) in [
        ("/credentials/issue", json!({})),
        ("/credentials/status", json!({})),
        ("/status-lists/publish", json!({})),
        ("/preview", crate::world::practitioner()),
        ("/api-keys", json!({ "name": "Desk" })),
    ] {
        let (status, answer) = office.post(path, &body).await;
        document.assert_answer(path, "post", status, &answer);
    }
}
