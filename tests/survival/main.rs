//! Services killed at any moment, and under hostile traffic. The issuer of issuing, revoking, publishing and importing: nothing
//! acknowledged is lost, and nothing is done twice. On PostgreSQL two replicas work at once, and are
//! killed at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../binary.rs"]
mod binary;
#[path = "../crowd.rs"]
mod crowd;
mod soak;
mod verifier;

use attestry_service::DatabaseUrl;
use attestry_service::testing::TestDatabase;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

use binary::{Service, accredit, registry};

const KILLS: u32 = 25;
/// Requests to issue that each life of the service is sent.
const ISSUED: u32 = 24;
/// Rows of the roster that each life of the service is sent.
const ROWS: u32 = 12;
const HEADER: &str = "kind,npi,name,exclusion_checked_on,holder,external_id";
/// Made up for these tests; no person's.
const PRACTITIONER: &str = include_str!("../../examples/practitioner.json");

/// What the office knows of what it asked for.
#[derive(Default)]
struct Books {
    /// Idempotency keys and the credentials that were acknowledged for them.
    issued: BTreeMap<String, String>,
    /// Credentials whose revocation was asked for.
    asked: BTreeSet<String>,
    /// Credentials whose revocation was acknowledged.
    revoked: BTreeSet<String>,
    /// Imports that were acknowledged, by their number.
    imports: BTreeMap<u32, String>,
}

#[derive(Clone)]
struct Office {
    client: Client,
    /// Where the replicas are.
    bases: Vec<String>,
    holder: String,
    books: Arc<Mutex<Books>>,
}

impl Office {
    /// A request to one of the replicas.
    fn post(&self, replica: u32, path: &str) -> RequestBuilder {
        let base = &self.bases[replica as usize % self.bases.len()];
        self.client.post(format!("{base}{path}"))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.bases[0])).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Issues under a key. None if the service died before it answered.
    async fn issue(&self, replica: u32, key: &str) -> Option<String> {
        let resource: Value = serde_json::from_str(PRACTITIONER).unwrap();
        let order = json!({ "resource": resource, "options": { "holder": self.holder } });
        let request = self.post(replica, "/credentials/issue");
        let request = request.header("idempotency-key", key).json(&order);
        let answer = request.send().await.ok()?;
        assert_eq!(answer.status(), 201);
        let body: Value = answer.json().await.ok()?;
        Some(body["verifiableCredential"]["id"].as_str().unwrap().to_owned())
    }

    async fn revoke(&self, replica: u32, id: &str) -> Option<()> {
        let uuid = id.strip_prefix("urn:uuid:").unwrap();
        self.books.lock().unwrap().asked.insert(id.to_owned());
        let request = self.post(replica, &format!("/credentials/{uuid}/revoke"));
        let answer = request.json(&json!({ "reason": "lapsed" })).send().await.ok()?;
        assert_eq!(answer.status(), 200);
        self.books.lock().unwrap().revoked.insert(id.to_owned());
        Some(())
    }

    /// Publishes. Null if another replica was publishing, so that the ledger refused this one.
    async fn publish(&self, replica: u32) -> Option<Value> {
        let answer = self.post(replica, "/status-lists/publish").send().await.ok()?;
        match answer.status().as_u16() {
            200 => answer.json().await.ok(),
            status => {
                assert!(self.bases.len() > 1 && status == 502, "{status}");
                Some(Value::Null)
            }
        }
    }

    /// Sends a roster of persons who are in no other.
    async fn import(&self, replica: u32, number: u32) -> Option<()> {
        let rows = (0..ROWS).map(|row| {
            let (name, holder) = (format!("Roster{number} Row{row}"), &self.holder);
            format!("exclusion-clear,1234567893,{name},2026-09-01,{holder},{number}-{row}\n")
        });
        let roster = format!("{HEADER}\n{}", rows.collect::<String>());
        let request = self.post(replica, "/imports?schema=ProviderCredential/1");
        let request = request.header("content-type", "text/csv").body(roster);
        let answer = request.send().await.ok()?;
        assert!([200, 202].contains(&answer.status().as_u16()), "{}", answer.status());
        let body: Value = answer.json().await.ok()?;
        let id = body["id"].as_str().unwrap().to_owned();
        self.books.lock().unwrap().imports.insert(number, id);
        Some(())
    }

    /// Works until the service dies: everything at once, as on a busy day.
    async fn work(self, life: u32) {
        let mut tasks = JoinSet::new();
        for request in 0..ISSUED {
            let office = self.clone();
            tasks.spawn(async move {
                let key = format!("{life}-{request}");
                let Some(id) = office.issue(request, &key).await else { return };
                office.books.lock().unwrap().issued.insert(key, id.clone());
                if request % 3 == 0 {
                    office.revoke(request + 1, &id).await;
                }
            });
        }
        for replica in 0..self.bases.len() as u32 {
            let office = self.clone();
            tasks.spawn(async move { while office.publish(replica).await.is_some() {} });
        }
        tasks.spawn(async move {
            self.import(life, life).await;
        });
        while tasks.join_next().await.is_some() {}
    }
}

/// One replica of the service: its data directory and its port.
struct Replica {
    data: PathBuf,
    port: String,
}

/// What all replicas have in common.
struct Board<'a> {
    ledger: &'a str,
    entry: &'a str,
    /// Where documents say that the service is.
    url: &'a str,
    /// The database, if it is not the file in the data directory.
    database: Option<&'a str>,
}

impl Board<'_> {
    fn start(&self, replica: &Replica) -> Service {
        let listen = format!("127.0.0.1:{}", replica.port);
        let mut service = vec!["issuer", "serve", "--open", "--listen", &listen];
        service.extend(["--ledger", self.ledger, "--provider-entry", self.entry]);
        service.extend(["--public-url", self.url]);
        service.extend(self.database.iter().flat_map(|url| ["--database", url]));
        Service::start(&replica.data, &service)
    }
}

/// A port that nobody listens on.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// A data directory with the keys and the deployment of another.
fn copy(data: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("issuer")).unwrap();
    std::fs::copy(data.join("deployment.json"), to.join("deployment.json")).unwrap();
    for file in std::fs::read_dir(data.join("issuer")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join("issuer").join(file.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let chain = Service::start(data, &["ledger", "serve", "--listen", "127.0.0.1:0"]);
    let (_, entry) = accredit(data, &chain.url);
    let mut replicas = vec![Replica { data: data.to_owned(), port: free_port() }];
    let database = TestDatabase::configured().await;
    let database = match &database.url {
        DatabaseUrl::Postgres(url) => {
            copy(data, &data.join("second"));
            replicas.push(Replica { data: data.join("second"), port: free_port() });
            Some(url.as_str())
        }
        DatabaseUrl::Sqlite(_) => None,
    };
    let bases: Vec<String> =
        replicas.iter().map(|replica| format!("http://127.0.0.1:{}", replica.port)).collect();
    let (ledger, url) = (chain.url.as_str(), bases[0].clone());
    let board = Board { ledger, entry: &entry, url: &url, database };

    // The service closes connections when it dies: each request has its own.
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let holder = format!("0x{:064x}", 5);
    let office = Office { client, bases, holder, books: Arc::default() };
    for life in 0..KILLS {
        let services: Vec<Service> = replicas.iter().map(|replica| board.start(replica)).collect();
        let work = tokio::spawn(office.clone().work(life));
        // Early and late in the work, in no step with it.
        let pause = 30 + u64::from(life) * 137 % 1_200;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        drop(services);
        work.await.unwrap();
    }

    let _service = board.start(&replicas[0]);
    let office = Office { bases: vec![url.clone()], ..office };
    // Whoever was not answered asks again, under the same key; so does who was.
    for life in 0..KILLS {
        for request in 0..ISSUED {
            let key = format!("{life}-{request}");
            let id = office.issue(0, &key).await.unwrap();
            let before = office.books.lock().unwrap().issued.insert(key, id.clone());
            assert!(before.is_none_or(|before| before == id), "issued twice under one key");
        }
        office.import(0, life).await.unwrap();
    }
    let imports = office.books.lock().unwrap().imports.clone();
    assert_eq!(imports.len(), KILLS as usize);
    for id in imports.values() {
        let import = loop {
            let import = office.get(&format!("/imports/{id}")).await;
            if import["state"] == "finished" {
                break import;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!((&import["issued"], &import["failed"]), (&json!(ROWS), &json!(0)), "{import}");
    }
    for list in office.publish(0).await.unwrap().as_array().unwrap() {
        assert_eq!(list["unexplained"], 0, "the ledger bars what nobody barred: {list}");
    }

    // One credential for each request and row, each with a bit of its own.
    let mut indices = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = office.get(&format!("/credentials?limit=500{cursor}")).await;
        for item in page["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap().to_owned();
            let kept = office.get(&format!("/credentials/{}", &id["urn:uuid:".len()..])).await;
            let status = &kept["verifiableCredential"]["credentialStatus"];
            let index: u32 = status["statusListIndex"].as_str().unwrap().parse().unwrap();
            assert_eq!(indices.insert(index, id), None, "an index was given twice");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(indices.len() as u32, KILLS * (ISSUED + ROWS));
    let issued: BTreeSet<String> = office.books.lock().unwrap().issued.values().cloned().collect();
    assert_eq!(issued.len() as u32, KILLS * ISSUED);

    // Every revocation that was acknowledged is on the ledger, and none that nobody asked for.
    let registry = registry(data, &chain.url).await;
    let entry: u32 = entry.parse().unwrap();
    let on_ledger = registry.status_list(entry.into()).await.unwrap().set_indices();
    let barred: BTreeSet<String> =
        on_ledger.iter().filter_map(|index| indices.get(index).cloned()).collect();
    let books = office.books.lock().unwrap();
    assert!(books.revoked.is_subset(&barred), "a revocation was lost");
    assert!(barred.is_subset(&books.asked), "what nobody revoked is barred");
    assert!(!books.revoked.is_empty());
}
