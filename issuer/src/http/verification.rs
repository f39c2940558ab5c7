//! Verification over HTTP, as VC-API has it.

use attestry_credential::CredentialError;
use attestry_credential::w3c::VerifyRequest;
use attestry_service::http::{JsonBody, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::Issuer;

/// `POST /credentials/verify`
pub(super) async fn credential(
    State(issuer): State<Issuer>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    verify(&issuer, VerifyRequest::of_credential(&body)).await
}

/// `POST /presentations/verify`
pub(super) async fn presentation(
    State(issuer): State<Issuer>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    verify(&issuer, VerifyRequest::of_presentation(&body)).await
}

async fn verify(
    issuer: &Issuer,
    request: Result<VerifyRequest<'_>, CredentialError>,
) -> Result<Response, Problem> {
    let request = request.map_err(|error| Problem::invalid_request().detail(error.to_string()))?;
    let verdict = request.verify(issuer.now(), issuer, issuer).await;
    let status = if verdict.verified() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok((status, Json(verdict.to_json())).into_response())
}
