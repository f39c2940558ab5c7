//! What takes two people, over HTTP.

use ark_std::rand::rngs::OsRng;
use attestry_service::access::Principal;
use attestry_service::approval::Proposal;
use attestry_service::http::{FieldError, JsonBody, Members, Path, Problem, RequestId, location};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::credentials::{reason, time_of};
use super::register::read_schema;
use crate::{CredentialId, Issuer, IssuerError, Revocation, Selection};

const LISTED: u32 = 100;

/// `POST /revocations`
pub(super) async fn propose_revocation(
    State(issuer): State<Issuer>,
    principal: Principal,
    request: RequestId,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let revocation = read_revocation(&body)?;
    let id = Some(request.as_str());
    let (proposal, selected) =
        issuer.propose_revocation(&principal, id, &revocation, &mut OsRng).await?;
    Ok(proposed(&issuer, &proposal, Some(selected)))
}

/// `POST /erasures`
pub(super) async fn propose_erasure(
    State(issuer): State<Issuer>,
    principal: Principal,
    request: RequestId,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let members = Members::of(&body, "$", &["credentialId"])?;
    let credential = members.require_text("credentialId")?.parse()?;
    let id = Some(request.as_str());
    let proposal = issuer.propose_erasure(&principal, id, credential, &mut OsRng).await?;
    Ok(proposed(&issuer, &proposal, None))
}

/// `GET /proposals`
pub(super) async fn list(State(issuer): State<Issuer>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "items": issuer.proposals(LISTED).await? })))
}

/// `GET /proposals/{id}`
pub(super) async fn read(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
) -> Result<Json<Proposal>, Problem> {
    Ok(Json(issuer.proposal(&id).await?))
}

/// `POST /proposals/{id}/approve`
pub(super) async fn approve(
    State(issuer): State<Issuer>,
    principal: Principal,
    request: RequestId,
    Path(id): Path<String>,
) -> Result<Json<Proposal>, Problem> {
    Ok(Json(issuer.approve(&principal, Some(request.as_str()), &id).await?))
}

/// `POST /proposals/{id}/reject`
pub(super) async fn reject(
    State(issuer): State<Issuer>,
    principal: Principal,
    request: RequestId,
    Path(id): Path<String>,
) -> Result<Json<Proposal>, Problem> {
    Ok(Json(issuer.reject(&principal, Some(request.as_str()), &id).await?))
}

fn proposed(issuer: &Issuer, proposal: &Proposal, selected: Option<usize>) -> Response {
    let mut body = json!({ "proposal": proposal });
    if let Some(selected) = selected {
        body["selected"] = json!(selected);
    }
    let location = location(issuer.tenant(), format_args!("/proposals/{}", proposal.id));
    (StatusCode::ACCEPTED, location, Json(body)).into_response()
}

fn read_revocation(body: &Value) -> Result<Revocation, Problem> {
    let known = ["reason", "credentialIds", "schema", "statusList", "issuedFrom", "issuedUntil"];
    let members = Members::of(body, "$", &known)?;
    let ids = members.array("credentialIds")?.map(read_ids).transpose()?;
    let list = members.text("statusList")?.map(str::parse);
    let list = list.transpose().map_err(|_: IssuerError| {
        FieldError::new("statusList", "is not a status list of this issuer")
    })?;
    Ok(Revocation {
        selection: Selection {
            ids,
            schema: members.text("schema")?.map(|name| read_schema("schema", name)).transpose()?,
            list,
            issued_from: time_of(&members, "issuedFrom")?,
            issued_until: time_of(&members, "issuedUntil")?,
        },
        reason: reason(&members)?,
    })
}

fn read_ids(ids: &[Value]) -> Result<Vec<CredentialId>, FieldError> {
    let refused = || FieldError::new("credentialIds", "is not an array of ids of credentials");
    let id = |id: &Value| id.as_str().and_then(|id| id.parse().ok()).ok_or_else(refused);
    if ids.is_empty() { Err(refused()) } else { ids.iter().map(id).collect() }
}
