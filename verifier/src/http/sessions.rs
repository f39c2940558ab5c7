//! Sessions on the wire.

use attestry_circuits::WithdrawalKey;
use attestry_credential::policy::{Disclosed, PolicyDocument};
use attestry_credential::presentation::{
    Identifier, PresentationRequest, PresentationResponse, Query, ScopeParts,
};
use attestry_service::Actor;
use attestry_service::http::{Body, Path, Problem, RequestId, TypedBody};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::problem::of_refusal;
use crate::session::{Decision, NewSession, Session, SessionStatus};
use crate::{Refusal, Verifier, VerifierError};

/// Name of the query of a session that asks one.
const ONLY_QUERY: &str = "q1";

/// `POST /presentations`: either `policy` and `parameters`, or several `queries`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSessionBody {
    policy: Option<Value>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    queries: Vec<QueryBody>,
    /// What the nullifier counts: for instance a study.
    purpose: String,
    /// Words for the holder; the purpose if absent.
    notice: Option<String>,
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    count_once: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryBody {
    id: String,
    /// A published policy, by id, `id@version` or hash; or a whole policy.
    policy: Value,
    #[serde(default)]
    parameters: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithdrawalBody {
    withdrawal_key: WithdrawalKey,
}

pub(super) async fn open(
    State(verifier): State<Verifier>,
    actor: Actor,
    TypedBody(body): TypedBody<NewSessionBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), Problem> {
    let only = body.policy.map(|policy| QueryBody {
        id: ONLY_QUERY.to_owned(),
        policy,
        parameters: body.parameters,
    });
    if only.is_some() != body.queries.is_empty() {
        let rule = "or queries must be given, and not both";
        return Err(VerifierError::Request { field: "policy", rule }.into());
    }
    let mut queries = Vec::new();
    for query in only.into_iter().chain(body.queries) {
        queries.push(resolve(&verifier, query).await?);
    }
    let asked = NewSession {
        queries,
        scope: ScopeParts { purpose: body.purpose.clone(), epoch: body.epoch },
        purpose: body.notice.unwrap_or(body.purpose),
        count_once: body.count_once,
    };
    Ok(opened(&verifier, &verifier.open_session(&actor, asked).await?))
}

/// The answer to who opened a session.
pub(super) fn opened(
    verifier: &Verifier,
    session: &Session,
) -> (StatusCode, [(HeaderName, String); 1], Json<Value>) {
    let location = format!("/presentations/{}", session.id);
    let answer = json!({
        "id": session.id,
        "request_uri": request_uri(verifier, session),
        "request": session.request,
        "expires_at": session.request.expires_at,
    });
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(answer))
}

pub(super) async fn request(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Json<PresentationRequest>, Problem> {
    Ok(Json(verifier.session(&identifier(&id)?).await?.request))
}

pub(super) async fn respond(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
    wallet: RequestId,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let id = identifier(&id)?;
    let response = PresentationResponse::from_json(&body)
        .map_err(|error| of_refusal(&Refusal::Malformed(error), None))?;
    match verifier.respond(&Actor::wallet(wallet.as_str()), &id, &response).await? {
        Decision::Accepted { receipt } => Ok(Json(json!({ "verified": true, "receipt": receipt }))),
        Decision::Refused { refusal, receipt } => Err(of_refusal(&refusal, receipt)),
    }
}

pub(super) async fn outcome(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (session, status) = verifier.outcome(&identifier(&id)?).await?;
    let mut answer = json!({
        "id": session.id,
        "request_uri": request_uri(&verifier, &session),
        "expires_at": session.request.expires_at,
    });
    match status {
        SessionStatus::Pending => answer["status"] = "pending".into(),
        SessionStatus::Expired => answer["status"] = "expired".into(),
        SessionStatus::Accepted { receipt, disclosed } => {
            answer["status"] = "accepted".into();
            answer["receipt"] = receipt.as_str().into();
            answer["disclosed"] = disclosed.iter().map(values_of).collect();
        }
        SessionStatus::Refused { reason, receipt } => {
            answer["status"] = "refused".into();
            answer["reason"] = reason.into();
            answer["receipt"] = receipt.as_str().into();
        }
    }
    Ok(Json(answer))
}

pub(super) async fn withdraw(
    State(verifier): State<Verifier>,
    wallet: RequestId,
    TypedBody(body): TypedBody<WithdrawalBody>,
) -> Result<Json<Value>, Problem> {
    let nullifier =
        verifier.withdraw(&Actor::wallet(wallet.as_str()), &body.withdrawal_key).await?;
    Ok(Json(json!({ "withdrawn": nullifier })))
}

/// The values that a query's answer disclosed, by claim.
fn values_of((query, disclosed): (&Identifier, &Disclosed)) -> (String, Value) {
    let values = disclosed.iter().map(|(claim, value)| (claim.to_owned(), value.clone()));
    (query.to_string(), values.collect())
}

fn identifier(id: &str) -> Result<Identifier, VerifierError> {
    id.parse().map_err(|_| VerifierError::UnknownSession)
}

async fn resolve(verifier: &Verifier, body: QueryBody) -> Result<Query, VerifierError> {
    let id = body.id.parse().map_err(|_| VerifierError::Request {
        field: "queries.id",
        rule: "is not 1 to 64 letters, digits, hyphens or underscores",
    })?;
    let policy = match &body.policy {
        Value::String(name) => verifier.offered_policy(name).await?,
        inline => PolicyDocument::from_json(inline.to_string().as_bytes())?,
    };
    Ok(Query::new(id, policy, body.parameters)?)
}

fn request_uri(verifier: &Verifier, session: &Session) -> String {
    format!("{}/presentations/{}/request", verifier.config().public_url, session.request.request_id)
}
