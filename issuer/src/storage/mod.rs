//! What a tenant keeps in the database. The only place that knows SQL.

mod conditions;
mod consents;
mod credentials;
mod epochs;
mod erasure;
mod expiry;
mod history;
mod imports;
mod lists;
mod nonces;
mod offers;
mod outbox;
mod proposals;
mod search;

pub(crate) use credentials::{Change, Idempotency, Insertion, Standing, Stored};
pub(crate) use history::Neighbour;
pub(crate) use imports::{DoneRecord, DoneRow};
pub(crate) use lists::PublishedList;
pub(crate) use offers::{Attempt, Claimed};
pub(crate) use outbox::{Flip, Pending};

use attestry_service::{Database, DatabaseUrl, TenantId, audit};
use sqlx::{Any, AnyPool, Row, Transaction};

use crate::IssuerError;

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
    /// [`IssuerError::Database`].
    pub async fn open(url: &DatabaseUrl, tenant: TenantId) -> Result<Self, IssuerError> {
        Self::of(&Database::open(url).await?, tenant).await
    }

    /// The records of a tenant in a database that is open, brought up to date.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn of(database: &Database, tenant: TenantId) -> Result<Self, IssuerError> {
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

    /// Closes all connections; what was committed is on disk already.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Notes an event that changes nothing else in the database.
    pub(crate) async fn note(&self, at: u64, event: &audit::Event<'_>) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        audit::append(&mut transaction, &self.tenant, at, event).await?;
        Ok(transaction.commit().await?)
    }

    /// The issuer's did:ethr identifier, if it was on the ledger before.
    pub(crate) async fn did(&self) -> Result<Option<String>, IssuerError> {
        let row = sqlx::query("SELECT did FROM identity WHERE tenant = $1")
            .bind(self.tenant.as_str())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| row.try_get("did")).transpose()?)
    }

    pub(crate) async fn set_did(&self, did: &str) -> Result<(), IssuerError> {
        sqlx::query(
            "INSERT INTO identity (tenant, did) VALUES ($1, $2)
             ON CONFLICT (tenant) DO UPDATE SET did = excluded.did",
        )
        .bind(self.tenant.as_str())
        .bind(did)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    fn pool(&self) -> &AnyPool {
        self.database.pool()
    }

    /// A transaction in which the tenant's records are changed, by one at a time.
    async fn write(&self) -> Result<Transaction<'static, Any>, IssuerError> {
        Ok(audit::transaction(&self.database, &self.tenant).await?)
    }
}
