//! Studies on the wire.

use attestry_credential::vcdm::write_time;
use attestry_service::Actor;
use attestry_service::http::{FieldError, Parameters, Path, Problem, TypedBody, location};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{policies, sessions};
use crate::studies::{Export, ExportFormat, NewStudy, Study, StudyPolicy};
use crate::{Verifier, VerifierError};

/// Studies of a page, unless it is asked for another number.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// `POST /studies`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewStudyBody {
    name: String,
    purpose: String,
    policy: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    exports_few: bool,
}

/// `PUT /studies/{id}/policy`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyBody {
    policy: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

pub(super) async fn open(
    State(verifier): State<Verifier>,
    actor: Actor,
    TypedBody(body): TypedBody<NewStudyBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), Problem> {
    let new = NewStudy {
        name: body.name,
        purpose: body.purpose,
        asked: StudyPolicy { policy: body.policy, parameters: body.parameters },
        exports_few: body.exports_few,
    };
    let study = verifier.open_study(&actor, new).await?;
    let location = location(verifier.tenant(), format_args!("/studies/{}", study.id));
    let described = described(&verifier, &study).await?;
    Ok((StatusCode::CREATED, location, described))
}

pub(super) async fn list(
    State(verifier): State<Verifier>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["limit", "after"])?;
    let limit = policies::limit(&parameters, PAGE, LONGEST_PAGE)?;
    let mut found = verifier.studies(parameters.text("after"), limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(Json(json!({ "items": found.iter().map(summary).collect::<Vec<_>>(), "next": next })))
}

pub(super) async fn read(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let study = verifier.study(&id).await?;
    Ok(described(&verifier, &study).await?)
}

pub(super) async fn open_session(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<sessions::Opened, Problem> {
    let session = verifier.open_study_session(&actor, &id).await?;
    sessions::opened(&verifier, &session)
}

pub(super) async fn change_policy(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path(id): Path<String>,
    TypedBody(body): TypedBody<PolicyBody>,
) -> Result<Json<Value>, Problem> {
    let asked = StudyPolicy { policy: body.policy, parameters: body.parameters };
    let study = verifier.change_study_policy(&actor, &id, asked).await?;
    Ok(described(&verifier, &study).await?)
}

pub(super) async fn open_epoch(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(summary(&verifier.open_study_epoch(&actor, &id).await?)))
}

pub(super) async fn close(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(summary(&verifier.close_study(&actor, &id).await?)))
}

pub(super) async fn cohort(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["epoch"])?;
    let cohort = verifier.cohort(&id, parameters.number("epoch")?).await?;
    Ok(Json(cohort.published()))
}

pub(super) async fn export(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["format", "epoch"])?;
    let format = parameters.text("format").map_or(Ok(ExportFormat::NdJson), str::parse);
    let format = format.map_err(|()| FieldError::new("format", "is neither ndjson nor csv"))?;
    let epoch = parameters.number("epoch")?;
    let export = verifier.export_study(&actor, &id, epoch).await?;
    // Named by the study's id, which says nothing of the study.
    let name = format!("attachment; filename=\"study-{id}.{}\"", format.extension());
    let headers = [(CONTENT_TYPE, format.media_type().to_owned()), (CONTENT_DISPOSITION, name)];
    let body = Body::from_stream(stream::try_unfold(Writing::Head(export), move |writing| {
        writing.next(format)
    }));
    Ok((headers, body).into_response())
}

/// How far an export is written.
enum Writing {
    /// Nothing is.
    Head(Export),
    Pages(Export),
    /// All is.
    Done,
}

impl Writing {
    /// The next part of it, which is at most a page. If that cannot be read, the body breaks off
    /// without its last line.
    async fn next(self, format: ExportFormat) -> Result<Option<(String, Self)>, VerifierError> {
        let (mut text, mut export) = match self {
            Self::Head(export) => (format.head(), export),
            Self::Pages(export) => (String::new(), export),
            Self::Done => return Ok(None),
        };
        let page = export.next_page().await.inspect_err(|error| {
            tracing::error!(%error, "an export broke off");
        })?;
        text.extend(page.iter().map(|participant| format.line(participant)));
        if !export.is_over() {
            return Ok(Some((text, Self::Pages(export))));
        }
        text.push_str(&format.tail(export.count()));
        Ok(Some((text, Self::Done)))
    }
}

/// The study with what its policy asks.
async fn described(verifier: &Verifier, study: &Study) -> Result<Json<Value>, VerifierError> {
    let policy = verifier.policy(&study.policy_name()).await?.document;
    let mut described = summary(study);
    described["policy"]["hash"] = hex::encode(policy.hash()).into();
    described["policy"]["words"] = policy.in_words(&study.parameters).into();
    described["policy"]["findings"] = json!(policy.lint(&study.parameters));
    Ok(Json(described))
}

fn summary(study: &Study) -> Value {
    json!({
        "id": study.id,
        "name": study.name,
        "purpose": study.purpose,
        "scope": { "purpose": study.scope().purpose, "epoch": study.epoch },
        "policy": {
            "id": study.policy_id,
            "version": study.policy_version,
            "parameters": study.parameters,
            "revision": study.revision,
        },
        "state": if study.closed_at.is_some() { "closed" } else { "open" },
        "exports_few": study.exports_few,
        "created_at": write_time(study.created_at).ok(),
        "closed_at": study.closed_at.and_then(|at| write_time(at).ok()),
    })
}
