//! Answers in our zero-knowledge format, decided about directly: VC-API's
//! `POST /presentations/verify`.

use attestry_credential::presentation::{PresentationRequest, PresentationResponse};
use attestry_service::Actor;
use attestry_service::http::{Members, Problem};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::problem::of_refusal;
use crate::session::Decision;
use crate::{Refusal, SignedReceipt, Verifier};

/// Whether a body is about an answer in our format, and not about a W3C document.
pub(super) fn is_answer(body: &Value) -> bool {
    body.pointer("/options/request").is_some()
        || body.pointer("/verifiablePresentation/presentations").is_some()
}

/// Decides about an answer; `options.request` is the request that it answers.
pub(super) async fn verify(
    verifier: &Verifier,
    actor: &Actor,
    body: &Value,
) -> Result<Response, Problem> {
    let members = Members::of(body, "$", &["verifiablePresentation", "options"])?;
    let presentation = members.require("verifiablePresentation")?;
    let options = Members::of(members.require("options")?, "options", &["request"])?;
    let request = PresentationRequest::try_from(options.require("request")?.clone())
        .map_err(|error| Problem::invalid_request().detail(error.to_string()))?;
    let response = match PresentationResponse::try_from(presentation.clone()) {
        Ok(response) => response,
        Err(error) => return Ok(refused(Refusal::Malformed(error), None)),
    };
    Ok(match verifier.decide_directly(actor, request, &response).await? {
        Decision::Accepted { receipt } => accepted(&receipt),
        Decision::Refused { refusal, receipt } => refused(refusal, receipt),
    })
}

fn accepted(receipt: &SignedReceipt) -> Response {
    let answer = json!({ "verified": true, "errors": [], "warnings": [], "receipt": receipt });
    Json(answer).into_response()
}

/// What decides about the answer is VC-API's 400; what only keeps from deciding is a problem.
fn refused(refusal: Refusal, receipt: Option<SignedReceipt>) -> Response {
    let problem = of_refusal(&refusal, None);
    if problem.status().is_server_error() {
        return problem.into_response();
    }
    let mut answer: Value =
        json!({ "verified": false, "errors": [problem.into_document()], "warnings": [] });
    if let Some(receipt) = receipt {
        answer["receipt"] = receipt.as_str().into();
    }
    (StatusCode::BAD_REQUEST, Json(answer)).into_response()
}
