//! What wallets use, as OpenID4VP has it: the signed request, and where the answer is posted.

use attestry_credential::oid4vp::REQUEST_CONTENT_TYPE;
use attestry_service::Actor;
use attestry_service::http::{FormBody, Path, Problem, RequestId};
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::problem::of_refusal;
use super::sessions::identifier;
use crate::answer::Posted;
use crate::session::Decision;
use crate::{Refusal, Verifier};

/// `GET /oid4vp/requests/{request_id}`
pub(super) async fn request(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let session = verifier.session(&identifier(&id)?).await?;
    if let Some(ending) = session.ended {
        return Err(of_refusal(&ending.refusal(), None));
    }
    if verifier.now() > session.request.expires_at {
        return Err(of_refusal(&Refusal::Expired, None));
    }
    let signed = session.delivery.signed_request;
    Ok(([(CONTENT_TYPE, REQUEST_CONTENT_TYPE)], signed).into_response())
}

/// `POST /oid4vp/responses/{request_id}`
pub(super) async fn respond(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
    wallet: RequestId,
    FormBody(form): FormBody,
) -> Result<Json<Value>, Problem> {
    let session = verifier.session(&identifier(&id)?).await?;
    let redirect = session.redirect_location();
    let posted = verifier.take_form(&Actor::wallet(wallet.as_str()), session, &form).await?;
    let (mut answer, decided) = match posted {
        Posted::Declined => (json!({}), None),
        Posted::Decided(Decision::Accepted { receipt }) => {
            (json!({ "verified": true, "receipt": receipt }), None)
        }
        Posted::Decided(Decision::Refused { refusal, receipt: None }) => {
            return Err(of_refusal(&refusal, None));
        }
        Posted::Decided(Decision::Refused { refusal, receipt }) => {
            (json!({}), Some(of_refusal(&refusal, receipt)))
        }
    };
    match (decided, redirect) {
        (Some(refused), Some(redirect)) => Err(refused.member("redirect_uri", redirect)),
        (Some(refused), None) => Err(refused),
        (None, redirect) => {
            if let Some(redirect) = redirect {
                answer["redirect_uri"] = json!(redirect);
            }
            Ok(Json(answer))
        }
    }
}
