//! A ledger's node over HTTP, which may go away, come back, or turn out to have another past.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{ClientOptions, LedgerClient, RegistryClient};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::world::World;

#[derive(Clone, Default)]
pub(crate) struct Node {
    ledger: Arc<Mutex<Option<EmbeddedLedger>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Node {
    /// A node of the world's ledger, and a client of it.
    pub(crate) async fn of(world: &World) -> (Self, RegistryClient) {
        let node = Self::default();
        node.become_of(Some(&world.ledger));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/", post(answer)).with_state(node.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let options =
            ClientOptions { request_timeout: Duration::from_secs(5), ..Default::default() };
        let client = LedgerClient::http(&url, options).unwrap();
        (node, RegistryClient::at(client, *world.registry.deployment()))
    }

    /// From now on the node is one of this ledger, or gives no answer.
    pub(crate) fn become_of(&self, ledger: Option<&EmbeddedLedger>) {
        *self.ledger.lock().unwrap() = ledger.cloned();
    }

    /// How often a method was asked for since the last call.
    pub(crate) fn count(&self, methods: &[&str]) -> Vec<usize> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let times = |method: &&str| asked.iter().filter(|name| name == method).count();
        methods.iter().map(times).collect()
    }
}

async fn answer(State(node): State<Node>, body: Bytes) -> Response {
    let Some(ledger) = node.ledger.lock().unwrap().clone() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let request: Value = serde_json::from_slice(&body).unwrap();
    node.asked.lock().unwrap().push(request["method"].as_str().unwrap().to_owned());
    let dispatched = tokio::task::spawn_blocking(move || ledger.dispatch(&body));
    ([(header::CONTENT_TYPE, "application/json")], dispatched.await.unwrap()).into_response()
}

/// Another ledger with the same past, in another folder.
pub(crate) fn copied(
    from: &Path,
    to: &Path,
    clock: impl Fn() -> u64 + Send + Sync + 'static,
) -> EmbeddedLedger {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_name() != "lock" {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    EmbeddedLedger::open(to, clock).unwrap()
}
