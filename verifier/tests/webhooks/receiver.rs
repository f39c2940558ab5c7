//! Somebody who is told: a real listener, which believes what is signed and notes it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use attestry_verifier::webhooks::{Secret, verify};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::world::Time;

/// A message that came, and what its signature says.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) at: u64,
    pub(crate) content: Value,
    /// Whether it is signed with the receiver's secret, for this time.
    pub(crate) is_good: bool,
}

/// What a receiver answers.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    Status(u16),
    /// This status, and to come again after so many seconds.
    After(u16, &'static str),
    /// Nothing, ever.
    Nothing,
}

struct Shared {
    secret: Mutex<Option<Secret>>,
    messages: Mutex<Vec<Message>>,
    says: Mutex<VecDeque<Says>>,
    came: Notify,
    time: Time,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

impl Receiver {
    /// On a port of loopback. It answers with 204 when there is nothing else for it to say.
    pub(crate) async fn start(time: &Time) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), time)
    }

    pub(crate) fn on(listener: TcpListener, time: &Time) -> Self {
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            secret: Mutex::default(),
            messages: Mutex::default(),
            says: Mutex::default(),
            came: Notify::new(),
            time: time.clone(),
        });
        let router = Router::new().route("/hook", post(take)).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(crate) fn knows(&self, secret: Secret) {
        *self.shared.secret.lock().unwrap() = Some(secret);
    }

    /// What it answers next, one after the other.
    pub(crate) fn says(&self, says: &[Says]) {
        self.shared.says.lock().unwrap().extend(says);
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().unwrap().clone()
    }

    /// Waits until so many messages came.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Message> {
        loop {
            let came = self.shared.came.notified();
            let messages = self.messages();
            if messages.len() >= count {
                return messages;
            }
            came.await;
        }
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let is_good = shared.secret.lock().unwrap().as_ref().is_some_and(|secret| {
        verify(secret, &headers, &body, shared.time.now())
            .is_ok_and(|id| *id == headers["webhook-id"])
    });
    let message = Message {
        id: header("webhook-id"),
        at: header("webhook-timestamp").parse().unwrap(),
        content: serde_json::from_slice(&body).unwrap(),
        is_good,
    };
    shared.messages.lock().unwrap().push(message);
    shared.came.notify_one();
    let says = shared.says.lock().unwrap().pop_front();
    let status = |code| StatusCode::from_u16(code).unwrap();
    match says.unwrap_or(Says::Status(204)) {
        Says::Status(code) => status(code).into_response(),
        Says::After(code, after) => (status(code), [(RETRY_AFTER, after)]).into_response(),
        Says::Nothing => std::future::pending().await,
    }
}
