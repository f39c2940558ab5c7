//! Offers to wallets, as the office makes and watches them.

use ark_std::rand::rngs::OsRng;
use attestry_credential::vcdm::write_time;
use attestry_service::Actor;
use attestry_service::http::{
    FieldError, IdempotencyKey, JsonBody, Members, Path, Problem, location,
};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::credentials::Order;
use crate::{Issuer, OfferRecord, OfferRequest};

/// How long an offer stands if the office does not say, seconds.
const LIFETIME_S: u64 = 86_400;
/// Digits of a transaction code if the office does not say.
const TX_CODE_LENGTH: u32 = 6;

/// Answers that hold a secret are not to be kept on the way.
const NO_STORE: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// `POST /offers`
pub(super) async fn make(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let known = ["validFrom", "validUntil", "item", "txCode", "expiresIn", "deferred"];
    let order = Order::read(&body, &known)?;
    let none = json!({});
    let options = Members::of(body.get("options").unwrap_or(&none), "options", &known)?;
    let request = OfferRequest {
        source: order.source.ok_or(FieldError::new("$", "has neither credential nor resource"))?,
        validity: order.validity,
        tx_code_length: tx_code_length(options.get("txCode"))?,
        lifetime_s: match options.get("expiresIn") {
            None => LIFETIME_S,
            Some(value) => {
                value.as_u64().ok_or(options.refuse("expiresIn", "is not a whole number"))?
            }
        },
        deferred: match options.get("deferred") {
            None => false,
            Some(value) => {
                value.as_bool().ok_or(options.refuse("deferred", "is not true or false"))?
            }
        },
        idempotency_key,
    };
    let offered = issuer.offer(&actor, &request, &mut OsRng).await?;
    let mut answer = described(&offered.offer);
    answer["offerUri"] = json!(offered.link.offer_uri);
    answer["deepLink"] = json!(offered.link.deep_link);
    if let Some(tx_code) = &offered.tx_code {
        answer["txCode"] = json!(tx_code.as_str());
    }
    let status = if offered.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let location = location(issuer.tenant(), format_args!("/offers/{}", offered.offer.id));
    Ok((status, location, NO_STORE, Json(answer)).into_response())
}

/// `GET /offers/{id}`
pub(super) async fn read(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(described(&issuer.offer_state(id.parse()?).await?)))
}

/// `GET /offers/{id}/qr.svg`
pub(super) async fn qr(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let drawing = issuer.offer_link(id.parse()?).await?.qr_svg()?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], NO_STORE, drawing).into_response())
}

/// `DELETE /offers/{id}`
pub(super) async fn cancel(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(described(&issuer.cancel_offer(&actor, id.parse()?).await?)))
}

/// `POST /offers/{id}/release`
pub(super) async fn release(
    State(issuer): State<Issuer>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(described(&issuer.release_offer(&actor, id.parse()?).await?)))
}

/// `false`, or an object with the length; six digits if it is left out.
fn tx_code_length(option: Option<&Value>) -> Result<Option<u32>, FieldError> {
    match option {
        None => Ok(Some(TX_CODE_LENGTH)),
        Some(Value::Bool(false)) => Ok(None),
        Some(object) => {
            let members = Members::of(object, "options.txCode", &["length"])?;
            let length = match members.get("length") {
                None => Some(TX_CODE_LENGTH),
                Some(value) => value.as_u64().and_then(|length| u32::try_from(length).ok()),
            };
            length.map(Some).ok_or(members.refuse("length", "is not a whole number"))
        }
    }
}

fn described(offer: &OfferRecord) -> Value {
    let mut described = json!({
        "id": offer.id.to_string(),
        "state": offer.state.word(),
        "schema": offer.schema.versioned_name(),
        "released": offer.ready,
        "txCodeAttempts": offer.attempts,
        "createdAt": write_time(offer.created_at).ok(),
        "expiresAt": write_time(offer.expires_at).ok(),
    });
    if let Some(credential) = offer.credential {
        described["credential"] = json!(credential.to_string());
    }
    if let Some(notified) = &offer.notified {
        described["notified"] = json!(notified);
    }
    described
}
