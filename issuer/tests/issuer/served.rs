//! What is served beside the credentials: other tenants, DIDs, contexts, the page, metrics.

use attestry_credential::schema::Schema;
use attestry_credential::vcdm::schema_url;
use attestry_ledger::{Account, EthrDid};
use attestry_service::{Role, TenantId};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::http::{Office, api_key, order, read};
use crate::imports::{HEADER, row};
use crate::world::{World, practitioner};

async fn text(office: &Office, path: &str) -> (String, String) {
    let response = office.anonymous(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let media_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    (media_type, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_share_a_listener_and_nothing_else() {
    let mut world = World::new().await;
    let texas = world.tenant("texas").await;
    let texan = api_key(&texas, texas.tenant(), &[Role::Registrar]).await;
    let office = Office::open_as(vec![world.open().await, texas.clone()], |_| {}).await;
    let ask = |method: Method, path: &str| office.anonymous(method, path).bearer_auth(&texan);

    let issue = ask(Method::POST, "/t/texas/credentials/issue").json(&order());
    let response = issue.send().await.unwrap();
    let (status, issued) = read(response).await;
    assert_eq!(status, 201, "{issued}");
    let credential = &issued["verifiableCredential"];
    assert_eq!(credential["issuer"], texas.did());
    let list = credential["credentialStatus"]["statusListCredential"].as_str().unwrap();
    let list = list.strip_prefix(crate::world::PUBLIC_URL).unwrap();
    assert_eq!(office.anonymous(Method::GET, list).send().await.unwrap().status(), 200);

    let uuid = credential["id"].as_str().unwrap().replace("urn:uuid:", "");
    let own = ask(Method::GET, &format!("/t/texas/credentials/{uuid}")).send().await.unwrap();
    assert_eq!(own.status(), 200);
    // The default tenant has no such credential, and neither tenant's key opens the other's door.
    let (status, problem) = office.get(&format!("/credentials/{uuid}")).await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:attestry:problem:unknown")));
    let strange = ask(Method::GET, &format!("/credentials/{uuid}")).send().await.unwrap();
    let (status, problem) = read(strange).await;
    assert_eq!((status, &problem["type"]), (403, &json!("urn:attestry:problem:wrong-tenant")));
    let (status, _) = office.get(&format!("/t/texas/credentials/{uuid}")).await;
    assert_eq!(status, 403);
    assert_eq!(office.get("/t/ohio/healthz").await.0, 404);
    // A registrar has no business with keys.
    assert_eq!(ask(Method::GET, "/t/texas/api-keys").send().await.unwrap().status(), 403);

    let (_, metrics) = text(&office, "/metrics").await;
    let counted = r#"route="/credentials/issue",status="2xx",tenant="texas""#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_names_is_there_for_every_tenant() {
    let mut world = World::new().await;
    let texas = world.tenant("texas").await;
    let texan = api_key(&texas, texas.tenant(), &Role::ALL).await;
    let office = Office::open_as(vec![world.open().await, texas.clone()], |_| {}).await;
    for (tenant, key) in [(TenantId::default(), office.key()), (texas.tenant().clone(), &texan)] {
        let ask = |method, path: &str| office.anonymous(method, path).bearer_auth(key);
        let send = async |path: &str, request: RequestBuilder| {
            let sent = request.send().await.unwrap();
            assert!(sent.status().is_success(), "{tenant} {path}: {}", sent.status());
            let location = sent.headers()[LOCATION].to_str().unwrap().to_owned();
            (location, sent.json::<Value>().await.unwrap())
        };
        let make = async |path: &str, body: Value| {
            let path = format!("{}{path}", tenant.path());
            send(&path, ask(Method::POST, &path).json(&body)).await
        };
        let (credential, issued) = make("/credentials/issue", order()).await;
        let id = &issued["verifiableCredential"]["id"];
        let bulk = json!({ "reason": "disciplinary-action", "credentialIds": [id] });
        let (proposal, _) = make("/revocations", bulk).await;
        let (offer, _) = make("/offers", json!({ "resource": practitioner() })).await;
        let imports = format!("{}/imports?schema=ProviderCredential/1", tenant.path());
        let roster = format!("{HEADER}\r\n{}", row("Alma Reyes", "row-1"));
        let import = ask(Method::POST, &imports).header(CONTENT_TYPE, "text/csv").body(roster);
        let (import, _) = send(&imports, import).await;
        for path in [credential, proposal, offer, import] {
            let found = ask(Method::GET, &path).send().await.unwrap();
            assert_eq!(found.status(), 200, "{path}");
        }
        // A key is named to be revoked.
        let new =
            json!({ "name": "desk", "roles": ["auditor"], "expiresAt": "2027-01-01T00:00:00Z" });
        let (location, _) = make("/api-keys", new).await;
        let revoked = ask(Method::DELETE, &location).send().await.unwrap();
        assert_eq!(revoked.status(), 204, "{location}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dids_are_resolved_as_the_universal_resolver_has_it() {
    let world = World::new().await;
    let issuer = world.open().await;
    let office = Office::open(issuer.clone()).await;
    let ask = async |did: &str, accept: Option<&str>| {
        let request = office.anonymous(Method::GET, &format!("/1.0/identifiers/{did}"));
        let request = match accept {
            Some(accept) => request.header(ACCEPT, accept),
            None => request,
        };
        let response = request.send().await.unwrap();
        let media_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let (status, body) = read(response).await;
        (status, media_type, body)
    };
    let (status, media_type, result) = ask(issuer.did(), None).await;
    assert_eq!(status, 200);
    assert_eq!(media_type, "application/ld+json;profile=\"https://w3id.org/did-resolution\"");
    assert_eq!(result["didDocument"]["id"], issuer.did());
    assert_eq!(result["didResolutionMetadata"]["contentType"], "application/did+ld+json");
    assert!(result["didDocumentMetadata"]["updated"].is_string(), "{result}");
    let (_, media_type, document) = ask(issuer.did(), Some("application/did+ld+json")).await;
    assert_eq!(
        (media_type.as_str(), &document),
        ("application/did+ld+json", &result["didDocument"])
    );
    let (_, media_type, plain) = ask(issuer.did(), Some("application/did+json")).await;
    assert_eq!((media_type.as_str(), &plain["@context"]), ("application/did+json", &Value::Null));

    let key = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
    let (status, _, result) = ask(key, None).await;
    assert_eq!((status, &result["didDocument"]["id"]), (200, &json!(key)));

    let elsewhere = "did:ethr:0x1:0x0000000000000000000000000000000000000001";
    for (did, accept, expected, word) in [
        ("nothing", None, 400, "invalidDid"),
        ("did:ethr:0x1:0x12", None, 400, "invalidDid"),
        ("did:key:zNothing", None, 400, "invalidDid"),
        ("did:ethr:%3Cscript%3E", None, 400, "invalidDid"),
        (elsewhere, None, 404, "notFound"),
        ("did:web:board.example", None, 501, "methodNotSupported"),
        (issuer.did(), Some("text/html"), 406, "representationNotSupported"),
    ] {
        let (status, _, result) = ask(did, accept).await;
        let error = &result["didResolutionMetadata"]["error"];
        assert_eq!((status, error), (expected, &json!(word)), "{did}");
        assert_eq!(result["didDocument"], Value::Null);
    }

    let leaver = Account::from_bytes(&[7; 32]).unwrap();
    let identities = world.registry.identities();
    identities.deactivate(&leaver, leaver.address()).await.unwrap();
    let did: EthrDid = identities.did(leaver.address()).await.unwrap();
    let (status, _, result) = ask(&did.to_string(), None).await;
    assert_eq!((status, &result["didDocumentMetadata"]["deactivated"]), (410, &json!(true)));

    drop(office);
    let away = Office::open(world.open_on(world.unreachable()).await.unwrap()).await;
    let (status, result) = away.get(&format!("/1.0/identifiers/{}", issuer.did())).await;
    let error = &result["didResolutionMetadata"]["error"];
    assert_eq!((status, error), (503, &json!("internalError")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_documents_name_is_served() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let (media_type, context) = text(&office, "/contexts/credentials-v1.jsonld").await;
    assert_eq!(media_type, "application/ld+json");
    assert!(serde_json::from_str::<Value>(&context).unwrap()["@context"].is_object());
    for schema in Schema::ALL {
        let name = schema_url(schema).rsplit('/').next().unwrap();
        let (media_type, document) = text(&office, &format!("/schemas/{name}")).await;
        assert_eq!(media_type, "application/schema+json");
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["$id"], schema_url(schema));
    }
    assert_eq!(office.get("/schemas/..%2F..%2FCargo.toml").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_runs_nothing_from_elsewhere() {
    let world = World::new().await;
    let office = Office::open(world.open().await).await;
    let page = office.anonymous(Method::GET, "/docs").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = page.text().await.unwrap();
    // Everything that the page names is served here, and nothing of it is inline.
    let named = page.split(['"']).filter(|text| text.starts_with('/'));
    let mut files = 0;
    for path in named {
        assert!(!text(&office, path).await.1.is_empty());
        files += 1;
    }
    assert_eq!(files, 3);
    assert!(!page.contains("<script>") && !page.contains("<style") && !page.contains("http"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_can_have_a_listener_of_their_own() {
    let world = World::new().await;
    let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = own.local_addr().unwrap();
    let issuer = world.open().await;
    let office = Office::open_as(vec![issuer], |service| service.hosting.metrics = Some(own)).await;
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    assert_eq!(office.get("/metrics").await.0, 404);
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "attestry_ledger_reachable{tenant=\"default\"} 1",
        "attestry_pending_status_changes{tenant=\"default\"} 0",
        r#"http_requests_total{method="POST",route="/credentials/issue",status="2xx",tenant="default"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let elsewhere = reqwest::get(format!("http://{address}/healthz")).await.unwrap();
    assert_eq!(elsewhere.status(), 404);
}
