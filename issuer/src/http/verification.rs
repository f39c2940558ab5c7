//! Verification over HTTP, as VC-API has it.

use attestry_credential::w3c::{Refusal, Verdict};
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
    let document = members.require("verifiableCredential")?;
    let Some(_) = read_options(&members, "assertionMethod")? else { return Ok(wrong_purpose()) };
    Ok(answer(&issuer.verify_credential(document).await))
}

/// `POST /presentations/verify`
pub(super) async fn presentation(
    State(issuer): State<Issuer>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let members = Members::of(&body, "$", &["verifiablePresentation", "options"])?;
    let presentation = members.require("verifiablePresentation")?;
    let Some(binding) = read_options(&members, "authentication")? else {
        return Ok(wrong_purpose());
    };
    Ok(answer(&issuer.verify_presentation(presentation, binding).await))
}

/// What VC-API's options say, unless they expect proofs of another purpose than the one that is
/// taken; `checks` and formats of results make no difference here, where everything is checked.
fn read_options(members: &Members<'_>, purpose: &str) -> Result<Option<Binding>, Problem> {
    const KNOWN: [&str; 7] = [
        "expectedProofPurpose",
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
    let binding = Binding { challenge: text("challenge")?, domain: text("domain")? };
    let expected = options.text("expectedProofPurpose")?;
    Ok(expected.is_none_or(|expected| expected == purpose).then_some(binding))
}

fn wrong_purpose() -> Response {
    answer(&Verdict::refused(Refusal::Purpose))
}

fn answer(verdict: &Verdict) -> Response {
    let status = if verdict.verified() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, Json(verdict.to_json())).into_response()
}
