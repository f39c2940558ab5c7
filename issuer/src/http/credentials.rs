//! Issuing, reading and changing credentials.

use ark_std::rand::rngs::OsRng;
use attestry_circuits::HolderCommitment;
use attestry_credential::fhir::{self, Preview};
use attestry_credential::schema::Schema;
use attestry_service::Actor;
use attestry_service::http::{
    FieldError, IdempotencyKey, JsonBody, Members, OptionalJsonBody, Path, Problem, location,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::document::read_time;
use crate::{
    CredentialRecord, IssueRequest, Issued, Issuer, Reason, RenewRequest, Source, Validity,
};

const STATUS_ENTRY: &str = "BitstringStatusListEntry";

/// `POST /credentials/issue`
pub(super) async fn issue(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let order = Order::read(&body, &["holder", "validFrom", "validUntil", "item"])?;
    let source = order.source.ok_or(FieldError::new("$", "has neither credential nor resource"))?;
    if let Source::Document(document) = &source
        && !is_attested(document)
    {
        if order.holder.is_some() || order.validity != Validity::default() {
            let rule = "are of a credential of our own schemas only";
            return Err(FieldError::new("options", rule).into());
        }
        let key = idempotency_key.as_deref();
        return created(&issuer, &issuer.issue_plain(&actor, document, key, &mut OsRng).await?);
    }
    let holder = order.holder.ok_or(FieldError::new("options.holder", "is required"))?;
    let request = IssueRequest { source, holder, validity: order.validity, idempotency_key };
    let issued = issuer.issue(&actor, request, &mut OsRng).await?;
    created(&issuer, &issued)
}

/// `POST /credentials/{id}/renew`
pub(super) async fn renew(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    let body = body.unwrap_or_else(|| json!({}));
    let order = Order::read(&body, &["validFrom", "validUntil", "item"])?;
    let request = RenewRequest { source: order.source, validity: order.validity, idempotency_key };
    let issued = issuer.renew(&actor, id.parse()?, request, &mut OsRng).await?;
    created(&issuer, &issued)
}

/// `GET /credentials/{id}`
pub(super) async fn read(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let credential = issuer.read(&actor, id.parse()?).await?;
    let mut status = json!({ "state": credential.state.word() });
    if let Some(successor) = credential.superseded_by {
        status["supersededBy"] = json!(successor.to_string());
    }
    let mut body = documents(&credential)?;
    body["status"] = status;
    Ok(Json(body))
}

/// `POST /credentials/{id}/suspend`
pub(super) async fn suspend(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    Ok(state(&issuer.suspend(&actor, id.parse()?, only_reason(&body)?).await?))
}

/// `POST /credentials/{id}/reinstate`
pub(super) async fn reinstate(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    Ok(state(&issuer.reinstate(&actor, id.parse()?, only_reason(&body)?).await?))
}

/// `POST /credentials/{id}/revoke`
pub(super) async fn revoke(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    Ok(state(&issuer.revoke(&actor, id.parse()?, only_reason(&body)?).await?))
}

/// `POST /credentials/status`, as VC-API has it: purpose `revocation` revokes, purpose
/// `suspension` suspends or, with status false, reinstates.
pub(super) async fn status(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let members =
        Members::of(&body, "$", &["credentialId", "credentialStatus", "status", "reason"])?;
    let id = issuer.find(members.require_text("credentialId")?).await?;
    let status = members.boolean("status")?.ok_or(members.refuse("status", "is required"))?;
    let reason = optional_reason(&members)?.unwrap_or(Reason::Unspecified);
    let known = ["id", "type", "statusPurpose", "statusListIndex", "statusListCredential"];
    let entry = Members::of(members.require("credentialStatus")?, "credentialStatus", &known)?;
    if entry.require_text("type")? != STATUS_ENTRY {
        return Err(entry.refuse("type", "is not BitstringStatusListEntry").into());
    }
    let credential = match (entry.require_text("statusPurpose")?, status) {
        ("revocation", true) => issuer.revoke(&actor, id, reason).await?,
        ("revocation", false) => {
            return Err(members.refuse("status", "of a revocation cannot be taken back").into());
        }
        ("suspension", true) => issuer.suspend(&actor, id, reason).await?,
        ("suspension", false) => issuer.reinstate(&actor, id, reason).await?,
        _ => return Err(entry.refuse("statusPurpose", "is not revocation or suspension").into()),
    };
    Ok(state(&credential))
}

/// `POST /preview`
pub(super) async fn preview(JsonBody(resource): JsonBody) -> Json<Vec<Preview>> {
    Json(fhir::preview(resource.to_string().as_bytes()))
}

/// What a body asks to issue.
pub(super) struct Order {
    pub(super) source: Option<Source>,
    holder: Option<HolderCommitment>,
    pub(super) validity: Validity,
}

impl Order {
    pub(super) fn read(body: &Value, known_options: &[&str]) -> Result<Self, FieldError> {
        let members = Members::of(body, "$", &["credential", "resource", "options"])?;
        let none = json!({});
        let options = members.get("options").unwrap_or(&none);
        let options = Members::of(options, "options", known_options)?;
        // No resource stands for so many.
        let item = options.number("item")?.map(|item| usize::try_from(item).unwrap_or(usize::MAX));
        let source = match (members.get("credential"), members.get("resource")) {
            (Some(_), Some(_)) => {
                return Err(FieldError::new("$", "has both credential and resource"));
            }
            (Some(_), None) if item.is_some() => {
                return Err(options.refuse("item", "is of a resource only"));
            }
            (Some(document), None) => Some(Source::Document(document.clone())),
            (None, Some(resource)) => Some(Source::Resource { resource: resource.clone(), item }),
            (None, None) => None,
        };
        let holder = options.text("holder")?.map(|text| {
            text.parse().map_err(|_| {
                options.refuse(
                    "holder",
                    "is not a field element: 0x and 64 lower-case hexadecimal digits",
                )
            })
        });
        let validity = Validity {
            from: time_of(&options, "validFrom")?,
            until: time_of(&options, "validUntil")?,
        };
        Ok(Self { source, holder: holder.transpose()?, validity })
    }
}

/// A member that is an RFC 3339 time, in Unix seconds.
pub(super) fn time_of(members: &Members<'_>, name: &str) -> Result<Option<u64>, FieldError> {
    let Some(text) = members.text(name)? else { return Ok(None) };
    let time = read_time(text).map(Some);
    time.ok_or_else(|| members.refuse(name, "is not an RFC 3339 time from 1970 on"))
}

/// Whether a document is of a schema of ours, and so attested.
fn is_attested(document: &Value) -> bool {
    let types = document["type"].as_array().into_iter().flatten();
    types.filter_map(Value::as_str).any(|name| Schema::ALL.iter().any(|s| s.type_name() == name))
}

/// A body that is nothing but a reason.
fn only_reason(body: &Value) -> Result<Reason, FieldError> {
    reason(&Members::of(body, "$", &["reason"])?)
}

/// The reason among other members.
pub(super) fn reason(members: &Members<'_>) -> Result<Reason, FieldError> {
    optional_reason(members)?.ok_or(FieldError::new("reason", "is required"))
}

fn optional_reason(members: &Members<'_>) -> Result<Option<Reason>, FieldError> {
    let word = members.text("reason")?;
    let reason =
        |word| Reason::from_word(word).ok_or(members.refuse("reason", "is not a reason code"));
    word.map(reason).transpose()
}

fn created(issuer: &Issuer, issued: &Issued) -> Result<Response, Problem> {
    let path = format_args!("/credentials/{}", issued.credential.id.uuid());
    let location = location(issuer.tenant(), path);
    let body = documents(&issued.credential)?;
    Ok((StatusCode::CREATED, location, Json(body)).into_response())
}

/// What a holder is given.
fn documents(credential: &CredentialRecord) -> Result<Value, Problem> {
    let content = credential.content()?;
    let mut documents = json!({ "verifiableCredential": content.verifiable_credential });
    if let Some(attested) = &content.attested {
        documents["attestation"] = attested.attestation.clone();
    }
    Ok(documents)
}

fn state(credential: &CredentialRecord) -> Json<Value> {
    Json(json!({ "id": credential.id.to_string(), "state": credential.state.word() }))
}
