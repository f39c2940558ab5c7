//! Reading in pages and by filters.

use attestry_service::audit::{Event, Filter, LONGEST_PAGE, page};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, TenantId};

use super::{append, open, tick};

#[tokio::test]
async fn pages_show_every_entry_once_the_last_first() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        for at in 0..7 {
            tick(&database, &tenant, at).await;
            tick(&database, &other, at).await;
        }
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let filter = Filter::default();
            let page = page(database.pool(), &tenant, &filter, before, 3).await.unwrap();
            assert!(page.entries.len() <= 3);
            for entry in &page.entries {
                assert_eq!(entry.tenant, tenant);
                assert_eq!(entry.digest(), entry.hash);
                seen.push(entry.sequence);
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    }
}

#[tokio::test]
async fn every_filter_narrows_what_is_shown() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let tenant = TenantId::default();
        let actors =
            ["key:a", "key:b"].map(|name| Actor { name: name.to_owned(), request_id: None });
        for at in 0..8_u64 {
            let event = Event {
                actor: &actors[(at % 2) as usize],
                action: if at < 4 { "credential.issue" } else { "credential.revoke" },
                object: Some(["urn:1", "urn:2", "urn:3"][(at % 3) as usize]),
                details: &[],
            };
            append(&database, &tenant, at, &event).await;
        }
        let shown = async |filter: Filter| {
            let page = page(database.pool(), &tenant, &filter, None, LONGEST_PAGE).await.unwrap();
            assert_eq!(page.next, None);
            page.entries.iter().map(|entry| entry.at).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(text.to_owned());
        let filter = Filter { actor: text("key:a"), ..Filter::default() };
        assert_eq!(shown(filter).await, [6, 4, 2, 0]);
        let filter = Filter { action: text("credential.revoke"), ..Filter::default() };
        assert_eq!(shown(filter).await, [7, 6, 5, 4]);
        let filter = Filter { object: text("urn:2"), ..Filter::default() };
        assert_eq!(shown(filter).await, [7, 4, 1]);
        let filter = Filter { from: Some(2), until: Some(5), ..Filter::default() };
        assert_eq!(shown(filter).await, [4, 3, 2]);
        let filter = Filter {
            actor: text("key:b"),
            action: text("credential.issue"),
            object: text("urn:1"),
            from: Some(3),
            until: Some(4),
        };
        assert_eq!(shown(filter).await, [3]);
        let filter = Filter { object: text("' OR 1=1 --"), ..Filter::default() };
        assert!(shown(filter).await.is_empty());
    }
}
