//! Ends that are near, and consents to be asked for again, over HTTP.

use attestry_credential::schema::values::StudyId;
use attestry_credential::vcdm::write_time;
use attestry_service::Actor;
use attestry_service::http::{FieldError, JsonBody, Members, Parameters, Path, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::register::limit;
use crate::{Issuer, IssuerError, RequiredForm};

/// `GET /expirables`
pub(super) async fn expirables(
    State(issuer): State<Issuer>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let notices = issuer.expirables(limit(&parameters.only(&["limit"])?)?).await?;
    let items = notices.iter().map(|notice| {
        json!({
            "id": notice.id.to_string(),
            "days": notice.days,
            "validUntil": write_time(notice.valid_until).ok(),
        })
    });
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// `POST /expirables/{id}/acknowledge`
pub(super) async fn acknowledge(
    State(issuer): State<Issuer>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    issuer.acknowledge_expiry(&actor, id.parse()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /studies/{study}/consent-form`
pub(super) async fn require_form(
    State(issuer): State<Issuer>,
    actor: Actor,
    Path(study): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let members = Members::of(&body, "$", &["formVersion"])?;
    let version = members.require_text("formVersion")?.parse();
    let rule = "is not a version in the form major.minor, each below 256";
    let version = version.map_err(|_| members.refuse("formVersion", rule))?;
    Ok(Json(form(&issuer.require_form(&actor, &read_study(&study)?, version).await?)))
}

/// `GET /studies/{study}/reconsents`
pub(super) async fn reconsents(
    State(issuer): State<Issuer>,
    Path(study): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let parameters = parameters.only(&["limit", "after"])?;
    let after = parameters.text("after").map(str::parse);
    let after = after.transpose().map_err(|_| FieldError::new("after", "is not a credential"))?;
    let limit = limit(&parameters)?;
    let (required, queue) = issuer.reconsents(&read_study(&study)?, after, limit).await?;
    let items: Vec<Value> = queue
        .iter()
        .map(|consent| {
            json!({
                "id": consent.id.to_string(),
                "formVersion": consent.given.map(|version| version.to_string()),
            })
        })
        .collect();
    Ok(Json(json!({ "required": form(&required), "items": items })))
}

fn form(form: &RequiredForm) -> Value {
    json!({
        "study": form.study.to_string(),
        "formVersion": form.version.to_string(),
        "announcedAt": write_time(form.announced_at).ok(),
    })
}

/// The study in a path; none of an unknown form was ever required.
fn read_study(text: &str) -> Result<StudyId, IssuerError> {
    text.parse().map_err(|_| IssuerError::UnknownStudy)
}
