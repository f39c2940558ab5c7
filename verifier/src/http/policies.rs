//! The policies that sessions may name: published, read, retired.

use attestry_credential::policy::{FindingCode, PolicyDocument};
use attestry_service::Actor;
use attestry_service::http::{FieldError, Parameters, Path, Problem, TypedBody, location};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{PublishedPolicy, Verifier, VerifierError};

/// Policies of a page, unless it is asked for another number.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// `POST /policies`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPolicyBody {
    /// The document.
    policy: Value,
    /// Codes of dangers that are meant.
    #[serde(default)]
    acknowledge: Vec<String>,
}

/// `POST /policies`: 201 for a new version, 200 for one that is published already.
pub(super) async fn publish(
    State(verifier): State<Verifier>,
    actor: Actor,
    TypedBody(body): TypedBody<NewPolicyBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), Problem> {
    let document = PolicyDocument::from_json(body.policy.to_string().as_bytes())
        .map_err(VerifierError::from)?;
    let codes = codes(&body.acknowledge)?;
    let (policy, is_new) = verifier.publish_policy(&actor, &document, &codes).await?;
    let path = format_args!("/policies/{}/{}", document.id(), document.version());
    let location = location(verifier.tenant(), path);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, location, Json(whole(&policy))))
}

/// The codes of these names.
pub(super) fn codes(names: &[String]) -> Result<Vec<FindingCode>, FieldError> {
    names.iter().map(|name| code(name)).collect()
}

fn code(name: &str) -> Result<FindingCode, FieldError> {
    let mut codes = FindingCode::ALL.iter();
    let found = codes.find(|code| code.name() == name).copied();
    found.ok_or(FieldError::new("acknowledge", "has a code that no finding has"))
}

/// `GET /policies`: the newest versions, by id.
pub(super) async fn list(
    State(verifier): State<Verifier>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["limit", "after"])?;
    let limit = limit(&parameters, PAGE, LONGEST_PAGE)?;
    let mut found = verifier.policies(parameters.text("after"), limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| last.document.id());
    Ok(Json(json!({ "items": found.iter().map(summary).collect::<Vec<_>>(), "next": next })))
}

/// How many items a page has.
pub(super) fn limit(parameters: &Parameters, usual: u32, most: u32) -> Result<u32, FieldError> {
    let limit = parameters.number("limit")?.unwrap_or(u64::from(usual));
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or(FieldError::new("limit", "is not a number of items that a page can have"))
}

/// `GET /policies/{id}`: the newest version, or `?version=`; also by hash.
pub(super) async fn read(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["version"])?;
    let name = match parameters.number("version")? {
        Some(version) => format!("{id}@{version}"),
        None => id,
    };
    Ok(Json(whole(&verifier.policy(&name).await?)))
}

/// `GET /policies/{id}/versions`: all of them, the newest first.
pub(super) async fn versions(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let versions = verifier.policy_versions(&id).await?;
    Ok(Json(json!({ "items": versions.iter().map(summary).collect::<Vec<_>>() })))
}

/// `GET /policies/{id}/{version}`
pub(super) async fn read_version(
    State(verifier): State<Verifier>,
    Path((id, version)): Path<(String, u32)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(whole(&verifier.policy(&format!("{id}@{version}")).await?)))
}

/// `DELETE /policies/{id}/{version}`: it stays readable, and is offered no more.
pub(super) async fn retire(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path((id, version)): Path<(String, u32)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(summary(&verifier.retire_policy(&actor, &id, version).await?)))
}

fn whole(policy: &PublishedPolicy) -> Value {
    let mut described = summary(policy);
    described["document"] = policy.document.source().clone();
    described
}

fn summary(policy: &PublishedPolicy) -> Value {
    let document = &policy.document;
    json!({
        "id": document.id(),
        "version": document.version(),
        "title": document.title(),
        "description": document.description(),
        "words": document.in_words(&Map::new()),
        "schema": document.schema().versioned_name(),
        "hash": hex::encode(document.hash()),
        "parameters": document.parameters(),
        "disclosed": document.disclosed_names(),
        "findings": policy.findings(),
        "acknowledged": policy.acknowledged,
        "published_at": policy.published_at,
        "retired_at": policy.retired_at,
    })
}
