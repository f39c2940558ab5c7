//! Verification of W3C documents over HTTP, as VC-API has it.

use attestry_credential::CredentialError;
use attestry_credential::w3c::VerifyRequest;
use attestry_service::Actor;
use attestry_service::http::{JsonBody, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::direct;
use crate::Verifier;

/// `POST /credentials/verify`
pub(super) async fn credential(
    State(verifier): State<Verifier>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    verify(&verifier, VerifyRequest::of_credential(&body)).await
}

/// `POST /presentations/verify`: a W3C document, or an answer to a request that the caller made.
pub(super) async fn presentation(
    State(verifier): State<Verifier>,
    actor: Actor,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    if direct::is_answer(&body) {
        return direct::verify(&verifier, &actor, &body).await;
    }
    verify(&verifier, VerifyRequest::of_presentation(&body)).await
}

async fn verify(
    verifier: &Verifier,
    request: Result<VerifyRequest<'_>, CredentialError>,
) -> Result<Response, Problem> {
    let request = request.map_err(|error| Problem::invalid_request().detail(error.to_string()))?;
    let verdict = request.verify(verifier.now(), verifier, verifier).await;
    let status = if verdict.verified() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok((status, Json(verdict.to_json())).into_response())
}
