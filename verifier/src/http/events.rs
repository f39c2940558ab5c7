//! What becomes of a session, as it happens: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use attestry_service::http::{Path, Problem};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::sessions::identifier;
use crate::{Stage, Verifier};

/// How often something is sent, so that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Asks proxies to pass on each event at once.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// `GET /presentations/{id}/events`
pub(super) async fn watch(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stages = verifier.watch_session(&identifier(&id)?).await?;
    let events = stages.map(|stage| Ok::<_, Infallible>(event(stage)));
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(([UNBUFFERED], events).into_response())
}

/// The stage alone: what was disclosed is in the outcome.
fn event(stage: Stage) -> Event {
    Event::default().event("status").data(format!("{{\"status\":\"{}\"}}", stage.word()))
}
