//! Sessions on the wire.

use std::collections::BTreeSet;

use attestry_circuits::WithdrawalKey;
use attestry_credential::policy::{Disclosed, FindingCode, PolicyDocument};
use attestry_credential::presentation::{Identifier, Query, ScopeParts};
use attestry_service::Actor;
use attestry_service::http::{Parameters, Path, Problem, RequestId, TypedBody, location, qr_svg};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{dcql, policies};
use crate::session::{NewSession, Session, SessionStatus};
use crate::{NewPlainSession, Reply, Verifier, VerifierError};

/// Name of the query of a session that asks one.
const ONLY_QUERY: &str = "q1";

/// `POST /presentations`: `policy` and `parameters`, or several `queries`, or a `dcql_query`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSessionBody {
    policy: Option<Value>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    queries: Vec<QueryBody>,
    dcql_query: Option<Value>,
    /// What the nullifier counts: for instance a study.
    purpose: String,
    /// Words for the holder; the purpose if absent.
    notice: Option<String>,
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    count_once: bool,
    /// `direct_post`, or `direct_post.jwt` for an answer that is encrypted.
    response_mode: Option<String>,
    redirect_uri: Option<String>,
    /// Codes of dangers of the policies that are brought along, which are meant.
    #[serde(default)]
    acknowledge: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryBody {
    pub(super) id: String,
    /// A published policy, by id, `id@version` or hash; or a whole policy.
    pub(super) policy: Value,
    #[serde(default)]
    pub(super) parameters: Map<String, Value>,
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
) -> Result<Opened, Problem> {
    let reply = reply(body.response_mode.as_deref(), body.redirect_uri.as_deref())?;
    if let (None, true, Some(dcql_query)) =
        (&body.policy, body.queries.is_empty(), &body.dcql_query)
        && dcql::is_plain(dcql_query)
    {
        if body.count_once
            || body.epoch != 0
            || !body.parameters.is_empty()
            || !body.acknowledge.is_empty()
        {
            let rule = "and epoch, parameters and acknowledge are for proofs alone";
            return Err(VerifierError::Request { field: "count_once", rule }.into());
        }
        let purpose = body.notice.unwrap_or(body.purpose);
        let asked = NewPlainSession { query: dcql::plain(dcql_query)?, purpose, reply };
        return opened(&verifier, &verifier.open_plain_session(&actor, asked).await?);
    }
    let only = body.policy.map(|policy| QueryBody {
        id: ONLY_QUERY.to_owned(),
        policy,
        parameters: body.parameters,
    });
    let bodies = match (only, body.queries, &body.dcql_query) {
        (Some(only), queries, None) if queries.is_empty() => vec![only],
        (None, queries, None) if !queries.is_empty() => queries,
        (None, queries, Some(dcql_query)) if queries.is_empty() => dcql::queries(dcql_query)?,
        _ => {
            let rule = "or queries or dcql_query must be given, and no two of them";
            return Err(VerifierError::Request { field: "policy", rule }.into());
        }
    };
    let codes = policies::codes(&body.acknowledge)?;
    let (mut queries, mut acknowledged) = (Vec::new(), BTreeSet::new());
    for query in bodies {
        let (query, dangers) = resolve(&verifier, query, &codes).await?;
        queries.push(query);
        acknowledged.extend(dangers);
    }
    let asked = NewSession {
        queries,
        scope: ScopeParts { purpose: body.purpose.clone(), epoch: body.epoch },
        purpose: body.notice.unwrap_or(body.purpose),
        count_once: body.count_once,
        reply,
        acknowledged: acknowledged.into_iter().collect(),
    };
    opened(&verifier, &verifier.open_session(&actor, asked).await?)
}

pub(super) type Opened = (StatusCode, [(HeaderName, String); 1], Json<Value>);

/// What is said of a session that has just been opened.
pub(super) fn opened(verifier: &Verifier, session: &Session) -> Result<Opened, Problem> {
    let path = format!("/presentations/{}", session.id);
    let mut answer = described(verifier, session)?;
    answer["deep_link"] = json!(verifier.link(session)?.to_string());
    answer["qr"] = json!(format!("{}{path}/qr.svg", verifier.config().public_url));
    Ok((StatusCode::CREATED, location(verifier.tenant(), path), Json(answer)))
}

/// What is always said of a session.
fn described(verifier: &Verifier, session: &Session) -> Result<Value, VerifierError> {
    Ok(json!({
        "id": session.id,
        "request_uri": verifier.link(session)?.request_uri,
        "expires_at": session.request.expires_at,
    }))
}

/// `DELETE /presentations/{id}`
pub(super) async fn cancel(
    State(verifier): State<Verifier>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    verifier.cancel(&actor, &identifier(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /presentations/{id}/qr.svg`
pub(super) async fn qr(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (session, _) = verifier.outcome(&identifier(&id)?).await?;
    let rule = "is too long for a QR code";
    let drawing = qr_svg(&verifier.link(&session)?.to_string())
        .ok_or(VerifierError::Request { field: "public_url", rule })?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], drawing).into_response())
}

/// `GET /presentations/{id}`, with the `response_code` if the session sends the browser back.
pub(super) async fn outcome(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let (session, status) = verifier.outcome(&identifier(&id)?).await?;
    let mut answer = described(&verifier, &session)?;
    answer["status"] = status.stage().word().into();
    let parameters = parameters.only(&["response_code"])?;
    let opened = session.is_opened_by(parameters.text("response_code"));
    match status {
        SessionStatus::Accepted { .. } | SessionStatus::Refused { .. } if !opened => {
            return Err(VerifierError::ResponseCode.into());
        }
        SessionStatus::Pending
        | SessionStatus::Expired
        | SessionStatus::Cancelled
        | SessionStatus::Declined => {}
        SessionStatus::Accepted { receipt, disclosed } => {
            answer["receipt"] = receipt.as_str().into();
            answer["disclosed"] = disclosed.iter().map(values_of).collect();
        }
        SessionStatus::Refused { reason, receipt } => {
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

fn reply(mode: Option<&str>, redirect_uri: Option<&str>) -> Result<Reply, VerifierError> {
    let encrypted = match mode {
        None | Some("direct_post") => false,
        Some("direct_post.jwt") => true,
        Some(_) => {
            let rule = "is not direct_post or direct_post.jwt";
            return Err(VerifierError::Request { field: "response_mode", rule });
        }
    };
    let wrong = |_| VerifierError::Request {
        field: "redirect_uri",
        rule: "is not an http or https URL without user information or fragment",
    };
    Ok(Reply { encrypted, redirect_uri: redirect_uri.map(str::parse).transpose().map_err(wrong)? })
}

pub(super) fn identifier(id: &str) -> Result<Identifier, VerifierError> {
    id.parse().map_err(|_| VerifierError::UnknownSession)
}

/// The query, and the dangers that are asked with a policy that it brings along.
async fn resolve(
    verifier: &Verifier,
    body: QueryBody,
    acknowledged: &[FindingCode],
) -> Result<(Query, Vec<FindingCode>), VerifierError> {
    let id = body.id.parse().map_err(|_| VerifierError::Request {
        field: "queries.id",
        rule: "is not 1 to 64 letters, digits, hyphens or underscores",
    })?;
    let (policy, dangers) = match &body.policy {
        Value::String(name) => (verifier.offered_policy(name).await?, Vec::new()),
        inline => {
            let policy = PolicyDocument::from_json(inline.to_string().as_bytes())?;
            let dangers = Verifier::inline_policy(&policy, &body.parameters, acknowledged)?;
            (policy, dangers)
        }
    };
    Ok((Query::new(id, policy, body.parameters)?, dangers))
}
