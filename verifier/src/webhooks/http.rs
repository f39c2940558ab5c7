//! Webhooks over HTTP.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | `GET /webhooks` | | 200 `{"webhooks": [{"id", "url", "events", "createdAt", "createdBy", "disabledAt", "oldSecretUntil"}]}` |
//! | `POST /webhooks` | `{"url", "events"}` | 201, the same and `secret`, which is shown this once |
//! | `POST /webhooks/{id}/secret` | `{"overlapSeconds"}`, 86400 without, at most 604800 | 200, the same: another secret, beside which the one before signs for so long |
//! | `DELETE /webhooks/{id}` | | 204 |
//! | `POST /webhooks/{id}/ping` | | 202 the delivery |
//! | `GET /webhooks/{id}/deliveries?limit=` | | 200 `{"deliveries": [{"id", "event", "createdAt", "state", "attempts", "status", "error", "dueAt", "finishedAt"}]}`, the newest first |

use std::collections::BTreeSet;

use ark_std::rand::rngs::OsRng;
use attestry_credential::vcdm::write_time;
use attestry_service::access::http::Gate;
use attestry_service::http::{FieldError, Parameters, Path, Problem, TypedBody, location};
use attestry_service::{Actor, Role};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delivery, EventKind, Secret, USUAL_OVERLAP_S, Webhook, WebhookError, Webhooks};

/// Who manages webhooks.
const MANAGERS: &[Role] = &[Role::Sponsor, Role::Verifier];
/// Deliveries that are shown, if nobody says how many, and at most.
const SHOWN: u64 = 100;
const MOST_SHOWN: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    url: String,
    events: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rotation {
    overlap_seconds: Option<u64>,
}

/// `/webhooks` of a gate's tenant, for those who manage them.
pub fn routes<S: Clone + Send + Sync + 'static>(webhooks: Webhooks, gate: &Gate) -> Router<S> {
    let routes = Router::new()
        .route("/webhooks", get(list).post(create))
        .route("/webhooks/{id}", delete(end))
        .route("/webhooks/{id}/secret", post(rotate))
        .route("/webhooks/{id}/ping", post(ping))
        .route("/webhooks/{id}/deliveries", get(deliveries))
        .with_state(webhooks);
    gate.guard(MANAGERS, routes)
}

async fn list(State(webhooks): State<Webhooks>) -> Result<Json<Value>, Problem> {
    let all: Value = webhooks.list().await?.iter().map(show).collect();
    Ok(Json(json!({ "webhooks": all })))
}

async fn create(
    State(webhooks): State<Webhooks>,
    actor: Actor,
    TypedBody(body): TypedBody<NewWebhook>,
) -> Result<Response, Problem> {
    let unknown = || FieldError::new("events", "has one that is not known");
    let kinds = body.events.iter().map(|word| EventKind::from_word(word).ok_or_else(unknown));
    let kinds: BTreeSet<_> = kinds.collect::<Result<_, _>>()?;
    let (webhook, secret) = webhooks.register(&body.url, &kinds, &actor, &mut OsRng).await?;
    let location = location(webhooks.tenant(), format_args!("/webhooks/{}", webhook.id));
    Ok((StatusCode::CREATED, location, Json(show_with(&webhook, &secret))).into_response())
}

async fn rotate(
    State(webhooks): State<Webhooks>,
    actor: Actor,
    Path(id): Path<String>,
    TypedBody(body): TypedBody<Rotation>,
) -> Result<Json<Value>, Problem> {
    let overlap = body.overlap_seconds.unwrap_or(USUAL_OVERLAP_S);
    let (webhook, secret) = webhooks.rotate(&id, overlap, &actor, &mut OsRng).await?;
    Ok(Json(show_with(&webhook, &secret)))
}

async fn end(
    State(webhooks): State<Webhooks>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    webhooks.delete(&id, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ping(
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let delivery = webhooks.ping(&id, &mut OsRng).await?;
    Ok((StatusCode::ACCEPTED, Json(show_delivery(&delivery))))
}

async fn deliveries(
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["limit"])?;
    let limit = parameters.number("limit")?.unwrap_or(SHOWN);
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=MOST_SHOWN).contains(limit));
    let limit = limit.ok_or(FieldError::new("limit", "is not between 1 and 1000"))?;
    let shown: Value = webhooks.deliveries(&id, limit).await?.iter().map(show_delivery).collect();
    Ok(Json(json!({ "deliveries": shown })))
}

fn show(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events.iter().map(|kind| kind.word()).collect::<Vec<_>>(),
        "createdAt": write_time(webhook.created_at).ok(),
        "createdBy": webhook.created_by,
        "disabledAt": time(webhook.disabled_at),
        "oldSecretUntil": time(webhook.old_secret_until),
    })
}

/// With its secret, for the one answer that shows it.
fn show_with(webhook: &Webhook, secret: &Secret) -> Value {
    let mut shown = show(webhook);
    shown["secret"] = json!(*secret.expose());
    shown
}

fn show_delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "event": delivery.event,
        "createdAt": write_time(delivery.created_at).ok(),
        "state": delivery.state.word(),
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        "dueAt": time(delivery.due_at),
        "finishedAt": time(delivery.finished_at),
    })
}

fn time(time: Option<u64>) -> Option<String> {
    write_time(time?).ok()
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let (status, name, title) = match error {
            WebhookError::Invalid { field, rule } => return FieldError::new(field, rule).into(),
            WebhookError::TooMany => {
                (StatusCode::CONFLICT, "too-many", "There are as many as there may be")
            }
            WebhookError::Unknown => (StatusCode::NOT_FOUND, "unknown", "There is no such thing"),
            WebhookError::Disabled => {
                (StatusCode::CONFLICT, "not-possible", "The webhook's state does not allow it")
            }
            WebhookError::Secret(_) | WebhookError::Database(_) => return Self::internal(&error),
        };
        Self::new(status, name, title).detail(error.to_string())
    }
}
