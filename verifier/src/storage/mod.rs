//! What a tenant keeps in the database. The only place that knows SQL.

mod checks;
mod decisions;
mod deliveries;
mod endings;
mod participants;
mod policies;
mod quotas;
mod sessions;
mod studies;
mod webhooks;
mod withdrawals;

pub(crate) use checks::Check;
pub(crate) use decisions::Verdict;
pub use deliveries::{Backlog, enqueue};
pub(crate) use deliveries::{Claimed, Left};
pub(crate) use webhooks::Destination;

use attestry_service::{Database, DatabaseError, DatabaseUrl, TenantId, audit};
use sqlx::{Any, AnyPool, Transaction};

use crate::VerifierError;

/// The records of one tenant. Clones share the database.
#[derive(Clone, Debug)]
pub struct Storage {
    database: Database,
    tenant: TenantId,
}

impl Storage {
    /// Connects to a database and brings it up to date, for one tenant.
    ///
    /// # Errors
    /// [`VerifierError::Database`].
    pub async fn open(url: &DatabaseUrl, tenant: TenantId) -> Result<Self, VerifierError> {
        Self::of(&Database::open(url).await?, tenant).await
    }

    /// The records of a tenant in a database that is open, brought up to date.
    ///
    /// # Errors
    /// [`VerifierError::Database`].
    pub async fn of(database: &Database, tenant: TenantId) -> Result<Self, VerifierError> {
        database.migrate_service().await?;
        database.migrate(sqlx::migrate!()).await?;
        Ok(Self { database: database.clone(), tenant })
    }

    /// Whose records these are.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The database, which other tenants may share.
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn pool(&self) -> &AnyPool {
        self.database.pool()
    }

    /// A transaction in which the tenant's records are changed, by one at a time.
    async fn write(&self) -> Result<Transaction<'static, Any>, DatabaseError> {
        audit::transaction(&self.database, &self.tenant).await
    }
}
