//! Bad requests get problem documents that name the field and the rule, and never a value.

use attestry_service::http::RequestLimits;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use crate::http::{Office, order, read};
use crate::world::{World, practitioner};

const SECRET: &str = "Hippolyta";

async fn refusal(office: &Office, content_type: &str, body: impl Into<reqwest::Body>) -> Value {
    let request =
        office.request(Method::POST, "/credentials/issue").header(CONTENT_TYPE, content_type);
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (status, problem) = read(response).await;
    assert_eq!(problem["status"], status);
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_a_rule_is_told_which() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let changed = |pointer: &str, to: Value| {
        let mut order = order();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        order.pointer_mut(parent).unwrap()[name] = to;
        order
    };
    let npi = "/resource/identifier/0/value";
    let cases = [
        (changed("/options/holder", json!(SECRET)), 400, "options.holder"),
        (changed("/options/validUntil", json!(SECRET)), 400, "options.validUntil"),
        (changed("/options/item", json!(SECRET)), 400, "options.item"),
        (changed(&format!("/options/{SECRET}"), json!(1)), 400, "options"),
        (changed(&format!("/{SECRET}"), json!(1)), 400, "$"),
        (changed("/options", json!([SECRET])), 400, "options"),
        (changed("/credential", json!({})), 400, "$"),
        (json!({ "options": order()["options"].clone() }), 400, "$"),
        (json!({ "resource": practitioner() }), 400, "options.holder"),
        (json!([SECRET]), 400, "$"),
        (changed("/resource/resourceType", json!("Patient")), 422, "Patient"),
        (changed(npi, json!("1234567890")), 422, "Practitioner.identifier[0].value"),
    ];
    for (body, status, field) in cases {
        let problem = refusal(&office, "application/json", body.to_string()).await;
        assert_eq!(
            (&problem["status"], &problem["field"]),
            (&json!(status), &json!(field)),
            "{problem}"
        );
        assert!(problem["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{problem}");
        let text = problem.to_string();
        assert!(!text.contains(SECRET) && !text.contains("1234567890"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_of_a_document_is_named_with_its_whole_path() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (_, issued) = office.post("/credentials/issue", &order()).await;
    let mut document = issued["verifiableCredential"].clone();
    for added in ["id", "proof", "credentialStatus", "credentialSchema"] {
        document.as_object_mut().unwrap().remove(added);
    }
    let ask = |path: &str, to: Value| {
        let mut order =
            json!({ "credential": document.clone(), "options": order()["options"].clone() });
        order["credential"]["credentialSubject"][path] = to;
        order.to_string()
    };
    let problem = refusal(&office, "application/json", ask("npi", json!(SECRET))).await;
    assert_eq!(problem["field"], "credential.credentialSubject.npi");
    let problem = refusal(&office, "application/json", ask(SECRET, json!(1))).await;
    assert_eq!(problem["field"], "credential.credentialSubject");
    let other = json!(format!("0x{}", "00".repeat(32)));
    let problem = refusal(&office, "application/json", ask("holderCommitment", other)).await;
    assert_eq!(problem["field"], "credential.credentialSubject.holderCommitment");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_small_json_body_is_refused_for_what_it_is() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let kind = |problem: Value| {
        let name = problem["type"].as_str().unwrap().strip_prefix("urn:attestry:problem:");
        (problem["status"].as_u64().unwrap(), name.unwrap().to_owned())
    };
    let json = "application/json";
    let cut = format!("{{\"resource\": \"{SECRET}");
    let problem = refusal(&office, json, cut).await;
    assert!(!problem.to_string().contains(SECRET));
    assert_eq!(kind(problem), (400, "malformed-json".into()));
    assert_eq!(kind(refusal(&office, json, "").await), (400, "malformed-json".into()));
    assert_eq!(
        kind(refusal(&office, json, vec![0xff, 0xfe]).await),
        (400, "malformed-json".into())
    );
    let deep = "[".repeat(100_000);
    assert_eq!(kind(refusal(&office, json, deep).await), (400, "malformed-json".into()));
    let unsupported = (415, "unsupported-media-type".into());
    let text = order().to_string();
    assert_eq!(kind(refusal(&office, "text/plain", text.clone()).await), unsupported);
    let large = "x".repeat(RequestLimits::default().body_bytes + 1);
    assert_eq!(kind(refusal(&office, json, large).await), (413, "body-too-large".into()));
    let fhir = office.request(Method::POST, "/credentials/issue");
    let fhir = fhir.header(CONTENT_TYPE, "application/fhir+json; charset=utf-8").body(text);
    assert_eq!(fhir.send().await.unwrap().status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_thing_path_or_method_is_a_problem_document_too() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let cases = [
        (Method::GET, "/credentials/00000000-0000-4000-8000-000000000000", 404),
        (Method::GET, "/credentials/nothing", 404),
        (Method::GET, "/status-lists/0", 404),
        (Method::GET, "/status-lists/x", 404),
        (Method::GET, "/nowhere", 404),
        (Method::DELETE, "/healthz", 405),
    ];
    for (method, path, expected) in cases {
        let request = office.request(method, path).header("X-Request-ID", "call-7");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(response.headers()["x-request-id"], "call-7");
        assert_eq!(read(response).await.0, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_that_cannot_be_forged_into_something_else() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let id = |headers: &HeaderMap| headers["x-request-id"].to_str().unwrap().to_owned();
    let ask =
        |own: &str| office.request(Method::GET, "/healthz").header("X-Request-ID", own).send();
    let one = id(ask("a b\"c").await.unwrap().headers());
    let two = id(ask("a b\"c").await.unwrap().headers());
    assert_eq!(one.len(), 32);
    assert_ne!(one, two);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_a_known_reason_and_nothing_else() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (_, issued) = office.post("/credentials/issue", &order()).await;
    let uuid = issued["verifiableCredential"]["id"].as_str().unwrap().replace("urn:uuid:", "");
    let path = format!("/credentials/{uuid}/revoke");
    for (body, field) in [
        (json!({}), "reason"),
        (json!({ "reason": SECRET }), "reason"),
        (json!({ "reason": "lapsed", "note": SECRET }), "$"),
    ] {
        let (status, problem) = office.post(&path, &body).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)));
        assert!(!problem.to_string().contains(SECRET));
    }
    let (_, kept) = office.get(&format!("/credentials/{uuid}")).await;
    assert_eq!(kept["status"]["state"], "active");
}
