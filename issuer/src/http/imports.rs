//! Imports: a file in, its progress, what failed.

use std::future::poll_fn;
use std::pin::Pin;

use ark_std::rand::rngs::OsRng;
use attestry_credential::roster;
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::write_time;
use attestry_service::Actor;
use attestry_service::http::{
    FieldError, IdempotencyKey, Parameters, Path, Problem, location, refuse_compressed,
};
use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::{
    Accepted, FailedRow, FileForm, Import, ImportRequest, Intake, Issuer, LONGEST_PAGE, PAGE,
};

const CSV: &str = "text/csv; charset=utf-8; header=present";
const NDJSON: &str = "application/x-ndjson";
const FHIR: &str = "application/fhir+json";
/// Failed rows that are read at once.
const ROWS: u32 = 5000;

/// `POST /imports`
pub(super) async fn send(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    parameters: Parameters,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["schema"])?;
    refuse_compressed(&headers)?;
    let form = form_of(&headers).ok_or_else(|| {
        Problem::unsupported_media_type().detail(
            "the content type must be text/csv in UTF-8, application/x-ndjson or \
             application/fhir+json",
        )
    })?;
    let schema = parameters.text("schema").map(schema_named).transpose()?;
    let request = ImportRequest { form, schema, idempotency_key };
    let mut intake = issuer.begin_import(&actor, request, &mut OsRng).await?;
    match receive(&mut intake, body).await {
        Ok(()) => Ok(accepted(&issuer, &intake.finish().await?)),
        Err(problem) => {
            intake.abandon().await?;
            Err(problem)
        }
    }
}

async fn receive(intake: &mut Intake, mut body: Body) -> Result<(), Problem> {
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let unreadable = |_| Problem::body_unreadable().detail("the body could not be read");
        if let Ok(bytes) = frame.map_err(unreadable)?.into_data() {
            intake.push(&bytes).await?;
        }
    }
    Ok(())
}

/// `GET /imports`
pub(super) async fn list(
    State(issuer): State<Issuer>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["limit", "after"])?;
    let limit = parameters.number("limit")?.unwrap_or(u64::from(PAGE));
    let limit = u32::try_from(limit).unwrap_or(u32::MAX).clamp(1, LONGEST_PAGE);
    let after = parameters.text("after").map(str::parse).transpose()?;
    let mut imports = issuer.imports(after, limit + 1).await?;
    let more = imports.len() > limit as usize;
    imports.truncate(limit as usize);
    let mut page = json!({ "imports": imports.iter().map(described).collect::<Vec<_>>() });
    if let Some(last) = imports.last().filter(|_| more) {
        page["next"] = json!(last.id.to_string());
    }
    Ok(Json(page))
}

/// `GET /imports/template`
pub(super) async fn template(parameters: Parameters) -> Result<Response, Problem> {
    let parameters = parameters.only(&["schema"])?;
    let schema = parameters.text("schema").ok_or(FieldError::new("schema", "is required"))?;
    let header = roster::columns(schema_named(schema)?).join(",");
    Ok(([(CONTENT_TYPE, CSV)], format!("{header}\r\n")).into_response())
}

/// `GET /imports/{id}`
pub(super) async fn read(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(described(&issuer.import(id.parse()?).await?)))
}

/// `GET /imports/{id}/errors`
pub(super) async fn errors(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = id.parse()?;
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let as_table = accepted.is_some_and(|accepted| accepted.contains("text/csv"));
    let mut text = String::new();
    if as_table {
        text.push_str("line,column,rule\r\n");
    }
    let mut skip = 0;
    loop {
        let rows = issuer.failed_rows(id, skip, ROWS).await?;
        for FailedRow { line, place, rule } in &rows {
            if as_table {
                text.push_str(&format!("{line},{},{}\r\n", cell(place), cell(rule)));
            } else {
                let row = json!({ "line": line, "column": place, "rule": rule });
                text.push_str(&format!("{row}\n"));
            }
        }
        if rows.len() < ROWS as usize {
            break;
        }
        skip += u64::from(ROWS);
    }
    let kind = if as_table { CSV } else { NDJSON };
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

/// A text in quotes.
fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// `GET /imports/{id}/failed`
pub(super) async fn failed(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = issuer.failed_file(&actor, id.parse()?).await?;
    let (kind, name) = match file.form {
        FileForm::Csv => (CSV, "failed.csv"),
        FileForm::Ndjson => (NDJSON, "failed.ndjson"),
        FileForm::Fhir => (FHIR, "failed.json"),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, file.text).into_response())
}

/// `DELETE /imports/{id}/failed`
pub(super) async fn discard(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    issuer.discard_failed(&actor, id.parse()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /imports/{id}/cancel`
pub(super) async fn cancel(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(described(&issuer.cancel_import(&actor, id.parse()?).await?)))
}

/// `POST /imports/{id}/rerun`
pub(super) async fn rerun(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(accepted(&issuer, &issuer.rerun_import(&actor, id.parse()?, &mut OsRng).await?))
}

fn schema_named(text: &str) -> Result<Schema, FieldError> {
    let rule = "is not a schema: ProviderCredential/1 or ConsentGrant/1";
    text.parse().map_err(|_| FieldError::new("schema", rule))
}

/// How the body says that it is written, if that can be read.
fn form_of(headers: &HeaderMap) -> Option<FileForm> {
    let declared = headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = declared.split(';').map(str::trim);
    let form = match parts.next()? {
        "text/csv" => FileForm::Csv,
        "application/x-ndjson" | "application/ndjson" => FileForm::Ndjson,
        "application/fhir+json" => FileForm::Fhir,
        _ => return None,
    };
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    let readable = charset.is_none_or(|charset| charset.trim_matches('"') == "utf-8");
    readable.then_some(form)
}

fn accepted(issuer: &Issuer, accepted: &Accepted) -> Response {
    let status = if accepted.repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = location(issuer.tenant(), format_args!("/imports/{}", accepted.import.id));
    (status, location, Json(described(&accepted.import))).into_response()
}

fn described(import: &Import) -> Value {
    let counts = import.counts;
    let mut described = json!({
        "id": import.id.to_string(),
        "form": import.form.word(),
        "state": import.state.word(),
        "createdAt": write_time(import.created_at).ok(),
        "records": import.records,
        "done": import.done,
        "issued": counts.issued,
        "renewed": counts.renewed,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
    });
    if let Some(schema) = import.schema {
        described["schema"] = json!(schema.versioned_name());
    }
    if let Some(ended_at) = import.ended_at {
        described["endedAt"] = json!(write_time(ended_at).ok());
    }
    described
}
