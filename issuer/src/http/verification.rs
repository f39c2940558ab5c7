//! Verification over HTTP, as VC-API has it.

use attestry_credential::w3c::Verdict;
use attestry_service::http::{JsonBody, Members, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::Issuer;
use crate::verification::Binding;

/// `POST /credentials/verify`
pub(super) async fn credential(
    State(issuer): State<Issuer>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let members = Members::of(&body, "$", &["verifiableCredential", "options"])?;
    read_options(&members)?;
    Ok(answer(&issuer.verify_credential(members.require("verifiableCredential")?).await))
}

/// `POST /presentations/verify`
pub(super) async fn presentation(
    State(issuer): State<Issuer>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let members = Members::of(&body, "$", &["verifiablePresentation", "options"])?;
    let binding = read_options(&members)?;
    let presentation = members.require("verifiablePresentation")?;
    Ok(answer(&issuer.verify_presentation(presentation, binding).await))
}

/// What VC-API's options say; `checks` and formats of results make no difference here, where
/// everything is checked.
fn read_options(members: &Members<'_>) -> Result<Binding, Problem> {
    const KNOWN: [&str; 6] = [
        "challenge",
        "domain",
        "checks",
        "returnCredential",
        "returnResults",
        "returnProblemDetails",
    ];
    let none = json!({});
    let options: &Value = members.get("options").unwrap_or(&none);
    let options = Members::of(options, "options", &KNOWN)?;
    let text = |name: &str| options.text(name).map(|text| text.map(str::to_owned));
    Ok(Binding { challenge: text("challenge")?, domain: text("domain")? })
}

fn answer(verdict: &Verdict) -> Response {
    let status = if verdict.verified() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, Json(verdict.to_json())).into_response()
}
