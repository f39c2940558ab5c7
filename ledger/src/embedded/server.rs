//! The embedded ledger over HTTP, for other processes.

use super::EmbeddedLedger;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;

/// What one HTTP request may be. A batch is limited to 128 requests by the ledger itself.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Bytes of a request body.
    pub body_bytes: usize,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self { body_bytes: 1 << 20 }
    }
}

impl EmbeddedLedger {
    /// Serves JSON-RPC on a listener, until the future is dropped. There is no authentication: listen on loopback, or
    /// behind something that has it.
    ///
    /// # Errors
    /// Those of the listener.
    pub async fn serve(self, listener: TcpListener, limits: ServeLimits) -> std::io::Result<()> {
        let app = Router::new()
            .route("/", post(answer))
            .layer(DefaultBodyLimit::max(limits.body_bytes))
            .with_state(self);
        axum::serve(listener, app).await
    }
}

async fn answer(State(ledger): State<EmbeddedLedger>, body: Bytes) -> Response {
    match tokio::task::spawn_blocking(move || ledger.dispatch(&body)).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
