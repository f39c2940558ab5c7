//! A node over an embedded ledger that answers as the test says.

use attestry_ledger::embedded::EmbeddedLedger;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What the node does with a request.
pub(crate) enum Reply {
    /// Answers it.
    Truth,
    /// Answers it, and then goes on with so many spaces.
    Padded(usize),
    /// Acts on it, and loses the answer.
    Lost,
    /// Says nothing.
    Silence,
    /// Answers with a status alone.
    Status(u16),
    /// Answers with this body.
    Body(String),
    /// Answers its id with this result.
    Result(Value),
    /// Answers its id with this error.
    Error(i64, &'static str),
    /// Sends it elsewhere.
    Redirect(String),
}

type Script = Box<dyn FnMut(&str, &Value) -> Reply + Send>;

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) url: String,
    ledger: EmbeddedLedger,
    script: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Node {
    pub(crate) async fn start(ledger: &EmbeddedLedger) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ledger: ledger.clone(),
            script: Arc::new(Mutex::new(Box::new(|_, _| Reply::Truth))),
            asked: Arc::default(),
        };
        let app = Router::new().route("/", post(answer)).with_state(node.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        node
    }

    /// From now on, the node does as the script says of a method and its parameters.
    pub(crate) fn behave(&self, script: impl FnMut(&str, &Value) -> Reply + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// The parameters of each request for a method so far.
    pub(crate) fn asked(&self, method: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        let matching = asked.iter().filter(|(name, _)| name == method);
        matching.map(|(_, parameters)| parameters.clone()).collect()
    }

    /// What the ledger behind the node answers.
    pub(crate) fn truth(&self, method: &str, parameters: Value) -> Value {
        ask(&self.ledger, method, parameters)
    }
}

pub(crate) fn ask(ledger: &EmbeddedLedger, method: &str, parameters: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
    let answer = ledger.dispatch(request.to_string().as_bytes());
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].take()
}

async fn answer(State(node): State<Node>, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let method = request["method"].as_str().unwrap().to_owned();
    let reply = (node.script.lock().unwrap())(&method, &request["params"]);
    node.asked.lock().unwrap().push((method, request["params"].clone()));
    let as_json = |body: Vec<u8>| ([(header::CONTENT_TYPE, "application/json")], body);
    let with = |key: &str, value: Value| {
        let mut body = json!({ "jsonrpc": "2.0", "id": request["id"] });
        body[key] = value;
        as_json(body.to_string().into_bytes()).into_response()
    };
    match reply {
        Reply::Truth => as_json(dispatch(&node, body).await).into_response(),
        Reply::Padded(spaces) => {
            let mut truth = dispatch(&node, body).await;
            truth.resize(truth.len() + spaces, b' ');
            as_json(truth).into_response()
        }
        Reply::Lost => {
            dispatch(&node, body).await;
            std::future::pending().await
        }
        Reply::Silence => std::future::pending().await,
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::Body(body) => as_json(body.into_bytes()).into_response(),
        Reply::Result(result) => with("result", result),
        Reply::Error(code, message) => with("error", json!({ "code": code, "message": message })),
        Reply::Redirect(to) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
    }
}

async fn dispatch(node: &Node, request: Bytes) -> Vec<u8> {
    let ledger = node.ledger.clone();
    tokio::task::spawn_blocking(move || ledger.dispatch(&request)).await.unwrap()
}
