//! What takes two people: one proposes, another who may approve does so, and it is done once.
//!
//! Whoever uses this says what kinds of proposals there are, and does what was approved in the
//! transaction in which it calls [`execute`].

use ark_std::rand::{CryptoRng, RngCore};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::access::Principal;
use crate::audit::{self, Event};
use crate::database::{seconds, unsigned};
use crate::time;
use crate::{DatabaseError, Role, TenantId};

/// Largest payload, bytes of JSON.
pub const LARGEST_PAYLOAD: usize = 64 * 1024;
/// Longest time that a proposal stays open, seconds.
pub const LONGEST_TIME: u64 = 30 * 86_400;
const COLUMNS: &str = "id, kind, payload, state, proposed_by, proposed_at, expires_at, decided_by,
    decided_at, executed_at";

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has decided.
    Open,
    /// Somebody else approved it; it can be done.
    Approved,
    /// It was refused, or withdrawn by who proposed it.
    Rejected,
    /// It was done.
    Executed,
}

impl State {
    const ALL: [Self; 4] = [Self::Open, Self::Approved, Self::Rejected, Self::Executed];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Executed => "executed",
        }
    }
}

/// Something that one person proposed and another is to approve. JSON shows times in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Its id.
    pub id: String,
    /// What kind of thing it is: what is done if it is approved.
    pub kind: String,
    /// What exactly. It names no person.
    pub payload: Value,
    /// What became of it.
    pub state: State,
    /// Who proposed it.
    pub proposed_by: String,
    /// When, Unix seconds.
    #[serde(with = "time::json")]
    pub proposed_at: u64,
    /// From when on it can be neither approved nor done, Unix seconds.
    #[serde(with = "time::json")]
    pub expires_at: u64,
    /// Who approved or refused it.
    pub decided_by: Option<String>,
    /// When, Unix seconds.
    #[serde(serialize_with = "time::json::if_any")]
    pub decided_at: Option<u64>,
    /// When it was done, Unix seconds.
    #[serde(serialize_with = "time::json::if_any")]
    pub executed_at: Option<u64>,
}

/// What is to be proposed.
#[derive(Clone, Copy, Debug)]
pub struct NewProposal<'a> {
    /// What kind of thing.
    pub kind: &'static str,
    /// What exactly: ids that name no person, and codes.
    pub payload: &'a Value,
    /// For how long it may be approved and done, seconds; at most [`LONGEST_TIME`].
    pub time: u64,
}

/// Why something that takes two is not possible.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The payload is larger than [`LARGEST_PAYLOAD`].
    #[error("the proposal is too large")]
    TooLarge,
    /// The tenant has no proposal of this id.
    #[error("there is no such proposal")]
    Unknown,
    /// Whoever decides must not be who proposed.
    #[error("who proposed it cannot approve it")]
    SamePerson,
    /// Only reviewers approve.
    #[error("only a reviewer can decide on it")]
    NotReviewer,
    /// It was proposed too long ago.
    #[error("the proposal has expired")]
    Expired,
    /// Its state does not allow it.
    #[error("the proposal is {}", .0.word())]
    NotPossible(State),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for ApprovalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Proposes something.
///
/// # Errors
/// [`ApprovalError::TooLarge`], [`ApprovalError::Database`].
pub async fn propose(
    connection: &mut AnyConnection,
    now: u64,
    proposer: &Principal,
    request_id: Option<&str>,
    new: &NewProposal<'_>,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Proposal, ApprovalError> {
    let payload = new.payload.to_string();
    if payload.len() > LARGEST_PAYLOAD {
        return Err(ApprovalError::TooLarge);
    }
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    let proposal = Proposal {
        id: hex::encode(id),
        kind: new.kind.to_owned(),
        payload: new.payload.clone(),
        state: State::Open,
        proposed_by: proposer.name.clone(),
        proposed_at: now,
        expires_at: now.saturating_add(new.time.min(LONGEST_TIME)),
        decided_by: None,
        decided_at: None,
        executed_at: None,
    };
    let insert = "INSERT INTO proposals
        (tenant, id, kind, payload, state, proposed_by, proposed_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(insert)
        .bind(proposer.tenant.as_str())
        .bind(&proposal.id)
        .bind(&proposal.kind)
        .bind(&payload)
        .bind(proposal.state.word())
        .bind(&proposal.proposed_by)
        .bind(seconds(proposal.proposed_at))
        .bind(seconds(proposal.expires_at))
        .execute(&mut *connection)
        .await?;
    record(connection, now, proposer, request_id, "proposal.make", &proposal).await?;
    Ok(proposal)
}

/// Approves a proposal of somebody else.
///
/// # Errors
/// [`ApprovalError`], all but [`ApprovalError::TooLarge`].
pub async fn approve(
    connection: &mut AnyConnection,
    now: u64,
    reviewer: &Principal,
    request_id: Option<&str>,
    id: &str,
) -> Result<Proposal, ApprovalError> {
    let proposal = lock(connection, &reviewer.tenant, id).await?;
    if proposal.proposed_by == reviewer.name {
        return Err(ApprovalError::SamePerson);
    }
    decide(connection, now, reviewer, request_id, proposal, State::Approved).await
}

/// Refuses a proposal, or withdraws one's own, until it is done.
///
/// # Errors
/// [`ApprovalError`], all but [`ApprovalError::TooLarge`] and [`ApprovalError::SamePerson`].
pub async fn reject(
    connection: &mut AnyConnection,
    now: u64,
    principal: &Principal,
    request_id: Option<&str>,
    id: &str,
) -> Result<Proposal, ApprovalError> {
    let proposal = lock(connection, &principal.tenant, id).await?;
    decide(connection, now, principal, request_id, proposal, State::Rejected).await
}

async fn decide(
    connection: &mut AnyConnection,
    now: u64,
    principal: &Principal,
    request_id: Option<&str>,
    proposal: Proposal,
    state: State,
) -> Result<Proposal, ApprovalError> {
    let withdraws = state == State::Rejected && proposal.proposed_by == principal.name;
    if !withdraws && !principal.roles.contains(&Role::Reviewer) {
        return Err(ApprovalError::NotReviewer);
    }
    let is_possible = match state {
        State::Rejected => matches!(proposal.state, State::Open | State::Approved),
        _ => proposal.state == State::Open,
    };
    if !is_possible {
        return Err(ApprovalError::NotPossible(proposal.state));
    }
    if now >= proposal.expires_at {
        return Err(ApprovalError::Expired);
    }
    let proposal = Proposal {
        state,
        decided_by: Some(principal.name.clone()),
        decided_at: Some(now),
        ..proposal
    };
    let update = "UPDATE proposals SET state = $1, decided_by = $2, decided_at = $3
        WHERE tenant = $4 AND id = $5";
    sqlx::query(update)
        .bind(state.word())
        .bind(&principal.name)
        .bind(seconds(now))
        .bind(principal.tenant.as_str())
        .bind(&proposal.id)
        .execute(&mut *connection)
        .await?;
    let action = if state == State::Approved { "proposal.approve" } else { "proposal.reject" };
    record(connection, now, principal, request_id, action, &proposal).await?;
    Ok(proposal)
}

/// Marks an approved proposal as done, so that nobody else does it. The caller does it in the same
/// transaction.
///
/// # Errors
/// [`ApprovalError::Unknown`], also if it is of another kind; [`ApprovalError::Expired`],
/// [`ApprovalError::NotPossible`], [`ApprovalError::Database`].
pub async fn execute(
    connection: &mut AnyConnection,
    now: u64,
    principal: &Principal,
    request_id: Option<&str>,
    id: &str,
    kind: &'static str,
) -> Result<Proposal, ApprovalError> {
    let proposal = lock(connection, &principal.tenant, id).await?;
    if proposal.kind != kind {
        return Err(ApprovalError::Unknown);
    }
    if proposal.state != State::Approved {
        return Err(ApprovalError::NotPossible(proposal.state));
    }
    if now >= proposal.expires_at {
        return Err(ApprovalError::Expired);
    }
    let proposal = Proposal { state: State::Executed, executed_at: Some(now), ..proposal };
    let update = "UPDATE proposals SET state = $1, executed_at = $2 WHERE tenant = $3 AND id = $4";
    sqlx::query(update)
        .bind(proposal.state.word())
        .bind(seconds(now))
        .bind(principal.tenant.as_str())
        .bind(&proposal.id)
        .execute(&mut *connection)
        .await?;
    record(connection, now, principal, request_id, "proposal.execute", &proposal).await?;
    Ok(proposal)
}

/// A proposal.
///
/// # Errors
/// [`ApprovalError::Unknown`], [`ApprovalError::Database`].
pub async fn get(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: &str,
) -> Result<Proposal, ApprovalError> {
    let select =
        AssertSqlSafe(format!("SELECT {COLUMNS} FROM proposals WHERE tenant = $1 AND id = $2"));
    let row = sqlx::query(select).bind(tenant.as_str()).bind(id).fetch_optional(connection).await?;
    Ok(Proposal::from_row(&row.ok_or(ApprovalError::Unknown)?)?)
}

/// The last proposals, the last one first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    limit: u32,
) -> Result<Vec<Proposal>, DatabaseError> {
    let select = AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM proposals WHERE tenant = $1 ORDER BY proposed_at DESC, id LIMIT $2"
    ));
    let query = sqlx::query(select).bind(tenant.as_str()).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(Proposal::from_row).collect()
}

/// A proposal that nobody else can change until the transaction ends.
async fn lock(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: &str,
) -> Result<Proposal, ApprovalError> {
    let update = AssertSqlSafe(format!(
        "UPDATE proposals SET state = state WHERE tenant = $1 AND id = $2 RETURNING {COLUMNS}"
    ));
    let row = sqlx::query(update).bind(tenant.as_str()).bind(id).fetch_optional(connection).await?;
    Ok(Proposal::from_row(&row.ok_or(ApprovalError::Unknown)?)?)
}

/// What the audit log shows: who proposed and who decided, and a hash of what.
async fn record(
    connection: &mut AnyConnection,
    now: u64,
    principal: &Principal,
    request_id: Option<&str>,
    action: &'static str,
    proposal: &Proposal,
) -> Result<(), DatabaseError> {
    let mut details = vec![
        ("kind", proposal.kind.clone()),
        ("payloadHash", hex::encode(Sha256::digest(proposal.payload.to_string()))),
        ("proposedBy", proposal.proposed_by.clone()),
    ];
    details.extend(proposal.decided_by.clone().map(|name| ("decidedBy", name)));
    let actor = principal.actor(request_id);
    let event = Event { actor: &actor, action, object: Some(&proposal.id), details: &details };
    audit::append(connection, &principal.tenant, now, &event).await?;
    Ok(())
}

impl Proposal {
    fn from_row(row: &AnyRow) -> Result<Self, DatabaseError> {
        let time = |name| unsigned(row.try_get(name)?, "time of a proposal");
        let time_or_none = |name| {
            let time: Option<i64> = row.try_get(name)?;
            time.map(|time| unsigned(time, "time of a proposal")).transpose()
        };
        let payload: &str = row.try_get("payload")?;
        let state: &str = row.try_get("state")?;
        let state = State::ALL.into_iter().find(|known| known.word() == state);
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            payload: serde_json::from_str(payload)
                .map_err(|_| DatabaseError::Corrupt("payload of a proposal"))?,
            state: state.ok_or(DatabaseError::Corrupt("state of a proposal"))?,
            proposed_by: row.try_get("proposed_by")?,
            proposed_at: time("proposed_at")?,
            expires_at: time("expires_at")?,
            decided_by: row.try_get("decided_by")?,
            decided_at: time_or_none("decided_at")?,
            executed_at: time_or_none("executed_at")?,
        })
    }
}
