//! The OpenAPI document and the routes say the same.

use attestry_credential::policy::Disclosed;
use attestry_service::TenantId;
use attestry_service::testing::OpenApi;
use attestry_verifier::http::{Access, OPENAPI, Service as Served, router};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::http::{Service, form_of, state_of, which_state};
use crate::world::{HOOK, only};

/// A service whose answers are held against the document.
struct Described {
    service: Service,
    document: OpenApi,
}

impl Described {
    async fn new() -> Self {
        Self { service: Service::new().await, document: OpenApi::new(OPENAPI) }
    }

    /// Asks for something; `route` is what the document calls it.
    async fn ask(&self, method: Method, route: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.service.base);
        let request = self.service.client.request(method.clone(), url);
        let request = if method == Method::GET { request } else { request.json(body) };
        let answer = request.send().await.unwrap();
        self.check(method.as_str(), route, answer).await
    }

    async fn check(&self, method: &str, route: &str, answer: Response) -> Value {
        let status = answer.status().as_u16();
        if status == 204 {
            return Value::Null;
        }
        let answer = answer.json().await.unwrap();
        self.document.assert_answer(route, &method.to_lowercase(), status, &answer);
        answer
    }

    async fn get(&self, route: &str, path: &str) -> Value {
        self.ask(Method::GET, route, path, &Value::Null).await
    }

    async fn post(&self, route: &str, body: &Value) -> Value {
        self.ask(Method::POST, route, route, body).await
    }

    async fn respond(&self, request: &str, form: String) -> Value {
        let uri = format!("{}/oid4vp/responses/{request}", self.service.base);
        let answer = self.service.post_form(&uri, form).await;
        self.check("post", "/oid4vp/responses/{id}", answer).await
    }
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[test]
fn every_reference_leads_somewhere_and_every_example_is_as_its_schema_says() {
    OpenApi::new(OPENAPI).assert_sound(60);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_every_description_is_routed() {
    let service = Service::new().await;
    let webhooks = service.world.webhooks(&TenantId::default()).await;
    let verifier = service.world.verifier.clone().telling(webhooks);
    let router = router(&Served::new(vec![verifier], Access::Open));
    let status = async |method, path| {
        let asked = service.client.request(method, format!("{}{path}", service.base));
        asked.send().await.unwrap().status().as_u16()
    };
    OpenApi::new(OPENAPI).assert_routed(&router, status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_in_sessions_is_what_is_described() {
    const SESSION: &str = "/presentations/{id}";
    let described = Described::new().await;
    let world = &described.service.world;
    let outcome =
        async |session: &str| described.get(SESSION, &format!("/presentations/{session}")).await;
    let mut body = which_state();
    body["redirect_uri"] = json!("https://clinic.example/back");
    for (body, forged) in [(state_of("TX"), false), (body, true)] {
        let (session, request) = described.service.open(&body).await;
        assert_eq!(outcome(&session).await["status"], "pending");
        let mut answer = world.answer(&world.nurse(4), &request).await;
        if forged {
            only(&mut answer).parts.disclosed = Disclosed::none().with("jurisdiction", "FL");
        }
        let state = request.request_id.as_str();
        let told = described.respond(state, "vp_token=1".to_owned()).await;
        assert_eq!(told["verified"], false);
        let told = described.respond(state, form_of(&answer)).await;
        assert!(told["receipt"].is_string());
        assert_eq!(told["redirect_uri"].is_string(), forged);
        described.respond(state, form_of(&answer)).await;
        // Of a session with a redirect, without and with the code.
        outcome(&session).await;
        if let Some(redirect) = told["redirect_uri"].as_str() {
            let code = redirect.split("response_code=").nth(1).unwrap();
            outcome(&format!("{session}?response_code={code}")).await;
        }
        let path = format!("/presentations/{session}");
        described.ask(Method::DELETE, SESSION, &path, &Value::Null).await;
    }
    let (session, request) = described.service.open(&state_of("TX")).await;
    let path = format!("/presentations/{session}");
    described.ask(Method::DELETE, SESSION, &path, &Value::Null).await;
    let state = request.request_id.as_str();
    described.respond(state, "error=access_denied".to_owned()).await;
    described.get("/oid4vp/requests/{id}", &format!("/oid4vp/requests/{state}")).await;
    let key = world.nurse(4).withdrawal_key(&request.scope());
    described.post("/withdrawals", &json!({ "withdrawal_key": key })).await;
    for body in [
        state_of("TX"),
        json!({}),
        json!({ "policy": "none", "purpose": "hire" }),
        json!({ "policy": "licensed-in-state", "purpose": "hire" }),
    ] {
        described.post("/presentations", &body).await;
    }
    for (route, path) in [
        (SESSION, "/presentations/none"),
        ("/presentations/{id}/qr.svg", "/presentations/none/qr.svg"),
        ("/presentations/{id}/events", "/presentations/none/events"),
        ("/oid4vp/requests/{id}", "/oid4vp/requests/none"),
        ("/receipt-key", "/receipt-key"),
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
        ("/openapi.json", "/openapi.json"),
        ("/api-keys", "/api-keys"),
        ("/audit", "/audit"),
        ("/audit", "/audit?limit=x"),
        ("/audit/head", "/audit/head"),
    ] {
        described.get(route, path).await;
    }
    let key = json!({ "name": "desk", "roles": ["verifier"], "expiresAt": "2028-01-01T00:00:00Z" });
    for body in [&key, &key, &json!({})] {
        described.post("/api-keys", body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_to_checks_is_what_is_described() {
    let described = Described::new().await;
    let world = &described.service.world;
    let (_, request) = described.service.open(&which_state()).await;
    let answer = world.answer(&world.nurse(4), &request).await;
    let presentations = serde_json::to_value(&answer.presentations).unwrap();
    described.document.assert_is("PresentationRequest", &json!(request));
    described.document.assert_is("PresentationResponse", &json!(answer));
    described.document.assert_is("Presentation", &presentations["q1"]);
    let mut altered = answer.clone();
    only(&mut altered).parts.now -= 1;
    let options = json!({ "request": request });
    for (answer, verified) in [(&answer, true), (&altered, false)] {
        let body = json!({ "verifiablePresentation": answer, "options": options });
        let verdict = described.post("/presentations/verify", &body).await;
        assert_eq!(verdict["verified"], verified);
        for error in verdict["errors"].as_array().unwrap() {
            described.document.assert_is("Problem", error);
        }
    }
    let unsigned = json!({ "@context": ["https://www.w3.org/ns/credentials/v2"] });
    for (path, member) in [
        ("/credentials/verify", "verifiableCredential"),
        ("/presentations/verify", "verifiablePresentation"),
    ] {
        let verdict = described.post(path, &json!({ member: unsigned })).await;
        assert_eq!(verdict["verified"], false);
        described.post(path, &json!({})).await;
    }

    let header = json!({ "request": request, "countOnce": true });
    described.document.assert_is("BatchHeader", &header);
    let mut file = format!("{header}\n");
    for (id, answer) in [("a", &answer), ("b", &altered), ("c", &answer)] {
        let line = json!({ "id": id, "presentation": answer });
        described.document.assert_is("BatchLine", &line);
        file.push_str(&format!("{line}\n"));
    }
    file.push_str(&format!("no item\n{}", "x".repeat(300 * 1024)));
    let url = format!("{}/presentations/verify-batch", described.service.base);
    let request = described.service.client.post(url).body(file);
    let answers = request.header("content-type", "application/x-ndjson").send().await.unwrap();
    let answers = answers.text().await.unwrap();
    let answers: Vec<Value> =
        answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, lines) = answers.split_last().unwrap();
    assert_eq!(lines.len(), 4);
    lines.iter().for_each(|line| described.document.assert_is("BatchAnswer", line));
    described.document.assert_is("BatchSummary", summary);
    assert!(summary["error"].is_object());
    described.post("/presentations/verify-batch", &json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_of_policies_and_studies_is_what_is_described() {
    const POLICY: &str = "/policies/{id}";
    const VERSION: &str = "/policies/{id}/{version}";
    let described = Described::new().await;
    let document = |version: u32| {
        json!({
            "id": "enrol", "version": version, "title": "May be enrolled",
            "schema": "ProviderCredential/1",
            "require": [{ "claim": "status", "op": "eq", "value": "active" }]
        })
    };
    for version in [1, 1, 2, 7] {
        described.post("/policies", &json!({ "policy": document(version) })).await;
    }
    let mut dangerous = document(1);
    dangerous["id"] = "dangerous".into();
    dangerous["require"] = json!([{ "claim": "npi_hash", "op": "eq", "reveal": true }]);
    let refused = described.post("/policies", &json!({ "policy": dangerous })).await;
    assert_ne!(refused.get("status"), None, "{refused}");
    for (route, path) in [
        ("/policies", "/policies?limit=3"),
        ("/policies", "/policies?limit=x"),
        (POLICY, "/policies/enrol"),
        (POLICY, "/policies/enrol?version=1"),
        (POLICY, "/policies/none"),
        ("/policies/{id}/versions", "/policies/enrol/versions"),
        (VERSION, "/policies/enrol/2"),
        (VERSION, "/policies/enrol/3"),
    ] {
        described.get(route, path).await;
    }

    const STUDY: &str = "/studies/{id}";
    let asked = json!({ "name": "Sleep", "purpose": "May you?", "policy": "enrol@1",
        "exports_few": true });
    let study = described.post("/studies", &asked).await;
    let at = |rest: &str| format!("/studies/{}{rest}", id(&study));
    let session = at("/sessions");
    let opened = described.ask(Method::POST, "/studies/{id}/sessions", &session, &json!({})).await;
    let asked = described.service.fetch(opened["deep_link"].as_str().unwrap()).await;
    let request = asked.presentation_request().unwrap();
    let world = &described.service.world;
    let answer = world.answer(&world.nurse(4), &request).await;
    described.respond(request.request_id.as_str(), form_of(&answer)).await;
    let exported = described.service.get(&at("/export")).await.text().await.unwrap();
    let lines: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [participant, summary] = lines.as_slice() else { panic!("{exported}") };
    described.document.assert_is("Participant", participant);
    assert_eq!(summary["summary"]["participants"], 1);
    for (route, path) in [
        ("/studies", "/studies".to_owned()),
        (STUDY, at("")),
        (STUDY, "/studies/none".to_owned()),
        ("/studies/{id}/cohort", at("/cohort")),
        ("/studies/{id}/cohort", at("/cohort?epoch=x")),
    ] {
        described.get(route, &path).await;
    }
    for (method, part, body) in [
        (Method::PUT, "/policy", json!({ "policy": "enrol@2" })),
        (Method::PUT, "/policy", json!({ "policy": "none" })),
        (Method::POST, "/epochs", json!({})),
        (Method::POST, "/close", json!({})),
        (Method::POST, "/close", json!({})),
        (Method::PUT, "/policy", json!({ "policy": "enrol@1" })),
        (Method::POST, "/epochs", json!({})),
        (Method::POST, "/sessions", json!({})),
    ] {
        described.ask(method, &format!("{STUDY}{part}"), &at(part), &body).await;
    }
    let retired = described.ask(Method::DELETE, VERSION, "/policies/enrol/2", &json!({})).await;
    assert!(retired["retired_at"].is_u64());
    described.post("/presentations", &json!({ "policy": "enrol@2", "purpose": "hire" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_of_webhooks_is_what_is_described() {
    let described = Described::new().await;
    let made = json!({ "url": HOOK, "events": ["session.decided"] });
    let made = described.post("/webhooks", &made).await;
    described.post("/webhooks", &json!({ "url": "http://b.example/", "events": [] })).await;
    described.get("/webhooks", "/webhooks").await;
    for webhook in [id(&made), "none"] {
        let at = |rest: &str| format!("/webhooks/{webhook}{rest}");
        described.ask(Method::POST, "/webhooks/{id}/ping", &at("/ping"), &json!({})).await;
        described.get("/webhooks/{id}/deliveries", &at("/deliveries")).await;
        described.get("/webhooks/{id}/deliveries", &at("/deliveries?limit=0")).await;
        described.ask(Method::DELETE, "/webhooks/{id}", &at(""), &json!({})).await;
    }
}
