//! The tables that all services share.

use super::{Database, DatabaseError};
use crate::audit;

impl Database {
    /// Brings the tables up to date that all services share: the audit log and access.
    ///
    /// # Errors
    /// [`DatabaseError::Migration`], [`DatabaseError::Sql`].
    pub async fn migrate_service(&self) -> Result<(), DatabaseError> {
        self.migrate(sqlx::migrate!()).await?;
        audit::guard::set(self).await
    }
}
