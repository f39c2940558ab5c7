//! Heads that stand on the ledger.

use attestry_service::TenantId;
use attestry_service::audit::{Anchor, Head, anchors, kind, record_anchor, root, unanchored};
use attestry_service::testing::TestDatabase;

use super::{head, open, tick};

#[tokio::test]
async fn a_head_waits_until_it_or_a_later_one_is_anchored() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        let mut connection = database.pool().acquire().await.unwrap();
        assert_eq!(unanchored(&mut connection, &tenant).await.unwrap(), None);
        tick(&database, &tenant, 1).await;
        let first = head(&database, &tenant).await;
        let (waiting, batch) = unanchored(&mut connection, &tenant).await.unwrap().unwrap();
        assert_eq!((waiting, batch.kind), (first, kind(&first.hash)));
        let root = root(&tenant, &first);
        assert_eq!((batch.root, batch.leaf_count), (root, 1));
        tick(&database, &tenant, 2).await;
        let anchor = Anchor { head: first, root, batch: 1, anchored_at: 3 };
        for _ in 0..2 {
            record_anchor(&mut connection, &tenant, &anchor).await.unwrap();
        }
        let second = head(&database, &tenant).await;
        let (waiting, later) = unanchored(&mut connection, &tenant).await.unwrap().unwrap();
        assert_eq!((waiting, later.kind), (second, batch.kind));
        let anchor = Anchor { head: second, batch: 2, ..anchor };
        record_anchor(&mut connection, &tenant, &anchor).await.unwrap();
        assert_eq!(unanchored(&mut connection, &tenant).await.unwrap(), None);
        let recorded = anchors(&mut connection, &tenant, 10).await.unwrap();
        assert_eq!(recorded.iter().map(|anchor| anchor.batch).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(recorded[1].root, root);
        assert!(anchors(&mut connection, &other, 10).await.unwrap().is_empty());
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
