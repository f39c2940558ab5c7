//! The verifier over HTTP.
//!
//! | method and path | answer |
//! |---|---|
//! | `POST /presentations` | opens a session |
//! | `GET /presentations/{id}` | what became of it, for who opened it |
//! | `DELETE /presentations/{id}` | ends it, so that no answer is taken any more |
//! | `GET /presentations/{id}/qr.svg` | its link for wallets as a QR code |
//! | `GET /presentations/{id}/events` | what becomes of it, as server-sent events |
//! | `GET /oid4vp/requests/{request_id}` | what the wallet is asked, signed |
//! | `POST /oid4vp/responses/{request_id}` | the wallet's answer, a form |
//! | `POST /credentials/verify`, `POST /presentations/verify` | what is to be said of a W3C document, as VC-API has it; the latter also of an answer to a request that the caller made |
//! | `POST /presentations/verify-batch` | the same for a file of answers, NDJSON both ways |
//! | `POST /withdrawals` | a holder withdraws |
//! | `GET /policies`, `GET /policies/{id}` | what may be asked by name, in the newest version |
//! | `GET /policies/{id}/versions`, `GET /policies/{id}/{version}` | all versions, one of them |
//! | `POST /policies`, `DELETE /policies/{id}/{version}` | publishes a version, retires one |
//! | `POST /studies`, `GET /studies`, `GET /studies/{id}` | opens a study, lists and reads them |
//! | `PUT /studies/{id}/policy`, `POST /studies/{id}/epochs`, `POST /studies/{id}/close` | changes it |
//! | `POST /studies/{id}/sessions` | opens a session in which a participant answers it |
//! | `GET /studies/{id}/cohort` | how many take part, cells below 11 suppressed |
//! | `GET /studies/{id}/export` | the participants by pseudonyms |
//! | `POST /webhooks`, `GET /webhooks`, … | who is told of decisions and withdrawals, as [`webhooks::http`] has it |
//! | `GET /receipt-key` | the key of the receipts, as a JWK |
//! | `GET /openapi.json`, `GET /docs` | all of this for programs, and a page to try it |
//! | `GET /healthz`, `GET /readyz` | whether the process runs, whether it can decide |
//! | `GET /metrics` | what it counts, for Prometheus, unless it is served on a listener of its own |
//!
//! The default tenant is served at the root, every other below `/t/{tenant}`. What wallets use,
//! the receipt key and health are public; all else takes an API key or a token of the identity
//! provider, as a bearer token. Verifiers open sessions, read their results and have presentations
//! checked; sponsors publish policies and run studies. `/api-keys` is as
//! [`attestry_service::access::http`] has it, `/audit` as [`attestry_service::audit::http`]. Errors
//! are RFC 9457 problem documents.

mod background;
mod batch;
mod dcql;
mod direct;
mod events;
mod health;
mod lines;
mod oid4vp;
mod policies;
mod problem;
mod sessions;
mod studies;
mod verification;

pub use attestry_service::access::Access;
pub use attestry_service::http::Hosting;

use attestry_credential::oid4vp::MAX_FORM;
use attestry_service::access::http::Gate;
use attestry_service::http::{docs, mount};
use attestry_service::{Role, access, audit};
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Verifier, VerifierError, webhooks};
use background::Background;
use health::Health;

/// All of it as OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("../../openapi/openapi.json");

/// What is served, and to whom.
#[derive(Debug)]
pub struct Service {
    /// One verifier for each tenant.
    pub verifiers: Vec<Verifier>,
    /// How they are hosted.
    pub hosting: Hosting,
    /// How often the heads of the audit logs go to the ledger, seconds; never if none.
    pub audit_anchor_interval_s: Option<u64>,
}

impl Service {
    /// Verifiers with the usual limits, and the metrics beside everything else.
    pub fn new(verifiers: Vec<Verifier>, access: Access) -> Self {
        Self { verifiers, hosting: Hosting::new(access), audit_anchor_interval_s: None }
    }
}

/// Serves verifiers on a listener and does what is due by the clock, until `shutdown` ends.
/// Requests that have begun are finished first.
///
/// # Errors
/// [`VerifierError::OpenAccess`] if the access is open and the listener is not on loopback; those
/// of [`Verifier::load_policies`];
/// [`VerifierError::Io`].
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), VerifierError> {
    if !service.hosting.is_allowed_on(&listener)? {
        return Err(VerifierError::OpenAccess);
    }
    for verifier in &service.verifiers {
        verifier.load_policies().await?;
    }
    let background = Background::start(&service.verifiers, service.audit_anchor_interval_s);
    let health = Health::of(&service.verifiers);
    let app = routes(&service);
    let watched = service.verifiers.clone();
    // Who watches a session would keep its connection until the session is over.
    let shutdown = async move {
        shutdown.await;
        watched.iter().for_each(|verifier| verifier.watch().close());
    };
    service.hosting.serve(listener, app, &health, shutdown).await;
    background.stop().await;
    Ok(())
}

/// All routes, the metrics among them, for a caller that has its own server and has called
/// [`Verifier::load_policies`]. Nothing is done by the clock then.
pub fn router(service: &Service) -> Router {
    service.hosting.router(routes(service), &Health::of(&service.verifiers))
}

/// The routes of all tenants and of none, without what is wrapped around them.
fn routes(service: &Service) -> Router {
    let mut app = docs(OPENAPI);
    for verifier in &service.verifiers {
        let routes = tenant_routes(verifier, &service.hosting.access).with_state(verifier.clone());
        app = mount(app, verifier.tenant(), routes);
    }
    app
}

/// The routes of one tenant.
fn tenant_routes(verifier: &Verifier, access: &Access) -> Router<Verifier> {
    let clock = verifier.clone();
    let gate = Gate::new(access.clone(), verifier.tenant().clone(), move || clock.now());
    let database = verifier.database();
    let wallet = Router::new()
        .route("/oid4vp/requests/{id}", get(oid4vp::request))
        .route("/oid4vp/responses/{id}", post(oid4vp::respond))
        .route("/withdrawals", post(sessions::withdraw))
        .route("/receipt-key", get(receipt_key))
        // A body is at most as long as the longest answer.
        .layer(DefaultBodyLimit::max(MAX_FORM));
    let asker = Router::new()
        .route("/presentations", post(sessions::open))
        .route("/presentations/verify", post(verification::presentation))
        .route("/presentations/verify-batch", post(batch::verify))
        .route("/credentials/verify", post(verification::credential))
        .route("/presentations/{id}", get(sessions::outcome).delete(sessions::cancel))
        .route("/presentations/{id}/qr.svg", get(sessions::qr))
        .route("/presentations/{id}/events", get(events::watch));
    let reader = Router::new()
        .route("/policies", get(policies::list))
        .route("/policies/{id}", get(policies::read))
        .route("/policies/{id}/versions", get(policies::versions))
        .route("/policies/{id}/{version}", get(policies::read_version))
        .route("/studies/{id}/sessions", post(studies::open_session));
    let sponsor = Router::new()
        .route("/policies", post(policies::publish))
        .route("/policies/{id}/{version}", delete(policies::retire))
        .route("/studies", post(studies::open).get(studies::list))
        .route("/studies/{id}", get(studies::read))
        .route("/studies/{id}/policy", put(studies::change_policy))
        .route("/studies/{id}/epochs", post(studies::open_epoch))
        .route("/studies/{id}/close", post(studies::close))
        .route("/studies/{id}/cohort", get(studies::cohort))
        .route("/studies/{id}/export", get(studies::export));
    wallet
        .merge(gate.guard(&[Role::Verifier], asker))
        .merge(gate.guard(&[Role::Verifier, Role::Sponsor], reader))
        .merge(gate.guard(&[Role::Sponsor], sponsor))
        .merge(match verifier.webhooks() {
            Some(webhooks) => webhooks::http::routes(webhooks.clone(), &gate),
            None => Router::new(),
        })
        .merge(access::http::routes(database.clone(), &gate))
        .merge(audit::http::routes(database.clone(), &gate))
}

async fn receipt_key(State(verifier): State<Verifier>) -> Json<Value> {
    let key = URL_SAFE_NO_PAD.encode(verifier.receipt_verifying_key());
    Json(json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": key }))
}
