//! SQLite in the data directory. The only place that knows SQL.

mod credentials;
mod lists;
mod outbox;

pub(crate) use credentials::{Change, Idempotency, Stored};
pub(crate) use lists::PublishedList;
pub(crate) use outbox::{Flip, Pending};

use std::path::Path;
use std::time::Duration;

use attestry_ledger::EntryIndex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};

use crate::IssuerError;

const FILE: &str = "issuer.sqlite";
const CONNECTIONS: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The issuer's database. Clones share it.
#[derive(Clone)]
pub struct Storage {
    pool: SqlitePool,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

/// Who the issuer is on the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its did:ethr identifier.
    pub(crate) did: String,
    /// Id of the Ed25519 key in its DID document.
    pub(crate) vc_key_id: String,
}

impl Storage {
    /// Opens the database in a data directory, or makes a new one there, readable by its owner
    /// only, and brings it up to date.
    ///
    /// # Errors
    /// [`IssuerError::Io`], [`IssuerError::Storage`], [`IssuerError::Migration`].
    pub async fn open(data_directory: &Path) -> Result<Self, IssuerError> {
        std::fs::create_dir_all(data_directory)?;
        let path = data_directory.join(FILE);
        crate::files::create_private(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool =
            SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Closes all connections; what was committed is on disk already.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), IssuerError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    pub(crate) async fn identity(&self) -> Result<Option<Identity>, IssuerError> {
        let row = sqlx::query("SELECT did, vc_key_id FROM identity WHERE id = 1")
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok(Identity { did: row.try_get("did")?, vc_key_id: row.try_get("vc_key_id")? })
        })
        .transpose()
    }

    pub(crate) async fn set_identity(&self, identity: &Identity) -> Result<(), IssuerError> {
        sqlx::query(
            "INSERT INTO identity (id, did, vc_key_id) VALUES (1, $1, $2)
             ON CONFLICT (id) DO UPDATE SET did = excluded.did, vc_key_id = excluded.vc_key_id",
        )
        .bind(&identity.did)
        .bind(&identity.vc_key_id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A transaction that writes: it takes the one write lock at once, so that it never fails
    /// half-way for another writer.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>, IssuerError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// An unsigned integer as the database has it.
fn unsigned<T: TryFrom<i64>>(value: i64, what: &'static str) -> Result<T, IssuerError> {
    T::try_from(value).map_err(|_| IssuerError::Corrupt(what))
}

/// A time of at most 40 bits as the database has it; later ones are the latest.
fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn list_id(list: EntryIndex) -> i64 {
    i64::from(list.as_u32())
}
