//! Who may use a service, on each kind of database that is there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approval;
mod http;
mod keys;
mod provider;
mod tokens;

use attestry_service::access::Principal;
use attestry_service::audit::{Entry, Filter, page};
use attestry_service::testing::TestDatabase;
use attestry_service::{Database, Role, TenantId};

const NOW: u64 = 1_800_000_000;

async fn open(test: &TestDatabase) -> Database {
    let database = test.open().await;
    database.migrate_service().await.unwrap();
    database
}

/// What the audit log has, the last entry first.
async fn log(database: &Database, tenant: &TenantId) -> Vec<Entry> {
    page(database.pool(), tenant, &Filter::default(), None, 100).await.unwrap().entries
}

fn principal(name: &str, tenant: &TenantId, roles: &[Role]) -> Principal {
    Principal {
        tenant: tenant.clone(),
        name: name.to_owned(),
        roles: roles.iter().copied().collect(),
    }
}
