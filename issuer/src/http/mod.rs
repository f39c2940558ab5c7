//! The issuer over HTTP: VC-API (VCALM) for issuing and status, and what an office needs beside it.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | `POST /credentials/issue` | `{"credential": <VCDM 2.0 document without proof>, "options"}` or `{"resource": <FHIR R4>, "options"}` | 201 `{"verifiableCredential", "attestation"}` |
//! | `GET /credentials/{id}` | | 200 `{"verifiableCredential", "attestation", "status": {"state", "supersededBy"}}` |
//! | `POST /credentials/{id}/renew` | as to issue, all of it optional | 201 as from issue |
//! | `POST /credentials/{id}/{suspend,reinstate,revoke}` | `{"reason": <code>}` | 200 `{"id", "state"}` |
//! | `POST /credentials/status` | `{"credentialId", "credentialStatus": {"type", "statusPurpose"}, "status": true}` | 200 `{"id", "state"}` |
//! | `POST /preview` | a FHIR R4 resource or Bundle | 200, an array: what would be issued or why not |
//! | `POST /status-lists/publish` | | 200, an array: list, root, flips |
//! | `GET /status-lists/{id}` | | 200 BitstringStatusListCredential, `application/vc+ld+json` |
//! | `POST /offers` | as to issue, without `holder`; further options `txCode`, `expiresIn`, `deferred` | 201 `{"id", "offerUri", "deepLink", "txCode", "expiresAt", …}` |
//! | `GET /offers/{id}`, `DELETE /offers/{id}`, `POST /offers/{id}/release` | | 200 `{"id", "state", "released", "txCodeAttempts", "credential", …}` |
//! | `GET /offers/{id}/qr.svg` | | 200 the offer's link as a QR code |
//! | `GET /oid4vci/offers/{reference}` | | 200 Credential Offer |
//! | `POST /oid4vci/{token,nonce,credential,deferred,notification}` | as OpenID4VCI 1.0 has it | as OpenID4VCI 1.0 has it |
//! | `GET /.well-known/{openid-credential-issuer,oauth-authorization-server}` and the path of the public URL | | 200 metadata |
//! | `GET /healthz`, `GET /readyz` | | 200, or 503 |
//!
//! `options`: `holder` (the holder's commitment, `0x` and 64 hexadecimal digits), `validFrom` and
//! `validUntil` (RFC 3339), `item` (which credential of a resource that stands for several).
//! Of an offer, `txCode` is `false` or `{"length": 6}`, up to 12 digits, `expiresIn` is in seconds,
//! and `deferred` keeps the credential back until the offer is released. `Idempotency-Key` makes
//! issuing, renewing and offering repeatable. Status lists, health and what wallets use are public;
//! all else takes an API key or a token of the identity provider, as a bearer token. Registrars issue,
//! offer and change; reviewers read what registrars read; registrars and admins publish. `/api-keys`
//! is as [`attestry_service::access::http`] has it, `/audit` as [`attestry_service::audit::http`].
//! Errors are RFC 9457 problem documents, and to
//! wallets the codes of OpenID4VCI and OAuth 2.0.

mod credentials;
mod lists;
mod offers;
mod oid4vci;
mod problem;

use std::future::Future;
use std::time::Duration;

use ark_std::rand::rngs::OsRng;
use attestry_service::access::Access;
use attestry_service::access::http::Gate;
use attestry_service::http::{RequestLimits, finish};
use attestry_service::{Role, access, audit};
use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::{Issuer, IssuerError};

/// Largest request body, bytes.
pub const BODY_LIMIT: usize = 512 * 1024;
const LIMITS: RequestLimits =
    RequestLimits { body_bytes: BODY_LIMIT, time: Duration::from_secs(60) };

/// Serves an issuer on a listener and publishes status changes in windows, until `shutdown` ends.
/// Requests and publications that have begun are finished first.
///
/// # Errors
/// [`IssuerError::OpenAccess`] if the access is open and the listener is not on loopback;
/// [`IssuerError::Io`].
pub async fn serve(
    listener: TcpListener,
    issuer: Issuer,
    access: Access,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), IssuerError> {
    if matches!(access, Access::Open) && !listener.local_addr()?.ip().is_loopback() {
        return Err(IssuerError::OpenAccess);
    }
    let publisher = issuer.clone();
    let publisher = tokio::spawn(async move { publisher.publish_in_windows(&mut OsRng).await });
    let purger = issuer.clone();
    let purger = tokio::spawn(async move { purger.purge_offers_by_the_clock().await });
    let served = axum::serve(listener, router(issuer.clone(), access));
    let served = served.with_graceful_shutdown(shutdown).await;
    let _idle = issuer.publishing().await;
    publisher.abort();
    purger.abort();
    Ok(served?)
}

/// The routes, for a caller that has its own server. It runs [`Issuer::publish_in_windows`] itself.
pub fn router(issuer: Issuer, access: Access) -> Router {
    let clock = issuer.clone();
    let gate = Gate::new(access, issuer.tenant().clone(), move || clock.now());
    let registrars = Router::new()
        .route("/credentials/issue", post(credentials::issue))
        .route("/credentials/status", post(credentials::status))
        .route("/credentials/{id}/renew", post(credentials::renew))
        .route("/credentials/{id}/suspend", post(credentials::suspend))
        .route("/credentials/{id}/reinstate", post(credentials::reinstate))
        .route("/credentials/{id}/revoke", post(credentials::revoke))
        .route("/preview", post(credentials::preview))
        .route("/offers", post(offers::make))
        .route("/offers/{id}", get(offers::read).delete(offers::cancel))
        .route("/offers/{id}/qr.svg", get(offers::qr))
        .route("/offers/{id}/release", post(offers::release));
    let readers = Router::new().route("/credentials/{id}", get(credentials::read));
    let publishers = Router::new().route("/status-lists/publish", post(lists::publish));
    let routes = Router::new()
        .route("/status-lists/{id}", get(lists::read))
        .route("/healthz", get(lists::health))
        .route("/readyz", get(lists::readiness))
        .merge(oid4vci::routes())
        .merge(oid4vci::metadata_routes(&issuer))
        .merge(gate.guard(&[Role::Registrar], registrars))
        .merge(gate.guard(&[Role::Registrar, Role::Reviewer], readers))
        .merge(gate.guard(&[Role::Registrar, Role::Admin], publishers))
        .merge(access::http::routes(issuer.database().clone(), &gate))
        .merge(audit::http::routes(issuer.database().clone(), &gate));
    finish(routes, LIMITS).with_state(issuer)
}
