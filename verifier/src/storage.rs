//! What the verifier keeps, in SQLite. The queries are those that PostgreSQL takes as well.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use attestry_circuits::Nullifier;
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{Identifier, PresentationRequest};
use serde_json::{Map, Value};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::session::{Decision, Session, SessionStatus};
use crate::{Refusal, SignedReceipt, VerifiedPresentation, VerifierError};

/// How long a writer waits for another.
const BUSY: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 8;

/// The verifier's database. Clones share it.
#[derive(Clone, Debug)]
pub struct Storage {
    pool: SqlitePool,
}

impl Storage {
    /// Opens a database file, or makes it, and brings it up to date.
    ///
    /// # Errors
    /// [`VerifierError::Storage`], [`VerifierError::Migration`].
    pub async fn open(file: &Path) -> Result<Self, VerifierError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool =
            SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self { pool })
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), VerifierError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    pub(crate) async fn add_session(&self, session: &Session) -> Result<(), VerifierError> {
        let request = serde_json::to_string(&session.request)
            .map_err(|_| VerifierError::Corrupt("a request has no JSON"))?;
        sqlx::query(
            "INSERT INTO sessions (id, request_id, request, count_once, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(session.id.as_str())
        .bind(session.request.request_id.as_str())
        .bind(request)
        .bind(i64::from(session.count_once))
        .bind(seconds(session.created_at)?)
        .bind(seconds(session.request.expires_at)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The session in which a wallet was sent this request.
    pub(crate) async fn session(
        &self,
        request_id: &Identifier,
    ) -> Result<Option<Session>, VerifierError> {
        let row = sqlx::query_as(
            "SELECT id, request, count_once, created_at FROM sessions WHERE request_id = $1",
        )
        .bind(request_id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.map(read_session).transpose()
    }

    /// The session of this handle, and what became of it.
    pub(crate) async fn outcome(
        &self,
        id: &Identifier,
        now: u64,
    ) -> Result<Option<(Session, SessionStatus)>, VerifierError> {
        let row = sqlx::query_as(
            "SELECT id, request, count_once, created_at FROM sessions WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        let Some(session) = row.map(read_session).transpose()? else { return Ok(None) };
        let decision: Option<(Option<String>, String, String)> = sqlx::query_as(
            "SELECT refused, receipt, disclosed FROM decisions WHERE request_id = $1",
        )
        .bind(session.request.request_id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        let status = match decision {
            None if now > session.request.expires_at => SessionStatus::Expired,
            None => SessionStatus::Pending,
            Some((None, receipt, disclosed)) => SessionStatus::Accepted {
                receipt: SignedReceipt::from_text(receipt),
                disclosed: read_disclosed(&disclosed)?,
            },
            Some((Some(reason), receipt, _)) => {
                SessionStatus::Refused { reason, receipt: SignedReceipt::from_text(receipt) }
            }
        };
        Ok(Some((session, status)))
    }

    /// Whether a session has had its answer.
    pub(crate) async fn is_answered(&self, session: &Session) -> Result<bool, VerifierError> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM nonces WHERE nonce = $1")
            .bind(session.request.nonce.to_string())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Accepts what was verified, unless its challenge has been answered or its holder has
    /// withdrawn or been counted. One transaction, which starts with the insertion of the nonce:
    /// of two that race, the second waits and is a replay. `sign` makes the outcome's receipt.
    pub(crate) async fn accept(
        &self,
        verified: &VerifiedPresentation,
        sign: impl FnOnce(Result<(), &Refusal>) -> Result<SignedReceipt, VerifierError>,
    ) -> Result<Decision, VerifierError> {
        let now = seconds(verified.checked_at())?;
        let request_id = verified.request_id().as_str();
        let mut transaction = self.pool.begin().await?;
        if !consume(&mut transaction, &verified.nonce().to_string(), now).await? {
            return Ok(Decision::Refused { refusal: Refusal::Replayed, receipt: None });
        }
        let outcome = hold_against_holder(&mut transaction, verified, now).await?;
        let receipt = sign(outcome.as_ref().copied())?;
        let disclosed = match &outcome {
            Ok(()) => write_disclosed(verified),
            Err(_) => Map::new(),
        };
        let reason = outcome.as_ref().err().map(Refusal::reason);
        record(&mut transaction, request_id, reason, &receipt, disclosed, now).await?;
        transaction.commit().await?;
        Ok(match outcome {
            Ok(()) => Decision::Accepted { receipt },
            Err(refusal) => Decision::Refused { refusal, receipt: Some(receipt) },
        })
    }

    /// Records a refusal that decides the session, unless it has had its answer.
    pub(crate) async fn refuse(
        &self,
        request: &PresentationRequest,
        refusal: Refusal,
        sign: impl FnOnce(Result<(), &Refusal>) -> Result<SignedReceipt, VerifierError>,
        now: u64,
    ) -> Result<Decision, VerifierError> {
        let now = seconds(now)?;
        let mut transaction = self.pool.begin().await?;
        if !consume(&mut transaction, &request.nonce.to_string(), now).await? {
            return Ok(Decision::Refused { refusal: Refusal::Replayed, receipt: None });
        }
        let receipt = sign(Err(&refusal))?;
        let reason = Some(refusal.reason());
        let request_id = request.request_id.as_str();
        record(&mut transaction, request_id, reason, &receipt, Map::new(), now).await?;
        transaction.commit().await?;
        Ok(Decision::Refused { refusal, receipt: Some(receipt) })
    }

    /// Records that a holder has withdrawn; again, if it was recorded before.
    pub(crate) async fn withdraw(
        &self,
        nullifier: &Nullifier,
        now: u64,
    ) -> Result<(), VerifierError> {
        sqlx::query(
            "INSERT INTO withdrawals (nullifier, withdrawn_at) VALUES ($1, $2) \
             ON CONFLICT DO NOTHING",
        )
        .bind(nullifier.to_string())
        .bind(seconds(now)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Consumes a challenge; false if it was consumed before.
async fn consume(
    transaction: &mut Transaction<'_, Sqlite>,
    nonce: &str,
    now: i64,
) -> Result<bool, VerifierError> {
    let inserted = sqlx::query(
        "INSERT INTO nonces (nonce, consumed_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(nonce)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Checks what speaks against the holder, and counts it where the session asks for that.
async fn hold_against_holder(
    transaction: &mut Transaction<'_, Sqlite>,
    verified: &VerifiedPresentation,
    now: i64,
) -> Result<Result<(), Refusal>, VerifierError> {
    let nullifier = verified.nullifier().to_string();
    let withdrawn: Option<(i64,)> =
        sqlx::query_as("SELECT withdrawn_at FROM withdrawals WHERE nullifier = $1")
            .bind(&nullifier)
            .fetch_optional(&mut **transaction)
            .await?;
    if withdrawn.is_some() {
        return Ok(Err(Refusal::Withdrawn));
    }
    let request_id = verified.request_id().as_str();
    let session: Option<(i64,)> =
        sqlx::query_as("SELECT count_once FROM sessions WHERE request_id = $1")
            .bind(request_id)
            .fetch_optional(&mut **transaction)
            .await?;
    let (count_once,) = session.ok_or(VerifierError::UnknownSession)?;
    if count_once == 0 {
        return Ok(Ok(()));
    }
    let counted = sqlx::query(
        "INSERT INTO nullifiers (scope, nullifier, request_id, counted_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(verified.scope().to_string())
    .bind(nullifier)
    .bind(request_id)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(if counted.rows_affected() == 1 { Ok(()) } else { Err(Refusal::AlreadyCounted) })
}

async fn record(
    transaction: &mut Transaction<'_, Sqlite>,
    request_id: &str,
    refused: Option<&str>,
    receipt: &SignedReceipt,
    disclosed: Map<String, Value>,
    now: i64,
) -> Result<(), VerifierError> {
    sqlx::query(
        "INSERT INTO decisions (request_id, refused, receipt, disclosed, decided_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(request_id)
    .bind(refused)
    .bind(receipt.as_str())
    .bind(Value::Object(disclosed).to_string())
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn read_session(row: (String, String, i64, i64)) -> Result<Session, VerifierError> {
    let (id, request, count_once, created_at) = row;
    Ok(Session {
        id: id.parse().map_err(|_| VerifierError::Corrupt("a session id"))?,
        request: PresentationRequest::from_json(request.as_bytes())
            .map_err(|_| VerifierError::Corrupt("a request"))?,
        count_once: count_once != 0,
        created_at: u64::try_from(created_at).map_err(|_| VerifierError::Corrupt("a time"))?,
    })
}

fn write_disclosed(verified: &VerifiedPresentation) -> Map<String, Value> {
    let queries = verified.disclosed().map(|(query, values)| {
        let values: Map<String, Value> =
            values.iter().map(|(claim, value)| (claim.to_owned(), value.clone())).collect();
        (query.to_string(), Value::Object(values))
    });
    queries.collect()
}

fn read_disclosed(text: &str) -> Result<BTreeMap<Identifier, Disclosed>, VerifierError> {
    let corrupt = || VerifierError::Corrupt("the disclosed values");
    let queries: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_str(text).map_err(|_| corrupt())?;
    let queries = queries.into_iter().map(|(query, values)| {
        let none = Disclosed::none();
        let values = values.into_iter().fold(none, |all, (claim, value)| all.with(claim, value));
        Ok((query.parse().map_err(|_| corrupt())?, values))
    });
    queries.collect()
}

fn seconds(time: u64) -> Result<i64, VerifierError> {
    i64::try_from(time).map_err(|_| VerifierError::Corrupt("a time past 2^63"))
}
