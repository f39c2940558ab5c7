//! The verifier service killed at any moment of checking files: no holder is accepted twice in a
//! scope, and no acceptance that was told is lost. On PostgreSQL two replicas work at once, and are
//! killed at once.

use attestry_credential::presentation::{ClientId, PresentationRequest, PresentationResponse};
use attestry_service::DatabaseUrl;
use attestry_service::testing::TestDatabase;
use futures_util::StreamExt;
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

use crate::binary::{Service, last_json, run};
use crate::crowd::{Crowd, now};
use crate::{KILLS, free_port};

/// Holders who answer in each life of the service.
const HOLDERS: u32 = 24;

/// How often each holder of each life was told to be accepted.
type Books = Arc<Mutex<BTreeMap<(u64, String), u32>>>;

/// A file of answers as the service takes it.
fn file(request: &PresentationRequest, answers: &[PresentationResponse]) -> String {
    let mut lines = json!({ "request": request, "countOnce": true }).to_string();
    for (holder, answer) in answers.iter().enumerate() {
        let line = json!({ "id": holder.to_string(), "presentation": answer });
        lines.push('\n');
        lines.push_str(&line.to_string());
    }
    lines
}

/// Sends a file and notes what is said of each line, until the service dies.
async fn send(client: Client, base: String, file: String, life: u64, books: Books) -> Vec<Value> {
    let request = client.post(format!("{base}/presentations/verify-batch"));
    let request = request.header("content-type", "application/x-ndjson").body(file);
    let mut said = Vec::new();
    let Ok(response) = request.send().await else { return said };
    assert_eq!(response.status(), 200);
    let mut body = response.bytes_stream();
    let mut text = Vec::new();
    while let Some(Ok(bytes)) = body.next().await {
        text.extend_from_slice(&bytes);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line: Value = serde_json::from_slice(&line).unwrap();
            if line["verified"] == true {
                let holder = line["id"].as_str().unwrap().to_owned();
                *books.lock().unwrap().entry((life, holder)).or_default() += 1;
            }
            said.push(line);
        }
    }
    said
}

fn start(data: &Path, ledger: &str, port: &str, database: Option<&str>) -> Service {
    let listen = format!("127.0.0.1:{port}");
    let mut service = vec!["verifier", "serve", "--open", "--listen", &listen, "--ledger", ledger];
    service.extend(database.iter().flat_map(|url| ["--database", url]));
    Service::start(data, &service)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_is_killed_again_and_again_accepts_nobody_twice_and_loses_no_acceptance() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let chain = Service::start(data, &["ledger", "serve", "--listen", "127.0.0.1:0"]);
    let crowd = Crowd::gather(data, &chain.url).await;
    let key = run(data, &["verifier", "init", "--ledger", &chain.url]);
    let client_id: ClientId = key["clientId"].as_str().unwrap().parse().unwrap();
    let now = now();

    let database = TestDatabase::configured().await;
    let mut ports = vec![free_port()];
    let database = match &database.url {
        DatabaseUrl::Postgres(url) => {
            ports.push(free_port());
            Some(url.as_str())
        }
        DatabaseUrl::Sqlite(_) => None,
    };
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let books = Books::default();
    let mut files = Vec::new();
    for life in 0..u64::from(KILLS) {
        let request = crowd.request(&client_id, life, now);
        let answers = crowd.answers(&request, HOLDERS, now).await;
        files.push(file(&request, &answers));
        let services: Vec<Service> =
            ports.iter().map(|port| start(data, &chain.url, port, database)).collect();
        // The same file twice at once: whose line comes first is accepted.
        let mut work = JoinSet::new();
        for copy in 0..2 {
            let base = format!("http://127.0.0.1:{}", ports[copy % ports.len()]);
            let file = files[life as usize].clone();
            work.spawn(send(client.clone(), base, file, life, Arc::clone(&books)));
        }
        // Early and late in the work, in no step with it.
        tokio::time::sleep(Duration::from_millis(1 + life * 7 % 90)).await;
        drop(services);
        while work.join_next().await.is_some() {}
    }

    let told = books.lock().unwrap().clone();
    let _service = start(data, &chain.url, &ports[0], database);
    let base = format!("http://127.0.0.1:{}", ports[0]);
    for (life, file) in (0..).zip(&files) {
        let said = send(client.clone(), base.clone(), file.clone(), life, Arc::clone(&books)).await;
        let (summary, lines) = said.split_last().unwrap();
        assert_eq!(summary["summary"]["checked"], HOLDERS, "{summary}");
        for line in lines {
            let holder = line["id"].as_str().unwrap();
            match line["verified"] == true {
                true => assert!(!told.contains_key(&(life, holder.to_owned())), "lost: {line}"),
                false => assert_eq!(line["reason"], "already-counted", "{line}"),
            }
        }
    }
    let books = books.lock().unwrap();
    assert!(books.values().all(|times| *times == 1), "a holder was accepted twice");
    assert!(!told.is_empty() && told.len() < (KILLS * HOLDERS) as usize, "{}", told.len());

    // What was decided is in the audit log, which is whole.
    let log = data.join("audit.json");
    let mut export = crate::binary::attestry(data);
    export.args(["audit", "export", "--service", "verifier", "--output"]).arg(&log);
    export.args(database.iter().flat_map(|url| ["--database", url]));
    assert!(export.output().unwrap().status.success());
    let mut verify = crate::binary::attestry(data);
    let verified = last_json(&verify.args(["audit", "verify"]).arg(&log).output().unwrap());
    assert!(
        verified["entries"].as_u64().is_some_and(|entries| entries >= KILLS.into()),
        "{verified}"
    );
}
