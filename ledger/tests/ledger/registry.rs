//! Roots, suspension, status publication, and rebuilding from events.

use crate::world::{IssuerRegistry, START, World, open, refusal};
use alloy::primitives::{Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolError};
use attestry_circuits::field::{Fr, to_be_bytes};
use attestry_circuits::registry::{RegistryRoot, RegistryTree};
use attestry_circuits::status::StatusList;
use attestry_ledger::{
    ClientOptions, EntryState, LedgerClient, LedgerError, RegistryClient, RootRecord,
};
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn the_root_on_chain_is_that_of_the_rust_tree_after_every_act() {
    let mut world = World::new().await;
    assert_eq!(world.registry.root().await.unwrap(), RegistryTree::new().root());
    // More than one node at the first two levels.
    let mut issuers = Vec::new();
    for _ in 0..7 {
        issuers.push(world.accredit().await);
    }
    let mut seen = vec![world.registry.root().await.unwrap()];
    let registry = world.registry.clone();
    let check = async |seen: &mut Vec<RegistryRoot>| {
        let tree = registry.registry_tree().await.unwrap();
        let root = registry.root().await.unwrap();
        assert_eq!(tree.root(), root);
        assert!(!seen.contains(&root), "a root came back");
        seen.push(root);
    };
    let (issuer, index) = &issuers[5];
    let list =
        registry.publish_status(issuer, *index, &StatusList::new(), &[9, 131_071]).await.unwrap();
    check(&mut seen).await;
    registry.suspend(&world.members[2], *index).await.unwrap();
    check(&mut seen).await;
    registry.lift(&world.two(), *index).await.unwrap();
    check(&mut seen).await;
    let key = world.key();
    registry.rotate(&world.two(), *index, &key).await.unwrap();
    check(&mut seen).await;
    registry.renew(&world.two(), *index, START + 5_000_000).await.unwrap();
    check(&mut seen).await;
    registry.end(&world.two(), issuers[0].1).await.unwrap();
    check(&mut seen).await;

    let entry = registry.entry(*index).await.unwrap();
    assert_eq!(entry.leaf.key, key);
    assert_eq!(entry.leaf.version, 4);
    assert_eq!(entry.leaf.accredited_until, START + 5_000_000);
    assert_eq!(entry.leaf.status_root, list.root());
    assert_eq!(registry.entries().await.unwrap()[5], entry);
    assert_eq!(registry.entries().await.unwrap()[0].state, EntryState::Ended);
    assert_eq!(registry.entry_count().await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_of_the_rebuilt_tree_leads_from_an_entry_to_the_root() {
    let mut world = World::new().await;
    world.accredit().await;
    let (_, index) = world.accredit().await;
    let tree = world.registry.registry_tree().await.unwrap();
    let leaf = world.registry.entry(index).await.unwrap().leaf;
    let path = tree.path(index.as_u32() as usize).unwrap();
    assert_eq!(path.root(leaf.hash()), Some(world.registry.root().await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_root_is_fresh_for_the_grace_counted_from_its_replacement() {
    let mut world = World::new().await;
    let (_, index) = world.accredit().await;
    let old = world.registry.root().await.unwrap();
    // It stands for long before it is replaced: that does not use up the grace.
    world.advance(10 * GRACE.as_secs());
    assert!(world.registry.is_fresh(old, GRACE).await.unwrap());
    world.registry.suspend(&world.members[1], index).await.unwrap();
    let new = world.registry.root().await.unwrap();
    assert_ne!(old, new);

    world.advance(GRACE.as_secs());
    assert!(world.registry.is_fresh(old, GRACE).await.unwrap());
    world.advance(1);
    assert!(!world.registry.is_fresh(old, GRACE).await.unwrap());
    assert!(world.registry.is_fresh(new, GRACE).await.unwrap());
    assert!(world.registry.is_fresh(new, Duration::ZERO).await.unwrap());

    let replaced_at = START + 10 * GRACE.as_secs();
    let record = world.registry.root_record(old).await.unwrap();
    assert_eq!(record, Some(RootRecord { published_at: START, superseded_at: Some(replaced_at) }));
    let record = world.registry.root_record(new).await.unwrap();
    assert_eq!(record, Some(RootRecord { published_at: replaced_at, superseded_at: None }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_never_was_is_not_fresh() {
    let world = World::new().await;
    let unknown = RegistryRoot::from_field(Fr::from(12_345u64));
    assert!(!world.registry.is_fresh(unknown, Duration::from_secs(u64::MAX)).await.unwrap());
    assert_eq!(world.registry.root_record(unknown).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn reinstatement_does_not_bring_an_old_root_back() {
    let mut world = World::new().await;
    let (_, index) = world.accredit().await;
    let before = world.registry.root().await.unwrap();
    world.registry.suspend(&world.members[0], index).await.unwrap();
    assert_eq!(world.registry.entry(index).await.unwrap().state, EntryState::Suspended);
    assert_eq!(refusal(world.registry.suspend(&world.members[0], index).await), "EntryNotActive");
    world.registry.lift(&world.two(), index).await.unwrap();
    assert_eq!(world.registry.entry(index).await.unwrap().state, EntryState::Active);
    assert_ne!(world.registry.root().await.unwrap(), before);
    world.advance(GRACE.as_secs() + 1);
    assert!(!world.registry.is_fresh(before, GRACE).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_list_is_rebuilt_from_the_ledger_alone() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    let (other, other_index) = world.accredit().await;
    let mut list = StatusList::new();
    for flips in [vec![5, 3, 131_071], vec![3], (200..264).collect()] {
        list = world.registry.publish_status(&issuer, index, &list, &flips).await.unwrap();
    }
    world.registry.publish_status(&other, other_index, &StatusList::new(), &[77]).await.unwrap();

    let small_pages = ClientOptions { log_page_blocks: 1, ..ClientOptions::default() };
    let client = LedgerClient::embedded(&world.ledger, small_pages);
    let reader = RegistryClient::at(client, *world.registry.deployment());
    let rebuilt = reader.status_list(index).await.unwrap();
    assert_eq!(rebuilt.root(), list.root());
    let expected: Vec<u32> = [5].into_iter().chain(200..264).chain([131_071]).collect();
    assert_eq!(rebuilt.set_indices(), expected);
    assert_eq!(reader.status_list(other_index).await.unwrap().set_indices(), [77]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_needs_the_issuer_and_the_root_that_it_started_from() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    let outsider = world.account();
    let empty = StatusList::new();
    assert_eq!(
        refusal(world.registry.publish_status(&outsider, index, &empty, &[1]).await),
        "NotIssuer"
    );
    world.registry.publish_status(&issuer, index, &empty, &[1]).await.unwrap();
    let stale = world.registry.publish_status(&issuer, index, &empty, &[2]).await;
    assert_eq!(refusal(stale), "StatusRootMismatch");
    let unknown = world.registry.publish_status(&issuer, 9.into(), &empty, &[2]).await;
    assert_eq!(refusal(unknown), "UnknownEntry");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_flips_are_refused() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    let list = StatusList::new();
    for flips in [vec![], vec![4, 4], vec![131_072]] {
        let published = world.registry.publish_status(&issuer, index, &list, &flips).await;
        assert!(matches!(published, Err(LedgerError::InvalidFlips)), "{flips:?}");
    }
    let too_many: Vec<u32> = (0..1025).collect();
    let published = world.registry.publish_status(&issuer, index, &list, &too_many).await;
    assert_eq!(refusal(published), "TooManyFlips");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_issuer_still_revokes_and_an_ended_one_does_not() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    world.registry.suspend(&world.members[0], index).await.unwrap();
    let suspended = world.registry.root().await.unwrap();
    let list =
        world.registry.publish_status(&issuer, index, &StatusList::new(), &[8]).await.unwrap();
    assert_eq!(world.registry.root().await.unwrap(), suspended);
    world.registry.lift(&world.two(), index).await.unwrap();
    assert_eq!(world.registry.status_list(index).await.unwrap().set_indices(), [8]);
    assert_eq!(
        world.registry.registry_tree().await.unwrap().root(),
        world.registry.root().await.unwrap()
    );
    world.registry.end(&world.two(), index).await.unwrap();
    assert_eq!(
        refusal(world.registry.publish_status(&issuer, index, &list, &[9]).await),
        "EntryHasEnded"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_not_that_of_its_flips_is_found_out() {
    let mut world = World::new().await;
    let issuer = world.account_key();
    let index = world.accredit_issuer(issuer.address()).await;
    let empty = U256::from_be_bytes(to_be_bytes(&StatusList::new().root().as_field()));
    let call = IssuerRegistry::publishStatusCall {
        index: U256::from(index.as_u32()),
        expectedRoot: empty,
        newRoot: U256::from(5),
        flips: vec![0, 0, 1].into(),
    };
    let target = world.registry.deployment().issuer_registry;
    let answer = world.ledger.dispatch(&world.raw_call(&issuer, 0, target, &call));
    assert!(!String::from_utf8(answer).unwrap().contains("error"));
    let rebuilt = world.registry.status_list(index).await;
    assert!(matches!(rebuilt, Err(LedgerError::StatusRootMismatch { index: 0 })), "{rebuilt:?}");
    // The tree still holds what the issuer published, and the other entries are not held up.
    let (other, other_index) = world.accredit().await;
    let list = StatusList::new();
    let list = world.registry.publish_status(&other, other_index, &list, &[6]).await.unwrap();
    let snapshot = world.registry.snapshot().await.unwrap();
    assert_eq!(snapshot.tree.root(), world.registry.root().await.unwrap());
    assert!(snapshot.entries[0].1.is_none());
    assert_eq!(snapshot.entries[1].1.as_ref().unwrap().root(), list.root());
    assert_eq!(snapshot.entries[1].0, world.registry.entry(other_index).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_refuses_flips_that_the_client_would_never_send() {
    let mut world = World::new().await;
    let issuer = world.account_key();
    let index = world.accredit_issuer(issuer.address()).await;
    let empty = U256::from_be_bytes(to_be_bytes(&StatusList::new().root().as_field()));
    let target = world.registry.deployment().issuer_registry;
    let (list, provider) = (U256::from(index.as_u32()), world.provider());
    for (flips, new_root, error) in [
        (vec![], U256::from(5), IssuerRegistry::NoFlips::SELECTOR),
        (vec![0, 1], U256::from(5), IssuerRegistry::MalformedFlips::SELECTOR),
        (vec![0, 0, 2, 0, 0, 2], U256::from(5), IssuerRegistry::FlipsNotAscending::SELECTOR),
        (vec![2, 0, 0], U256::from(5), IssuerRegistry::FlipOutOfRange::SELECTOR),
        (vec![0, 0, 2], U256::MAX, IssuerRegistry::StatusRootTooLarge::SELECTOR),
    ] {
        let call = IssuerRegistry::publishStatusCall {
            index: list,
            expectedRoot: empty,
            newRoot: new_root,
            flips: flips.into(),
        };
        let request = TransactionRequest::default()
            .from(issuer.address())
            .to(target)
            .input(Bytes::from(call.abi_encode()).into());
        let refused = provider.call(request).await.unwrap_err();
        let data = refused.as_error_resp().unwrap().as_revert_data().unwrap();
        assert_eq!(data[..4], error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_reopening() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    let list =
        world.registry.publish_status(&issuer, index, &StatusList::new(), &[1, 2]).await.unwrap();
    let (root, block) =
        (world.registry.root().await.unwrap(), world.client.block_number().await.unwrap());
    let World { folder, clock, ledger, client, registry, .. } = world;
    let deployment = *registry.deployment();
    drop((ledger, client, registry));

    let ledger = open(&folder, &clock).unwrap();
    let client = LedgerClient::embedded(&ledger, ClientOptions::default());
    let registry = RegistryClient::open(client.clone(), deployment.address_book).await.unwrap();
    assert_eq!(client.block_number().await.unwrap(), block);
    assert_eq!(registry.root().await.unwrap(), root);
    assert_eq!(registry.registry_tree().await.unwrap().root(), root);
    assert_eq!(registry.status_list(index).await.unwrap().root(), list.root());
    registry.publish_status(&issuer, index, &list, &[3]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_of_64_flips_costs_less_than_400_000_gas() {
    let mut world = World::new().await;
    let (issuer, index) = world.accredit().await;
    world.accredit().await;
    let provider = world.provider();
    let mut list = StatusList::new();
    for flips in [0..64, 64..128] {
        list = world
            .registry
            .publish_status(&issuer, index, &list, &flips.collect::<Vec<_>>())
            .await
            .unwrap();
        let block = provider.get_block_by_number(Default::default()).await.unwrap().unwrap();
        assert!(block.header.gas_used < 400_000, "{} gas", block.header.gas_used);
    }
}
