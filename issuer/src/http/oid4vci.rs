//! OpenID4VCI 1.0, as wallets speak it: public, each answer by the specification's own codes.

use ark_std::rand::rngs::OsRng;
use attestry_credential::issuance::{
    CredentialRequest, CredentialResponse, DeferredRequest, ErrorCode, ErrorResponse, Notification,
    TokenRequest,
};
use attestry_service::Actor;
use attestry_service::access::http::bearer_token;
use attestry_service::http::{Body, Path, Problem, RequestId};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::{ClaimError, Issuer};

/// The routes below the issuer's public URL.
pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/oid4vci/offers/{reference}", get(offer))
        .route("/oid4vci/token", post(token))
        .route("/oid4vci/nonce", post(nonce))
        .route("/oid4vci/credential", post(credential))
        .route("/oid4vci/deferred", post(deferred))
        .route("/oid4vci/notification", post(notification))
        .layer(axum::middleware::from_fn(never_stored))
}

/// The routes of an issuer's metadata, from the root of its host: those of an issuer at
/// `https://host/t/x` are at `https://host/.well-known/openid-credential-issuer/t/x`, so they are
/// never nested under the issuer's own path.
pub(super) fn metadata_routes(issuer: &Issuer) -> Router<Issuer> {
    // Without an identifier there is nothing to be found.
    let Ok(identifier) = issuer.identifier() else { return Router::new() };
    let path = identifier.path().trim_end_matches('/');
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b));
    if !plain {
        tracing::warn!(
            "the public URL's path has characters that the metadata are not served under"
        );
        return Router::new();
    }
    Router::new()
        .route(&format!("/.well-known/openid-credential-issuer{path}"), get(metadata))
        .route(&format!("/.well-known/oauth-authorization-server{path}"), get(server_metadata))
}

async fn metadata(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    Ok(Json(issuer.wallet_metadata()?).into_response())
}

async fn server_metadata(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    Ok(Json(issuer.server_metadata()?).into_response())
}

async fn offer(
    State(issuer): State<Issuer>,
    Path(reference): Path<String>,
) -> Result<Response, Problem> {
    Ok(Json(issuer.offer_for_wallet(&reference).await?).into_response())
}

async fn token(
    State(issuer): State<Issuer>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Result<Body, Problem>,
) -> Result<Response, Refused> {
    let body =
        read(&headers, "application/x-www-form-urlencoded", ErrorCode::InvalidRequest, body)?;
    let request = TokenRequest::from_form(&body)?;
    let response =
        issuer.claim_offer(&Actor::wallet(request_id.as_str()), &request, &mut OsRng).await?;
    Ok(Json(response).into_response())
}

async fn nonce(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    Ok(Json(issuer.nonce(&mut OsRng).await?).into_response())
}

fn access_token(headers: &HeaderMap) -> Result<&str, Refused> {
    bearer_token(headers).ok().flatten().ok_or(Refused::NoToken)
}

async fn credential(
    State(issuer): State<Issuer>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Result<Body, Problem>,
) -> Result<Response, Refused> {
    let token = access_token(&headers)?;
    let body = read(&headers, "application/json", ErrorCode::InvalidCredentialRequest, body)?;
    let request = CredentialRequest::from_json(&body)?;
    let response = issuer
        .issue_offered(&Actor::wallet(request_id.as_str()), token, &request, &mut OsRng)
        .await?;
    Ok(issued(&response))
}

async fn deferred(
    State(issuer): State<Issuer>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Result<Body, Problem>,
) -> Result<Response, Refused> {
    let token = access_token(&headers)?;
    let body = read(&headers, "application/json", ErrorCode::InvalidCredentialRequest, body)?;
    let request = DeferredRequest::from_json(&body)?;
    let response = issuer
        .issue_deferred(&Actor::wallet(request_id.as_str()), token, &request, &mut OsRng)
        .await?;
    Ok(issued(&response))
}

async fn notification(
    State(issuer): State<Issuer>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Result<Body, Problem>,
) -> Result<Response, Refused> {
    let token = access_token(&headers)?;
    let body = read(&headers, "application/json", ErrorCode::InvalidNotificationRequest, body)?;
    let notification = Notification::from_json(&body)?;
    issuer.take_notification(&Actor::wallet(request_id.as_str()), token, &notification).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn issued(response: &CredentialResponse) -> Response {
    let status = match response {
        CredentialResponse::Issued { .. } => StatusCode::OK,
        CredentialResponse::Deferred { .. } => StatusCode::ACCEPTED,
    };
    (status, Json(response)).into_response()
}

/// The body, if it is of the one media type that the endpoint takes.
fn read(
    headers: &HeaderMap,
    media_type: &str,
    code: ErrorCode,
    body: Result<Body, Problem>,
) -> Result<Bytes, Refused> {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|text| text.split(';').next()).unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case(media_type) {
        return Err(ErrorResponse::new(code, "the body is of another media type").into());
    }
    let Body(bytes) = body?;
    Ok(bytes)
}

/// Why a wallet's request is not answered as asked.
enum Refused {
    /// By a code of the protocol.
    Protocol(ErrorResponse),
    /// No access token came with it.
    NoToken,
    /// It failed here, or before the protocol had a say.
    Http(Problem),
}

impl From<ErrorResponse> for Refused {
    fn from(error: ErrorResponse) -> Self {
        Self::Protocol(error)
    }
}

impl From<Problem> for Refused {
    fn from(error: Problem) -> Self {
        Self::Http(error)
    }
}

impl From<ClaimError> for Refused {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Refused(error) => Self::Protocol(error),
            ClaimError::Issuer(error) => Self::Http(error.into()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let challenge = |challenge: &'static str| [(WWW_AUTHENTICATE, challenge)];
        match self {
            Self::Protocol(error) if error.error == ErrorCode::InvalidToken => {
                let challenge = challenge("Bearer error=\"invalid_token\"");
                (StatusCode::UNAUTHORIZED, challenge, Json(error)).into_response()
            }
            Self::Protocol(error) => (StatusCode::BAD_REQUEST, Json(error)).into_response(),
            // RFC 6750 3.1: without a token there is no error to name.
            Self::NoToken => (StatusCode::UNAUTHORIZED, challenge("Bearer")).into_response(),
            Self::Http(error) => error.into_response(),
        }
    }
}

/// Codes, tokens and credentials are not to be kept on the way.
async fn never_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}
