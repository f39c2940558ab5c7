//! What every service of the house has, and none has of its own: its database, its tenants, who
//! may do what, the record of who did what, and the plumbing of HTTP.

pub mod access;
pub mod approval;
pub mod audit;
pub mod config;
pub mod database;
pub mod http;
pub mod outbound;
mod principal;
mod repeat;
mod tenant;
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub mod testing;
mod time;

pub use database::{Database, DatabaseError, DatabaseUrl};
pub use principal::{Actor, Role};
pub use repeat::repeat;
pub use tenant::{TenantId, TenantIdError};
