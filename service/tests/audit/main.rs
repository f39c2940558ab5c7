//! The audit log, on each kind of database that is there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anchor;
mod append;
mod export;
mod read;
mod tamper;

use attestry_service::audit::{self, Event, Export, Format, Head};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, Database, TenantId};

async fn open(test: &TestDatabase) -> Database {
    let database = test.open().await;
    database.migrate_service().await.unwrap();
    database
}

/// Appends one entry in a transaction of its own.
async fn append(database: &Database, tenant: &TenantId, at: u64, event: &Event<'_>) -> u64 {
    let mut transaction = database.write().await.unwrap();
    let sequence = audit::append(&mut transaction, tenant, at, event).await.unwrap();
    transaction.commit().await.unwrap();
    sequence
}

/// An entry of the service's own.
async fn tick(database: &Database, tenant: &TenantId, at: u64) -> u64 {
    let actor = Actor::service();
    let event = Event { actor: &actor, action: "list.publish", object: None, details: &[] };
    append(database, tenant, at, &event).await
}

/// Texts that mean something to a spreadsheet or need escapes, in an entry each.
async fn append_awkward(database: &Database, tenant: &TenantId) {
    let texts =
        ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "'", "''=1", "a,b;c", "\"", "\\n", "plain"];
    for (at, text) in (1_800_000_000..).zip(texts) {
        let request_id = (at % 2 == 0).then(|| text.to_owned());
        let actor = Actor { name: text.to_owned(), request_id };
        let details = [("reason", text.to_owned()), ("list", at.to_string())];
        let event = Event {
            actor: &actor,
            action: "credential.revoke",
            object: (at % 3 > 0).then_some(text),
            details: &details[..(at % 3) as usize],
        };
        append(database, tenant, at, &event).await;
    }
}

async fn head(database: &Database, tenant: &TenantId) -> Head {
    audit::head(&mut database.pool().acquire().await.unwrap(), tenant).await.unwrap()
}

async fn export(database: &Database, tenant: &TenantId, format: Format, after: u64) -> String {
    let mut export = Export::begin(database, tenant, format, after).await.unwrap();
    let mut file = String::new();
    while let Some(piece) = export.next().await.unwrap() {
        assert!(!piece.is_empty());
        file.push_str(&piece);
    }
    file
}
