//! No change of status is lost between the office and the ledger.

use std::num::NonZeroU32;
use std::time::Duration;

use ark_std::rand::rngs::OsRng;
use attestry_circuits::status::StatusList;
use attestry_issuer::{IssuerError, ListId, Reason};
use attestry_ledger::LedgerError;
use attestry_service::{Actor, Database};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pending_is_published_in_one_transaction_and_once() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let mut revoked = Vec::new();
    for _ in 0..3 {
        let credential = world.issue(&issuer).await;
        issuer.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await.unwrap();
        revoked.push(credential.status_index);
    }
    revoked.sort_unstable();
    assert_eq!(issuer.pending().await.unwrap(), 3);
    assert_eq!(world.barred_on_ledger().await, [] as [u32; 0]);

    let published = issuer.publish(&mut OsRng).await.unwrap();
    let licences = published.iter().find(|one| one.list == world.list()).unwrap();
    assert_eq!((licences.flips, licences.transactions, licences.unexplained), (3, 1, 0));
    assert_eq!(world.registry.entry(world.entry()).await.unwrap().leaf.status_root, licences.root);
    let mut own = StatusList::new();
    own.flip_all(&revoked).unwrap();
    assert_eq!(own.root(), licences.root);
    assert_eq!(issuer.pending().await.unwrap(), 0);

    let again = issuer.publish(&mut OsRng).await.unwrap();
    assert!(again.iter().all(|one| one.transactions == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_publication_loses_nothing() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    issuer.revoke(&Actor::operator(), credential.id, Reason::DisciplinaryAction).await.unwrap();
    drop(issuer);

    let issuer = world.open().await;
    assert_eq!(issuer.pending().await.unwrap(), 1);
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [credential.status_index]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_ledger_has_it_publishes_nothing_twice() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let (one, two) = (world.issue(&issuer).await, world.issue(&issuer).await);
    issuer.revoke(&Actor::operator(), one.id, Reason::Lapsed).await.unwrap();
    // The transaction is mined, and the issuer dies before it hears of it.
    let (account, empty) = (world.keys(), StatusList::new());
    let flips = [one.status_index];
    world.registry.publish_status(account.account(), world.entry(), &empty, &flips).await.unwrap();
    drop(issuer);

    let issuer = world.open().await;
    issuer.revoke(&Actor::operator(), two.id, Reason::Lapsed).await.unwrap();
    let published = issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(published.iter().map(|one| one.flips).sum::<usize>(), 1);
    assert_eq!(published.iter().map(|one| one.unexplained).sum::<usize>(), 0);
    let mut both = [one.status_index, two.status_index];
    both.sort_unstable();
    assert_eq!(world.barred_on_ledger().await, both);
    assert_eq!(issuer.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_is_set_on_the_ledger_alone_stays_set_and_is_reported() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    // As after the database was put back to before a revocation, and before an issuance.
    let credential = world.issue(&issuer).await;
    let unknown = (credential.status_index + 1) % 131_072;
    let (keys, empty) = (world.keys(), StatusList::new());
    let flips = [credential.status_index, unknown];
    world.registry.publish_status(keys.account(), world.entry(), &empty, &flips).await.unwrap();

    let published = issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(published.iter().map(|one| one.unexplained).sum::<usize>(), 1);
    assert_eq!(world.barred_on_ledger().await.len(), 2);
    // A reinstatement that was asked for is a different matter.
    issuer.suspend(&Actor::operator(), credential.id, Reason::Unspecified).await.unwrap();
    issuer.reinstate(&Actor::operator(), credential.id, Reason::Resolved).await.unwrap();
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [unknown]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ledger_is_away_issuing_goes_on_and_revocations_wait() {
    let mut world = World::new().await;
    let first = world.open_on(world.unreachable()).await;
    assert!(
        matches!(first, Err(IssuerError::Ledger(LedgerError::Unreachable))),
        "never seen before"
    );
    drop(world.open().await);

    let issuer = world.open_on(world.unreachable()).await.unwrap();
    assert!(issuer.ready().await.is_err());
    let credential = world.issue(&issuer).await;
    issuer.revoke(&Actor::operator(), credential.id, Reason::ConsentWithdrawn).await.unwrap();
    assert!(matches!(
        issuer.publish(&mut OsRng).await,
        Err(IssuerError::Ledger(LedgerError::Unreachable))
    ));
    assert_eq!(issuer.pending().await.unwrap(), 1);
    drop(issuer);

    let issuer = world.open().await;
    assert!(issuer.ready().await.is_ok());
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [credential.status_index]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_publish_at_once_lose_nothing_and_say_nothing_twice() {
    let mut world = World::new().await;
    let (one, two) = (world.open().await, world.open().await);
    let mut revoked = Vec::new();
    for issuer in [&one, &two, &one, &two] {
        let credential = world.issue(issuer).await;
        issuer.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await.unwrap();
        revoked.push(credential.status_index);
    }
    let (mut own, mut others) = (OsRng, OsRng);
    let (first, second) = tokio::join!(one.publish(&mut own), two.publish(&mut others));
    let flips: usize = first.unwrap().iter().chain(&second.unwrap()).map(|list| list.flips).sum();
    revoked.sort_unstable();
    assert_eq!((flips, world.barred_on_ledger().await), (4, revoked));
    assert_eq!(one.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_flips_than_a_transaction_takes_are_sent_in_several() {
    let world = World::new().await;
    let issuer = world.open().await;
    bar(&world, 1500).await;
    let published = issuer.publish(&mut OsRng).await.unwrap();
    let list = published.iter().find(|one| one.list == world.list()).unwrap();
    assert_eq!((list.flips, list.decoys, list.transactions), (0, 1500, 2));
    assert_eq!(world.barred_on_ledger().await.len(), 1500);
}

#[tokio::test(flavor = "multi_thread")]
async fn decoys_hide_how_many_credentials_changed_and_are_never_issued() {
    let mut world = World::new().await;
    world.publication_padding = NonZeroU32::new(8).unwrap();
    let issuer = world.open().await;
    // Nothing changed: nothing is said.
    let published = issuer.publish(&mut OsRng).await.unwrap();
    assert!(published.iter().all(|list| (list.transactions, list.decoys) == (0, 0)));

    let mut revoked = Vec::new();
    for (revocations, decoys, barred) in [(1, 7, 8), (8, 0, 16), (9, 7, 32)] {
        for _ in 0..revocations {
            let credential = world.issue(&issuer).await;
            issuer.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await.unwrap();
            revoked.push(credential.status_index);
        }
        let published = issuer.publish(&mut OsRng).await.unwrap();
        let list = published.iter().find(|one| one.list == world.list()).unwrap();
        assert_eq!((list.flips, list.decoys, list.unexplained), (revocations, decoys, 0));
        let on_ledger = world.barred_on_ledger().await;
        assert_eq!(on_ledger.len(), barred);
        assert!(revoked.iter().all(|index| on_ledger.contains(index)));
    }
    let on_ledger = world.barred_on_ledger().await;
    let credential = world.issue(&issuer).await;
    assert!(!on_ledger.contains(&credential.status_index));
    let again = issuer.publish(&mut OsRng).await.unwrap();
    assert!(again.iter().all(|list| list.transactions == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn decoys_of_a_publication_that_failed_are_used_by_the_next() {
    let mut world = World::new().await;
    world.publication_padding = NonZeroU32::new(4).unwrap();
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    issuer.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await.unwrap();
    // Reserved, and never told to the ledger.
    bar(&world, 3).await;
    let published = issuer.publish(&mut OsRng).await.unwrap();
    let list = published.iter().find(|one| one.list == world.list()).unwrap();
    assert_eq!((list.flips, list.decoys, list.transactions), (1, 3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_ends_publishes_by_itself() {
    let mut world = World::new().await;
    world.publication_interval_s = 1;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    let office = crate::http::Office::open(issuer.clone()).await;
    issuer.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await.unwrap();
    for _ in 0..100 {
        if issuer.pending().await.unwrap() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.barred_on_ledger().await, [credential.status_index]);
    office.stop.send(()).unwrap();
    assert!(office.served.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_ends_before_the_window_is_never_told() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    issuer.suspend(&Actor::operator(), credential.id, Reason::Investigation).await.unwrap();
    issuer.reinstate(&Actor::operator(), credential.id, Reason::Resolved).await.unwrap();
    assert_eq!(issuer.pending().await.unwrap(), 2);
    let published = issuer.publish(&mut OsRng).await.unwrap();
    assert!(published.iter().all(|one| one.transactions == 0));
    assert_eq!(issuer.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_list_is_signed_anew_before_verifiers_stop_relying_on_it() {
    let world = World::new().await;
    let issuer = world.open().await;
    let first = issuer.status_list(world.list()).await.unwrap();
    assert_eq!(issuer.status_list(world.list()).await.unwrap(), first);
    world.advance(world.config().status_list_validity_s / 2 + 1);
    let second = issuer.status_list(world.list()).await.unwrap();
    assert_ne!(first["validUntil"], second["validUntil"]);
    assert_eq!(first["credentialSubject"], second["credentialSubject"]);
    assert!(matches!(
        issuer.status_list(ListId::Entry(0.into())).await,
        Err(IssuerError::UnknownList)
    ));
}

/// Takes so many entries of the licences' list for no credential, unknown to the ledger.
async fn bar(world: &World, entries: u32) {
    let database = Database::open(&world.database()).await.unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
        INSERT INTO status_entries (tenant, list_id, status_index, bit, published)
        SELECT 'default', $1, i * 7, 1, 0 FROM n";
    let query = sqlx::query(sql).bind(world.list().to_string()).bind(i64::from(entries));
    query.execute(database.pool()).await.unwrap();
}
