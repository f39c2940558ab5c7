//! Heads that stand on the ledger.

use attestry_service::audit::{Anchor, Batch, Head, Place, anchor_head, anchors, kind, root};
use attestry_service::testing::TestDatabase;
use attestry_service::{Database, DatabaseError, TenantId};

use super::{head, open, tick};

/// Anchors on a ledger that gives the batch this number. With the anchor, what it was given.
async fn anchored(database: &Database, tenant: &TenantId, number: u64) -> Option<(Anchor, Batch)> {
    let mut given = None;
    let place = Place { batch: number, anchored_at: 3 };
    let anchor = anchor_head(database, tenant, |batch| {
        given = Some(batch);
        async move { Ok::<_, DatabaseError>(place) }
    });
    let anchor = anchor.await.unwrap();
    assert_eq!(anchor.is_some(), given.is_some());
    anchor.zip(given)
}

#[tokio::test]
async fn a_head_waits_until_it_or_a_later_one_is_anchored() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        assert_eq!(anchored(&database, &tenant, 1).await, None);
        tick(&database, &tenant, 1).await;
        let first = head(&database, &tenant).await;
        let away = async |_| Err(DatabaseError::Corrupt("a ledger that is away"));
        assert!(anchor_head(&database, &tenant, away).await.is_err());
        // The log goes on while the ledger is waited for.
        let (place, meanwhile) = (Place { batch: 1, anchored_at: 3 }, tenant.clone());
        let slow = async |_| {
            tick(&database, &meanwhile, 2).await;
            Ok::<_, DatabaseError>(place)
        };
        let anchor = anchor_head(&database, &tenant, slow).await.unwrap().unwrap();
        let root = root(&tenant, &first);
        assert_eq!(anchor, Anchor { head: first, root, batch: 1, anchored_at: 3 });
        let second = head(&database, &tenant).await;
        let (anchor, batch) = anchored(&database, &tenant, 2).await.unwrap();
        assert_eq!((anchor.head, anchor.root), (second, batch.root));
        assert_eq!((batch.kind, batch.leaf_count), (kind(&first.hash), 1));
        assert_eq!(anchored(&database, &tenant, 3).await, None);
        let mut connection = database.pool().acquire().await.unwrap();
        let recorded = anchors(&mut connection, &tenant, 10).await.unwrap();
        assert_eq!(recorded.iter().map(|anchor| anchor.batch).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(recorded[1].root, root);
        assert!(anchors(&mut connection, &other, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_head_that_two_replicas_anchor_at_once_is_recorded_once() {
    for test in TestDatabase::each().await {
        let (database, tenant) = (open(&test).await, TenantId::default());
        tick(&database, &tenant, 1).await;
        let both = tokio::sync::Barrier::new(2);
        let anchor = || {
            anchor_head(&database, &tenant, async |_| {
                both.wait().await;
                Ok::<_, DatabaseError>(Place { batch: 1, anchored_at: 3 })
            })
        };
        let (one, other) = tokio::join!(anchor(), anchor());
        assert_eq!(one.unwrap(), other.unwrap());
        let mut connection = database.pool().acquire().await.unwrap();
        assert_eq!(anchors(&mut connection, &tenant, 10).await.unwrap().len(), 1);
    }
}

#[test]
fn the_root_tells_tenants_sequences_and_hashes_apart() {
    let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
    let head = Head { sequence: 1, hash: [7; 32] };
    let of_head = root(&tenant, &head);
    assert_eq!(root(&tenant, &head), of_head);
    assert_ne!(root(&other, &head), of_head);
    assert_ne!(root(&tenant, &Head { sequence: 2, ..head }), of_head);
    assert_ne!(root(&tenant, &Head { hash: [8; 32], ..head }), of_head);
}
