//! What tests of services need: databases, one of each kind that is there, and a way to hold a
//! service against its description.

mod openapi;

pub use openapi::OpenApi;

use sqlx::Executor;
use tempfile::TempDir;

use crate::{Database, DatabaseUrl};

/// The variable that names a PostgreSQL server on which tests may make databases.
pub const POSTGRES: &str = "ATTESTRY_TEST_POSTGRES";

/// The variable that says on which kind of database a suite of tests runs: `sqlite`, which is the
/// default, or `postgres`.
pub const KIND: &str = "ATTESTRY_TEST_DATABASE";

/// A database of a test's own.
#[derive(Debug)]
pub struct TestDatabase {
    /// Its kind, for messages.
    pub kind: &'static str,
    /// Where it is.
    pub url: DatabaseUrl,
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// An empty SQLite file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("test.sqlite"));
        Self { kind: "sqlite", url, _folder: Some(folder) }
    }

    /// An empty PostgreSQL database, if [`POSTGRES`] names a server. It stays behind on the server.
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var(POSTGRES).ok()?;
        let name = format!("test_{:032x}", random());
        let administration = Database::open(&server.parse().unwrap()).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        administration.pool().execute(create).await.unwrap();
        administration.close().await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = DatabaseUrl::Postgres(format!("{base}/{name}"));
        Some(Self { kind: "postgres", url, _folder: None })
    }

    /// One of the kind that [`KIND`] names: for suites that are run once for each kind.
    pub async fn configured() -> Self {
        match std::env::var(KIND).as_deref() {
            Ok("postgres") => Self::postgres().await.unwrap(),
            Ok("sqlite") | Err(_) => Self::sqlite(),
            Ok(_) => unreachable!("{KIND} is neither sqlite nor postgres"),
        }
    }

    /// One of each kind. Without a PostgreSQL server it says so and leaves that one out.
    pub async fn each() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        match Self::postgres().await {
            Some(postgres) => all.push(postgres),
            None => announce("skipped on PostgreSQL: ATTESTRY_TEST_POSTGRES names no server"),
        }
        all
    }

    /// Connects.
    pub async fn open(&self) -> Database {
        Database::open(&self.url).await.unwrap()
    }
}

fn random() -> u128 {
    use ark_std::rand::{RngCore, rngs::OsRng};
    u128::from(OsRng.next_u64()) << 64 | u128::from(OsRng.next_u64())
}

#[allow(clippy::print_stderr, reason = "who runs the tests is to see what was left out")]
fn announce(text: &str) {
    eprintln!("{text}");
}
