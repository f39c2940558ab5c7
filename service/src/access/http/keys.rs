//! The routes by which admins manage API keys.

use ark_std::rand::rngs::OsRng;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::key::{self, ApiKey, NewKey};
use super::gate::Gate;
use crate::http::{Path, Problem, TypedBody, location};
use crate::{Actor, Database, Role};

#[derive(Clone)]
struct Office {
    database: Database,
    gate: Gate,
}

#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    key: ApiKey,
    secret: &'a str,
}

/// `/api-keys` of a gate's tenant, for admins.
pub fn routes<S: Clone + Send + Sync + 'static>(database: Database, gate: &Gate) -> Router<S> {
    let routes = Router::new()
        .route("/api-keys", get(list).post(create))
        .route("/api-keys/{id}", delete(revoke))
        .with_state(Office { database, gate: gate.clone() });
    gate.guard(&[Role::Admin], routes)
}

async fn list(State(office): State<Office>) -> Result<Json<Value>, Problem> {
    let keys = key::list(&office.database, office.gate.tenant()).await;
    let keys = keys.map_err(|error| Problem::internal(&error))?;
    Ok(Json(json!({ "keys": keys })))
}

async fn create(
    State(office): State<Office>,
    actor: Actor,
    TypedBody(new): TypedBody<NewKey>,
) -> Result<Response, Problem> {
    let Office { database, gate } = &office;
    let made = key::create(database, gate.tenant(), &new, &actor, gate.now(), &mut OsRng).await;
    let (text, key) = made?;
    let location = location(gate.tenant(), format_args!("/api-keys/{}", key.id));
    let made = Made { key, secret: text.expose() };
    Ok((StatusCode::CREATED, location, Json(&made)).into_response())
}

async fn revoke(
    State(office): State<Office>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let Office { database, gate } = &office;
    key::revoke(database, gate.tenant(), &id, &actor, gate.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
