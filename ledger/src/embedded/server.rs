//! The embedded ledger over HTTP, for other processes.

use super::EmbeddedLedger;
use super::jsonrpc::Deadline;
use attestry_serve::ConnectionLimits;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// What HTTP clients may use. A batch is limited to 128 requests by the ledger itself.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Requests that are worked on at a time; more wait for [`ServeLimits::work_time`], and are refused then.
    pub requests: usize,
    /// For a request's header to arrive; an idle connection is closed after that time too.
    pub header_time: Duration,
    /// For a request's body to arrive.
    pub body_time: Duration,
    /// For the work on a request. What of a batch is not begun by then is refused; a block in the making is finished.
    pub work_time: Duration,
    /// For a client to read some more of its answer.
    pub read_time: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            connections: 256,
            requests: 64,
            header_time: Duration::from_secs(30),
            body_time: Duration::from_secs(10),
            work_time: Duration::from_secs(10),
            read_time: Duration::from_secs(10),
        }
    }
}

impl ServeLimits {
    fn of_connections(self) -> ConnectionLimits {
        ConnectionLimits {
            connections: self.connections,
            header_time: self.header_time,
            read_time: self.read_time,
            stop_time: self.work_time,
            ..ConnectionLimits::default()
        }
    }
}

/// What every request is answered with.
struct Service {
    ledger: EmbeddedLedger,
    limits: ServeLimits,
    working: Arc<Semaphore>,
    /// Whether only this machine reaches the listener.
    on_loopback: bool,
}

impl EmbeddedLedger {
    /// Serves JSON-RPC on a listener, until the future is dropped. As [`EmbeddedLedger::serve_until`].
    ///
    /// # Errors
    /// Those of the listener.
    pub async fn serve(self, listener: TcpListener, limits: ServeLimits) -> std::io::Result<()> {
        self.serve_until(listener, limits, std::future::pending()).await
    }

    /// Serves JSON-RPC on a listener, until `stop` resolves; requests under way are answered then. There is no
    /// authentication: listen on loopback, or behind something that has it. On loopback, requests for any other host
    /// are refused, as are bodies that are not declared to be JSON: so no web page can send one.
    ///
    /// # Errors
    /// Those of the listener.
    pub async fn serve_until(
        self,
        listener: TcpListener,
        limits: ServeLimits,
        stop: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let service = Service {
            ledger: self,
            limits,
            working: Arc::new(Semaphore::new(limits.requests)),
            on_loopback: listener.local_addr()?.ip().is_loopback(),
        };
        let app = Router::new()
            .route("/", post(answer))
            .layer(DefaultBodyLimit::max(limits.body_bytes))
            .with_state(Arc::new(service));
        attestry_serve::serve(listener, app, limits.of_connections(), stop).await;
        Ok(())
    }
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let headers = request.headers();
    if service.on_loopback && !is_for_loopback(headers) {
        return (StatusCode::FORBIDDEN, "not a name of this machine\n").into_response();
    }
    if !is_json(headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let limits = service.limits;
    let body = match timeout(limits.body_time, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return refused.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let deadline = Deadline(Instant::now().checked_add(limits.work_time));
    let working = Arc::clone(&service.working).acquire_owned();
    let Ok(Ok(place)) = timeout(limits.work_time, working).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let work = move || {
        let answer = service.ledger.dispatch_until(&body, deadline);
        // Held by the work and not by its client, who may be gone before it is done.
        drop(place);
        answer
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) if answer.is_empty() => StatusCode::NO_CONTENT.into_response(),
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|declared| declared.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Whether a request is for loopback by address or by name, or names no host.
fn is_for_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(Ok(authority)) = host.to_str().map(str::parse::<axum::http::uri::Authority>) else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
