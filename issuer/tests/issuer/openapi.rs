//! The OpenAPI document and the routes say the same.

use std::collections::BTreeSet;

use attestry_issuer::http::{Access, OPENAPI, Service, router};
use reqwest::Method;
use serde_json::{Value, json};

use crate::http::{Office, order};
use crate::world::World;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// The paths of the document. Those of the page's own files are one.
fn documented() -> BTreeSet<String> {
    document()["paths"].as_object().unwrap().keys().cloned().collect()
}

/// The paths that are routed, as the router lists them.
fn routed(router: &axum::Router) -> BTreeSet<String> {
    let listed = format!("{router:?}");
    let texts = listed.split('"').skip(1).step_by(2);
    let paths = texts.filter(|text| text.starts_with('/') && !text.contains("__private"));
    paths
        .map(
            |path| {
                if path.starts_with("/docs/") { "/docs/{file}".to_owned() } else { path.to_owned() }
            },
        )
        .filter(|path| path != "/")
        .collect()
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Where a value is not as a schema says: enough of JSON Schema for this document.
fn violation(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolve(document, schema);
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    let typed = match &schema["type"] {
        Value::Null => true,
        Value::String(name) => is(name),
        names => names.as_array().unwrap().iter().any(|name| is(name.as_str().unwrap())),
    };
    if !typed {
        return Some(format!("{value} is not of type {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value))
        || schema.get("const").is_some_and(|only| only != value)
    {
        return Some(format!("{value} is not allowed"));
    }
    if let Some(members) = value.as_object() {
        let none = serde_json::Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        for required in schema["required"].as_array().into_iter().flatten() {
            if !members.contains_key(required.as_str().unwrap()) {
                return Some(format!("{required} is missing in {value}"));
            }
        }
        for (name, member) in members {
            match properties.get(name) {
                Some(schema) => {
                    if let Some(violation) = violation(document, schema, member) {
                        return Some(format!("{name}: {violation}"));
                    }
                }
                None if schema["additionalProperties"] == false => {
                    return Some(format!("{name} is not described"));
                }
                None => {}
            }
        }
    }
    let items = value.as_array().into_iter().flatten();
    schema
        .get("items")
        .and_then(|schema| items.into_iter().find_map(|item| violation(document, schema, item)))
}

/// Whether an answer is as the document says of the route.
#[track_caller]
fn assert_described(path: &str, method: &str, status: u16, answer: &Value) {
    let document = document();
    let operation = &document["paths"][path][method];
    let response = resolve(&document, &operation["responses"][status.to_string()]);
    assert!(response.is_object(), "{method} {path} does not tell of status {status}: {answer}");
    let content = response["content"].as_object().unwrap().values().next().unwrap();
    let violation = violation(&document, &content["schema"], answer);
    assert_eq!(violation, None, "{method} {path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_every_description_is_routed() {
    let world = World::new().await;
    let issuer = world.open().await;
    let router = router(&Service::new(vec![issuer.clone()], Access::Open));
    assert_eq!(routed(&router), documented());

    // And each method of each.
    let office = Office::open(issuer).await;
    for path in documented() {
        let described = &document()["paths"][&path];
        let asked = match path.as_str() {
            "/docs/{file}" => "/docs/docs.js".to_owned(),
            path => path.replace('{', "x-").replace('}', ""),
        };
        for method in METHODS {
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let status = office.request(verb, &asked).send().await.unwrap().status();
            assert_eq!(described[method].is_object(), status != 405, "{method} {path}: {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_example_is_as_its_schema_says() {
    fn walk(document: &Value, value: &Value, examples: &mut usize) {
        if let Some(reference) = value["$ref"].as_str() {
            let found = document.pointer(reference.trim_start_matches('#'));
            assert!(found.is_some(), "{reference} leads nowhere");
        }
        if let (Some(schema), Some(example)) = (value.get("schema"), value.get("example")) {
            assert_eq!(violation(document, schema, example), None, "{example}");
            *examples += 1;
        }
        match value {
            Value::Object(members) => {
                members.values().for_each(|member| walk(document, member, examples));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item, examples)),
            _ => {}
        }
    }
    let document = document();
    let mut examples = 0;
    walk(&document, &document, &mut examples);
    assert!(examples > 30, "only {examples} examples were found");
    assert_eq!(document["openapi"], "3.1.0");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            let names = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let described: Vec<_> = parameters
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(names.collect::<Vec<_>>(), described, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_is_described() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (status, issued) = office.post("/credentials/issue", &order()).await;
    assert_described("/credentials/issue", "post", status, &issued);
    let uuid = issued["verifiableCredential"]["id"].as_str().unwrap().replace("urn:uuid:", "");
    let reason = json!({ "reason": "disciplinary-action" });
    for (action, body) in [
        ("suspend", &reason),
        ("reinstate", &json!({ "reason": "resolved" })),
        ("renew", &json!({})),
        ("suspend", &reason),
    ] {
        let (status, answer) = office.post(&format!("/credentials/{uuid}/{action}"), body).await;
        assert_described(&format!("/credentials/{{id}}/{action}"), "post", status, &answer);
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
        assert_described(described, "get", status, &answer);
    }
    for (path, body) in [
        ("/credentials/issue", json!({})),
        ("/credentials/status", json!({})),
        ("/status-lists/publish", json!({})),
        ("/preview", crate::world::practitioner()),
        ("/api-keys", json!({ "name": "Desk" })),
    ] {
        let (status, answer) = office.post(path, &body).await;
        assert_described(path, "post", status, &answer);
    }
}
