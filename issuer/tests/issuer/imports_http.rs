//! Imports over HTTP: sending a file, watching it, and what is refused.

use attestry_service::Role;
use attestry_service::http::RequestLimits;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::http::{Office, api_key, read};
use crate::imports::{HEADER, bundle, row};
use crate::world::World;

const CSV: &str = "/imports?schema=ProviderCredential/1";
const TEXT_CSV: &str = "text/csv";

async fn send(office: &Office, path: &str, kind: &str, body: impl Into<String>) -> Response {
    let request = office.request(Method::POST, path).header("content-type", kind);
    request.body(body.into()).send().await.unwrap()
}

async fn ended(office: &Office, location: &str) -> Value {
    loop {
        let (status, import) = office.get(location).await;
        assert_eq!(status, 200, "{import}");
        if import["state"] == "finished" {
            return import;
        }
        tokio::task::yield_now().await;
    }
}

async fn text(office: &Office, path: &str) -> (String, String) {
    let response = office.request(Method::GET, path).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, response.text().await.unwrap())
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_is_sent_watched_and_mended() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let bad = row("Bo Secret", "row-2").replace("1234567893", "12345");
    let file = format!("{HEADER}\r\n{}{bad}", row("Alma Reyes", "row-1"));
    let sent = send(&office, CSV, TEXT_CSV, file.clone()).await;
    assert_eq!(sent.status(), 202);
    let path = location(&sent);
    let import = ended(&office, &path).await;
    for (member, expected) in [("records", 2), ("done", 2), ("issued", 1), ("failed", 1)] {
        assert_eq!(import[member], expected, "{import}");
    }
    assert_eq!(import["schema"], "ProviderCredential/1");

    let (kind, errors) = text(&office, &format!("{path}/errors")).await;
    assert_eq!(kind, "application/x-ndjson");
    let expected = json!({"line": 3, "column": "npi", "rule": "is not an NPI: not ten digits"});
    assert_eq!(serde_json::from_str::<Value>(&errors).unwrap(), expected);
    let table = office.request(Method::GET, &format!("{path}/errors")).header("accept", TEXT_CSV);
    let table = table.send().await.unwrap().text().await.unwrap();
    assert_eq!(table, "line,column,rule\r\n3,\"npi\",\"is not an NPI: not ten digits\"\r\n");
    assert!(!errors.contains("12345") && !errors.contains("Secret"));

    let failed = office.request(Method::GET, &format!("{path}/failed")).send().await.unwrap();
    assert_eq!(failed.headers()["content-disposition"], "attachment; filename=\"failed.csv\"");
    let failed = failed.text().await.unwrap();
    assert_eq!(failed, format!("{HEADER}\r\n{bad}"));
    let mended = failed.replace("12345", "1234567893");
    let sent = send(&office, CSV, TEXT_CSV, mended).await;
    assert_eq!(ended(&office, &location(&sent)).await["issued"], 1);

    let again = send(&office, CSV, TEXT_CSV, file).await;
    assert_eq!((again.status().as_u16(), location(&again)), (200, path.clone()));
    let rerun = send(&office, &format!("{path}/rerun"), TEXT_CSV, "").await;
    assert_eq!(rerun.status(), 202);
    assert_eq!(ended(&office, &location(&rerun)).await["failed"], 1);

    let discarded = office.request(Method::DELETE, &format!("{path}/failed")).send().await.unwrap();
    assert_eq!(discarded.status(), 204);
    assert_eq!(text(&office, &format!("{path}/failed")).await.1, format!("{HEADER}\r\n"));
    let (status, problem) = office.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:attestry:problem:not-possible")));
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_listed_page_by_page() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let mut sent = Vec::new();
    for name in ["a", "b", "c"] {
        let response = send(&office, CSV, TEXT_CSV, format!("{HEADER}\n{}", row(name, name))).await;
        sent.push(location(&response));
        ended(&office, &location(&response)).await;
        world.advance(1);
    }
    let (_, first) = office.get("/imports?limit=2").await;
    let next = first["next"].as_str().unwrap();
    let (_, second) = office.get(&format!("/imports?limit=2&after={next}")).await;
    assert!(second.get("next").is_none());
    let pages = [&first["imports"], &second["imports"]];
    let listed = pages.iter().flat_map(|page| page.as_array().unwrap());
    let listed: Vec<String> =
        listed.map(|import| format!("/imports/{}", import["id"].as_str().unwrap())).collect();
    sent.reverse();
    assert_eq!(listed, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_is_taken_and_files_may_be_larger_than_other_bodies() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (kind, template) = text(&office, "/imports/template?schema=ConsentGrant/1").await;
    assert!(kind.starts_with("text/csv") && template.starts_with("scope,default_decision,study,"));

    let fhir = send(&office, "/imports", "application/fhir+json", bundle().to_string()).await;
    let import = ended(&office, &location(&fhir)).await;
    assert_eq!((&import["issued"], &import["failed"]), (&json!(2), &json!(1)));
    let (kind, failed) = text(&office, &format!("{}/failed", location(&fhir))).await;
    assert_eq!(kind, "application/fhir+json");
    assert_eq!(serde_json::from_str::<Value>(&failed).unwrap()["resourceType"], "Bundle");

    // Each line is too short to be a resource and too many make the file long.
    let line = format!("{}\n", json!({ "resource": { "id": "x".repeat(60_000) } }));
    let usual = RequestLimits::default().body_bytes;
    let large = line.repeat(usual / line.len() + 2);
    assert!(large.len() > usual);
    let sent = send(&office, "/imports", "application/x-ndjson", large).await;
    assert_eq!(sent.status(), 202);
    let import = ended(&office, &location(&sent)).await;
    assert_eq!(import["failed"], import["records"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_as_a_whole_is_refused_with_its_place_and_without_its_content() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let rows = format!("{HEADER}\n{}", row("Alma Reyes", "row-1"));
    let formula = "kind,npi,name,=cmd|' /C calc'!A0\nlicence,1,Alma,2\n";
    let cases = [
        (CSV, TEXT_CSV, formula, 422, "invalid-file"),
        (CSV, TEXT_CSV, "Alma,1234567893\nBo,1\n", 422, "invalid-file"),
        (CSV, TEXT_CSV, "", 422, "invalid-file"),
        (CSV, "text/csv; charset=iso-8859-1", &rows, 415, "unsupported-media-type"),
        (CSV, "application/json", &rows, 415, "unsupported-media-type"),
        ("/imports", TEXT_CSV, &rows, 400, "invalid-request"),
        ("/imports?schema=Alma/1", TEXT_CSV, &rows, 400, "invalid-request"),
        ("/imports?shcema=ProviderCredential/1", TEXT_CSV, &rows, 400, "invalid-request"),
        (CSV, "application/x-ndjson", &rows, 400, "invalid-request"),
        ("/imports", "application/fhir+json", "{\"Alma\"", 400, "malformed-json"),
        ("/imports", "application/fhir+json", "{\"Alma\":1}", 422, "invalid-content"),
    ];
    for (path, kind, body, status, name) in cases {
        let response = send(&office, path, kind, body).await;
        let (found, problem) = read(response).await;
        assert_eq!(
            (found, &problem["type"]),
            (status, &json!(format!("urn:attestry:problem:{name}"))),
            "{body}"
        );
        assert!(!problem.to_string().contains("Alma"), "{problem}");
    }
    let refused = office.request(Method::POST, CSV).header("content-type", TEXT_CSV);
    let latin = b"kind,npi,name\nlicence,1,Jos\xe9\n".to_vec();
    let (status, problem) = read(refused.body(latin).send().await.unwrap()).await;
    assert_eq!((status, &problem["type"]), (422, &json!("urn:attestry:problem:invalid-file")));
    assert!(problem["detail"].as_str().unwrap().starts_with("line 2: is not UTF-8"));

    let unknown = "/imports/00000000000000000000000000000000";
    for path in [unknown, "/imports/alma", &format!("{unknown}/errors")] {
        assert_eq!(office.get(path).await.0, 404, "{path}");
    }
    let anonymous = office.anonymous(Method::POST, CSV).header("content-type", TEXT_CSV);
    assert_eq!(anonymous.body(rows.clone()).send().await.unwrap().status(), 401);
    assert_eq!(office.get("/imports").await.1["imports"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_watch_imports_and_registrars_make_them() {
    let world = World::new().await;
    let issuer = world.open().await;
    let office = Office::open(issuer.clone()).await;
    let file = format!("{HEADER}\n{}", row("Alma Reyes", "row-1"));
    let path = location(&send(&office, CSV, TEXT_CSV, file.clone()).await);
    ended(&office, &path).await;
    let cases = [
        (Method::GET, "/imports".to_owned(), [200, 200, 403]),
        (Method::GET, path.clone(), [200, 200, 403]),
        (Method::GET, format!("{path}/errors"), [200, 200, 403]),
        (Method::GET, format!("{path}/failed"), [200, 403, 403]),
        (Method::POST, CSV.to_owned(), [200, 403, 403]),
        (Method::POST, format!("{path}/cancel"), [409, 403, 403]),
    ];
    for (column, role) in [Role::Registrar, Role::Reviewer, Role::Auditor].into_iter().enumerate() {
        let key = api_key(&issuer, issuer.tenant(), &[role]).await;
        for (method, path, expected) in &cases {
            let request = office.anonymous(method.clone(), path).bearer_auth(&key);
            let request = request.header("content-type", TEXT_CSV).body(file.clone());
            let status = request.send().await.unwrap().status();
            assert_eq!(status, expected[column], "{role} {method} {path}");
        }
    }
}
