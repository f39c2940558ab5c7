//! Appending.

use attestry_service::audit::{self, Event, Head};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, Database, TenantId};
use sqlx::{Executor, Row};

use super::{head, open, tick};

/// Sequence, previous hash and hash of every entry of a tenant.
async fn links(database: &Database, tenant: &TenantId) -> Vec<(i64, String, String)> {
    let select = "SELECT sequence, previous, hash FROM audit_entries WHERE tenant = $1
        ORDER BY sequence";
    let rows = sqlx::query(select).bind(tenant.as_str()).fetch_all(database.pool()).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn replicas_that_append_at_once_make_one_chain_a_tenant() {
    for test in TestDatabase::each().await {
        let replicas = [open(&test).await, open(&test).await];
        let tenants: [TenantId; 2] = ["one".parse().unwrap(), "two".parse().unwrap()];
        let mut writers = Vec::new();
        for round in 0..40_u64 {
            let database = replicas[round as usize % 2].clone();
            let tenant = tenants[round as usize / 2 % 2].clone();
            writers.push(tokio::spawn(async move { tick(&database, &tenant, round).await }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        for tenant in &tenants {
            let links = links(&replicas[0], tenant).await;
            let mut before = hex::encode(Head::EMPTY.hash);
            for (expected, (sequence, previous, hash)) in (1..).zip(&links) {
                assert_eq!((*sequence, previous), (expected, &before), "{}", test.kind);
                before.clone_from(hash);
            }
            let head = head(&replicas[1], tenant).await;
            assert_eq!((head.sequence, hex::encode(head.hash)), (20, before), "{}", test.kind);
        }
    }
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_entry_and_no_gap() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let tenant = TenantId::default();
        assert_eq!(head(&database, &tenant).await, Head::EMPTY);
        tick(&database, &tenant, 1).await;
        let before = head(&database, &tenant).await;
        let mut transaction = database.write().await.unwrap();
        let event = Event {
            actor: &Actor::service(),
            action: "credential.issue",
            object: None,
            details: &[],
        };
        audit::append(&mut transaction, &tenant, 2, &event).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(head(&database, &tenant).await, before);
        assert_eq!(tick(&database, &tenant, 3).await, 2);
    }
}

#[tokio::test]
async fn a_clock_that_jumps_back_changes_the_time_and_not_the_order() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let tenant = TenantId::default();
        for at in [1_800_000_000, 0, u64::MAX] {
            tick(&database, &tenant, at).await;
        }
        let rows = sqlx::query("SELECT at FROM audit_entries ORDER BY sequence")
            .fetch_all(database.pool())
            .await
            .unwrap();
        let times: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(times, [1_800_000_000, 0, 253_402_300_799]);
    }
}

#[tokio::test]
async fn the_database_refuses_to_change_or_delete_what_was_recorded() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        // A second replica that starts changes nothing.
        let again = open(&test).await;
        let tenant = TenantId::default();
        tick(&database, &tenant, 1).await;
        tick(&again, &tenant, 2).await;
        for statement in [
            "UPDATE audit_entries SET actor = 'somebody else'",
            "DELETE FROM audit_entries WHERE sequence = 2",
            "UPDATE audit_heads SET sequence = 1",
            "DELETE FROM audit_heads",
        ] {
            assert!(
                database.pool().execute(statement).await.is_err(),
                "{}: {statement}",
                test.kind
            );
        }
        assert_eq!(links(&database, &tenant).await.len(), 2);
        assert_eq!(tick(&database, &tenant, 3).await, 3);
    }
}
