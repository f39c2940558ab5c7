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
//! | `POST /imports?schema=` | a roster (`text/csv` with a schema, `application/x-ndjson`) or Bundle (`application/fhir+json`) | 202 the import, or 200 if the same request came before |
//! | `GET /imports?limit=&after=` | | 200 `{"imports", "next"}`, newest first |
//! | `GET /imports/{id}` | | 200 `{"id", "state", "records", "done", "issued", "renewed", "unchanged", "failed", …}` |
//! | `GET /imports/{id}/errors` | | 200 line, column and rule of each row that failed, NDJSON or `text/csv` |
//! | `GET /imports/{id}/failed`, `DELETE /imports/{id}/failed` | | 200 the records of which a row failed, as they were sent; 204 when they are destroyed |
//! | `POST /imports/{id}/{cancel,rerun}` | | 200 the import; 202 a new one of what failed |
//! | `GET /imports/template?schema=` | | 200 the columns of a roster, `text/csv` |
//! | `POST /status-lists/publish` | | 200, an array: list, root, flips |
//! | `GET /status-lists/{id}` | | 200 BitstringStatusListCredential, `application/vc+ld+json` |
//! | `POST /offers` | as to issue, without `holder`; further options `txCode`, `expiresIn`, `deferred` | 201 `{"id", "offerUri", "deepLink", "txCode", "expiresAt", …}` |
//! | `GET /offers/{id}`, `DELETE /offers/{id}`, `POST /offers/{id}/release` | | 200 `{"id", "state", "released", "txCodeAttempts", "credential", …}` |
//! | `GET /offers/{id}/qr.svg` | | 200 the offer's link as a QR code |
//! | `GET /oid4vci/offers/{reference}` | | 200 Credential Offer |
//! | `POST /oid4vci/{token,nonce,credential,deferred,notification}` | as OpenID4VCI 1.0 has it | as OpenID4VCI 1.0 has it |
//! | `GET /.well-known/{openid-credential-issuer,oauth-authorization-server}` and the path of the public URL | | 200 metadata |
//! | `GET /1.0/identifiers/{did}` | | 200 DID resolution result, as the Universal Resolver has it |
//! | `GET /contexts/{name}`, `GET /schemas/{name}` | | 200 what documents name by URL |
//! | `GET /openapi.json`, `GET /docs` | | 200 all of this for programs, and a page to try it |
//! | `GET /healthz`, `GET /readyz` | | 200, or 503 |
//! | `GET /metrics` | | 200 OpenMetrics, unless it is served on a listener of its own |
//!
//! The default tenant is served at the root, every other below `/t/{tenant}`. What follows after
//! the status lists in this table, and the keys of wallets' metadata, is the same for all tenants.
//!
//! `options`: `holder` (the holder's commitment, `0x` and 64 hexadecimal digits), `validFrom` and
//! `validUntil` (RFC 3339), `item` (which credential of a resource that stands for several).
//! Of an offer, `txCode` is `false` or `{"length": 6}`, up to 12 digits, `expiresIn` is in seconds,
//! and `deferred` keeps the credential back until the offer is released. `Idempotency-Key` makes
//! issuing, renewing and offering repeatable. Status lists, health and what wallets use are public;
//! all else takes an API key or a token of the identity provider, as a bearer token. Registrars
//! issue, offer and change; reviewers read what registrars read and approve what takes two;
//! registrars and admins publish. `/api-keys` is as [`attestry_service::access::http`] has it,
//! `/audit` as [`attestry_service::audit::http`]. Errors are RFC 9457 problem documents, and to
//! wallets the codes of OpenID4VCI and OAuth 2.0. An import's `Idempotency-Key` makes sending the
//! file repeatable; without one, the same file is the same request.

mod background;
mod credentials;
mod health;
mod identifiers;
mod imports;
mod life;
mod lists;
mod offers;
mod oid4vci;
mod problem;
mod proposals;
mod register;
mod verification;
mod vocabulary;

pub use attestry_service::access::Access;

use attestry_service::access::http::Gate;
use attestry_service::http::{Hosting, docs, mount};
use attestry_service::{Role, access, audit};
use axum::Router;
use axum::routing::{get, post, put};
use tokio::net::TcpListener;

use crate::{Issuer, IssuerError};
use background::Background;
use health::Health;

/// All of it as OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("../../openapi/openapi.json");

/// What is served, and to whom.
#[derive(Debug)]
pub struct Service {
    /// One issuer for each tenant.
    pub issuers: Vec<Issuer>,
    /// How they are hosted.
    pub hosting: Hosting,
    /// How often the heads of the audit logs go to the ledger, seconds; never if none.
    pub audit_anchor_interval_s: Option<u64>,
}

impl Service {
    /// Issuers with the usual limits, and the metrics beside everything else.
    pub fn new(issuers: Vec<Issuer>, access: Access) -> Self {
        Self { issuers, hosting: Hosting::new(access), audit_anchor_interval_s: None }
    }
}

/// Serves issuers on a listener, publishes status changes in windows and does what else is due by
/// the clock, until `shutdown` ends. Requests and publications that have begun are finished first.
///
/// # Errors
/// [`IssuerError::OpenAccess`] if the access is open and the listener is not on loopback;
/// [`IssuerError::Io`].
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), IssuerError> {
    if !service.hosting.is_allowed_on(&listener)? {
        return Err(IssuerError::OpenAccess);
    }
    let background = Background::start(&service.issuers, service.audit_anchor_interval_s);
    let health = Health::of(&service.issuers);
    let app = routes(&service);
    service.hosting.serve(listener, app, &health, shutdown).await;
    background.stop().await;
    Ok(())
}

/// All routes, the metrics among them, for a caller that has its own server. Nothing is done by
/// the clock then.
pub fn router(service: &Service) -> Router {
    service.hosting.router(routes(service), &Health::of(&service.issuers))
}

/// The routes of all tenants and of none, without what is wrapped around them.
fn routes(service: &Service) -> Router {
    let mut app = Router::new().merge(vocabulary::routes()).merge(docs(OPENAPI));
    for issuer in &service.issuers {
        let routes = tenant_routes(issuer, &service.hosting.access).with_state(issuer.clone());
        app = mount(app, issuer.tenant(), routes);
        app = app.merge(oid4vci::metadata_routes(issuer).with_state(issuer.clone()));
    }
    app
}

/// The routes of one tenant.
fn tenant_routes(issuer: &Issuer, access: &Access) -> Router<Issuer> {
    let clock = issuer.clone();
    let gate = Gate::new(access.clone(), issuer.tenant().clone(), move || clock.now());
    let database = issuer.database();
    let registrar = Router::new()
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
        .route("/offers/{id}/release", post(offers::release))
        .route("/imports", post(imports::send))
        .route("/imports/{id}/failed", get(imports::failed).delete(imports::discard))
        .route("/imports/{id}/cancel", post(imports::cancel))
        .route("/imports/{id}/rerun", post(imports::rerun))
        .route("/expirables/{id}/acknowledge", post(life::acknowledge))
        .route("/studies/{study}/consent-form", put(life::require_form))
        .route("/revocations", post(proposals::propose_revocation))
        .route("/erasures", post(proposals::propose_erasure));
    let reader = Router::new()
        .route("/credentials", get(register::search))
        .route("/credentials/verify", post(verification::credential))
        .route("/presentations/verify", post(verification::presentation))
        .route("/credentials/{id}", get(credentials::read))
        .route("/credentials/{id}/history", get(register::history))
        .route("/imports", get(imports::list))
        .route("/imports/template", get(imports::template))
        .route("/imports/{id}", get(imports::read))
        .route("/imports/{id}/errors", get(imports::errors))
        .route("/expirables", get(life::expirables))
        .route("/studies/{study}/reconsents", get(life::reconsents))
        .route("/proposals", get(proposals::list))
        .route("/proposals/{id}", get(proposals::read))
        .route("/proposals/{id}/reject", post(proposals::reject));
    let reviewer = Router::new().route("/proposals/{id}/approve", post(proposals::approve));
    let publisher = Router::new().route("/status-lists/publish", post(lists::publish));
    Router::new()
        .route("/status-lists/{id}", get(lists::read))
        .route("/1.0/identifiers/{did}", get(identifiers::resolve))
        .merge(oid4vci::routes())
        .merge(gate.guard(&[Role::Registrar], registrar))
        .merge(gate.guard(&[Role::Registrar, Role::Reviewer], reader))
        .merge(gate.guard(&[Role::Reviewer], reviewer))
        .merge(gate.guard(&[Role::Registrar, Role::Admin], publisher))
        .merge(access::http::routes(database.clone(), &gate))
        .merge(audit::http::routes(database.clone(), &gate))
}
