//! One database for all services: SQLite or PostgreSQL, by the same migrations and queries.
//!
//! What both take: `$1` parameters, `ON CONFLICT`, `RETURNING`; columns of `BIGINT` and `TEXT`
//! alone (times are Unix seconds, documents JSON, bytes hexadecimal, truth 0 or 1). Whoever
//! changes a row that others read first does so by a condition on what was read, or by an update
//! that locks the row: both databases order writers by that.

mod checkpoint;
mod schema;
mod url;

pub use url::DatabaseUrl;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, Executor, Transaction};

use checkpoint::Checkpoints;

/// Connections of a service to its database.
const CONNECTIONS: u32 = 8;
/// How long to wait for a connection: a busy database is an error, not a queue without end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Readers go on while one writes; what is committed is on disk; what is deleted is overwritten.
/// Should nobody else have moved 64 MiB of log into the file, whoever commits does.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 16384; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000;
    PRAGMA secure_delete = ON";

/// What can go wrong with a database as such.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A text is no URL of a database.
    #[error("is neither sqlite:PATH nor postgres://HOST/NAME")]
    Url,
    /// The file cannot be made.
    #[error("the database file cannot be made: {}", .0.kind())]
    Io(#[from] std::io::Error),
    /// The database refused or did not answer.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
    /// The database could not be brought up to date.
    #[error("the database could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A record that cannot be what this software wrote.
    #[error("the database holds a record that cannot be read: {0}")]
    Corrupt(&'static str),
    /// The audit log holds plain short texts only.
    #[error("the audit log does not take this {0}")]
    NotForAudit(&'static str),
}

/// What a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database. Clones share its connections.
#[derive(Clone)]
pub struct Database {
    pool: AnyPool,
    /// SQLite takes one writer at a time. It is always the same connection, which knows what it
    /// wrote, and whoever waits for it has it as soon as it is free.
    writer: AnyPool,
    kind: Kind,
    _checkpoints: Option<Arc<Checkpoints>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Database {
    /// Connects; a file that is not there is made, readable by its owner only.
    ///
    /// # Errors
    /// [`DatabaseError::Io`], [`DatabaseError::Sql`].
    pub async fn open(url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        Ok(match url {
            DatabaseUrl::Sqlite(path) => {
                create_private(path)?;
                let options: AnyConnectOptions = format!("sqlite:{}", path.display()).parse()?;
                let pool = pool.after_connect(|connection, _| {
                    Box::pin(async move {
                        connection.execute(SQLITE_SETTINGS).await?;
                        Ok(())
                    })
                });
                let writer = pool.clone().max_connections(1).connect_lazy_with(options.clone());
                let pool = pool.connect_with(options).await?;
                let checkpoints = Some(Arc::new(Checkpoints::start(pool.clone())));
                Self { pool, writer, kind: Kind::Sqlite, _checkpoints: checkpoints }
            }
            DatabaseUrl::Postgres(url) => {
                let options: AnyConnectOptions = url.parse()?;
                let pool = pool.connect_with(options).await?;
                let writer = pool.clone();
                Self { pool, writer, kind: Kind::Postgres, _checkpoints: None }
            }
        })
    }

    /// Brings the tables up to date. Several migrators share a database if no two have a version
    /// in common; several replicas may do it at once.
    ///
    /// # Errors
    /// [`DatabaseError::Migration`].
    pub async fn migrate(&self, mut migrator: Migrator) -> Result<(), DatabaseError> {
        migrator.set_ignore_missing(true);
        Ok(migrator.run(&self.pool).await?)
    }

    /// The connections, for what only reads or is one statement.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A transaction that writes.
    ///
    /// # Errors
    /// [`DatabaseError::Sql`].
    pub async fn write(&self) -> Result<Transaction<'static, Any>, DatabaseError> {
        let begin = match self.kind {
            // The lock is taken at once: single statements and other processes write, too.
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        };
        Ok(self.writer.begin_with(begin).await?)
    }

    /// What it is, for what the two write differently.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DatabaseError::Sql`].
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.pool.execute("SELECT 1").await?;
        Ok(())
    }

    /// Closes all connections; what was committed is on disk already.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }
}

/// Makes an empty file readable by its owner only, unless there is a file already.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A whole number as the database has it.
///
/// # Errors
/// [`DatabaseError::Corrupt`] if it is out of the type's range.
pub fn unsigned<T: TryFrom<i64>>(value: i64, what: &'static str) -> Result<T, DatabaseError> {
    T::try_from(value).map_err(|_| DatabaseError::Corrupt(what))
}

/// A time as the database has it; later ones than it can hold are the latest.
pub fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}
