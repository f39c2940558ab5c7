//! The register over HTTP: searched page by page, and followed along chains.

use attestry_credential::schema::Schema;
use attestry_credential::vcdm::write_time;
use attestry_service::Actor;
use attestry_service::http::{FieldError, Parameters, Path, Problem};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::document::read_time;
use crate::{
    ChangeRecord, CredentialId, Issuer, LONGEST_PAGE, PAGE, Search, State as Life, Summary, Term,
};

const KNOWN: [&str; 12] = [
    "schema",
    "state",
    "holder",
    "npi",
    "licenceNumber",
    "name",
    "study",
    "endsBy",
    "endsFrom",
    "issuedFrom",
    "limit",
    "cursor",
];

/// `GET /credentials`
pub(super) async fn search(
    State(issuer): State<Issuer>,
    actor: Actor,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&KNOWN)?;
    let cursor = parameters.text("cursor").map(str::parse).transpose()?;
    let limit = limit(&parameters)?;
    let page = issuer.search(&actor, &read_search(&parameters)?, cursor, limit).await?;
    Ok(Json(json!({
        "items": page.items.iter().map(summary).collect::<Vec<_>>(),
        "next": page.next.map(|cursor| cursor.to_string()),
    })))
}

/// `GET /credentials/{id}/history`
pub(super) async fn history(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let history = issuer.history(id.parse()?).await?;
    Ok(Json(json!({
        "changes": history.changes.iter().map(change).collect::<Vec<_>>(),
        "predecessors": history.predecessors.iter().map(summary).collect::<Vec<_>>(),
        "successors": history.successors.iter().map(summary).collect::<Vec<_>>(),
    })))
}

/// How many entries a page has.
pub(super) fn limit(parameters: &Parameters) -> Result<u32, FieldError> {
    let limit = parameters.number("limit")?.unwrap_or(u64::from(PAGE));
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or(FieldError::new("limit", "is not 1 to 500"))
}

fn read_search(parameters: &Parameters) -> Result<Search, FieldError> {
    let mut terms = Vec::new();
    if let Some(npi) = parameters.text("npi") {
        let rule = "is not a National Provider Identifier";
        terms.push(Term::npi(&npi.parse().map_err(|_| FieldError::new("npi", rule))?));
    }
    if let Some(number) = parameters.text("licenceNumber") {
        let rule = "is not 1 to 256 bytes";
        let number = number.parse().map_err(|_| FieldError::new("licenceNumber", rule))?;
        terms.push(Term::licence_number(&number));
    }
    if let Some(name) = parameters.text("name") {
        let rule = "is not 1 to 256 bytes";
        terms.extend(Term::name(&name.parse().map_err(|_| FieldError::new("name", rule))?));
    }
    if let Some(study) = parameters.text("study") {
        let rule = "is not the number of a registered study";
        terms.push(Term::study(&study.parse().map_err(|_| FieldError::new("study", rule))?));
    }
    Ok(Search {
        schema: parameters.text("schema").map(|name| read_schema("schema", name)).transpose()?,
        state: read(parameters, "state", "is not a state", Life::from_word)?,
        holder: read(parameters, "holder", "is not a field element", |text| text.parse().ok())?,
        ends_by: time(parameters, "endsBy")?,
        ends_from: time(parameters, "endsFrom")?,
        issued_from: time(parameters, "issuedFrom")?,
        terms,
    })
}

/// A schema by its name and version, as `ProviderCredential/1`.
pub(super) fn read_schema(field: &'static str, name: &str) -> Result<Schema, FieldError> {
    let schema = Schema::ALL.into_iter().find(|schema| schema.versioned_name() == name);
    schema.ok_or(FieldError::new(field, "is not ProviderCredential/1 or ConsentGrant/1"))
}

fn time(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, FieldError> {
    read(parameters, name, "is not an RFC 3339 time from 1970 on", read_time)
}

fn read<T>(
    parameters: &Parameters,
    name: &'static str,
    rule: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, FieldError> {
    let Some(text) = parameters.text(name) else { return Ok(None) };
    parse(text).map(Some).ok_or(FieldError::new(name, rule))
}

/// An entry of the register.
fn summary(entry: &Summary) -> Value {
    json!({
        "id": entry.id.to_string(),
        "schema": entry.schema.map(|schema| schema.versioned_name()),
        "statusList": entry.list.to_string(),
        "validFrom": write_time(entry.valid_from).ok(),
        "validUntil": write_time(entry.valid_until).ok(),
        "issuedAt": write_time(entry.issued_at).ok(),
        "state": entry.state.word(),
        "supersededBy": entry.superseded_by.map(|id: CredentialId| id.to_string()),
        "erased": entry.erased,
    })
}

fn change(change: &ChangeRecord) -> Value {
    json!({
        "state": change.state.word(),
        "reason": change.reason.word(),
        "actor": change.actor,
        "changedAt": write_time(change.changed_at).ok(),
    })
}
