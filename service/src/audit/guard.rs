//! The database itself refuses to change or lose an entry, as far as it can: its owner can lift
//! that. Triggers are the one thing that SQLite and PostgreSQL write differently.

use sqlx::{Connection, Executor};

use crate::database::Kind;
use crate::{Database, DatabaseError};

const SQLITE: &str = include_str!("guard/sqlite.sql");
const POSTGRES: &str = include_str!("guard/postgres.sql");
/// Creating a trigger that is there would lock tables that other replicas write.
const ON_GUARD: &str = "SELECT 1 FROM pg_trigger WHERE tgname = 'audit_heads_kept'
    AND tgrelid = 'audit_heads'::regclass";
/// One replica at a time makes the triggers.
const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(5419081)";

/// Sets the triggers, unless they are there.
pub(crate) async fn set(database: &Database) -> Result<(), DatabaseError> {
    let mut connection = database.pool().acquire().await?;
    if database.kind() == Kind::Sqlite {
        connection.execute(SQLITE).await?;
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    transaction.execute(ONE_AT_A_TIME).await?;
    if transaction.fetch_optional(ON_GUARD).await?.is_none() {
        transaction.execute(POSTGRES).await?;
    }
    Ok(transaction.commit().await?)
}
