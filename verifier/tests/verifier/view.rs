//! What decisions know of the ledger: its latest block, its outages, its reorganisations.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use attestry_keys::interop::solidity::verifying_key_words;
use attestry_ledger::RegistryClient;
use attestry_service::Actor;
use attestry_verifier::{Decision, Refusal, Verifier};

use crate::node::{Node, copied};
use crate::world::{KEYS, World, is_accepted, refusal};

async fn patient(world: &World, registry: RegistryClient, grace: u64) -> Verifier {
    let change = |parts: &mut attestry_verifier::VerifierParts| {
        parts.config.checks.session_lifetime_s = 5_000;
        parts.config.checks.max_age_s = 5_000;
        parts.config.checks.ledger_grace_s = grace;
    };
    world.verifier_with(registry, change).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_counts_for_decisions_that_begin_after_its_block() {
    let world = World::new().await;
    let nurse = world.nurse(4);
    for _ in 0..3 {
        let session = world.session().await;
        let answer = world.answer(&nurse, &session.request).await;
        assert!(is_accepted(&world.decide(&session, &answer).await));
        // The list's root changes, and with it the registry's.
        world.flip(9).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_on_the_ledger_counts_for_decisions_that_begin_after_its_block() {
    let world = World::new().await;
    let key = verifying_key_words(&KEYS.verifying_key());
    let registry = world.registry.deploy_presentation_verifier(&world.member, &key).await.unwrap();
    let verifier = world.verifier_with(registry.clone(), |_| {}).await;
    let nurse = world.nurse(4);
    let (first, second) =
        (world.session_of(&verifier, 0, false).await, world.session_of(&verifier, 0, false).await);
    let other_scope = world.session_of(&verifier, 1, false).await;
    let respond = async |session: &attestry_verifier::Session| {
        let answer = world.answer(&nurse, &session.request).await;
        let id = &session.request.request_id;
        verifier.respond(&Actor::wallet("test"), id, &answer).await.unwrap()
    };
    assert!(is_accepted(&respond(&first).await));
    let key = nurse.withdrawal_key(&second.request.scope());
    registry.withdraw(&world.member, &key).await.unwrap();
    assert_eq!(refusal(respond(&second).await), Refusal::Withdrawn);
    assert!(is_accepted(&respond(&other_scope).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_block_is_added_no_events_are_read_and_confirmations_are_shared() {
    let world = World::new().await;
    let (node, registry) = Node::of(&world).await;
    let verifier = patient(&world, registry, 0).await;
    let session = world.session_of(&verifier, 0, false).await;
    let answer = Arc::new(world.answer(&world.nurse(4), &session.request).await);
    let request = Arc::new(session.request);
    let check = || {
        let (verifier, request) = (verifier.clone(), Arc::clone(&request));
        let (answer, now) = (Arc::clone(&answer), world.now());
        tokio::spawn(async move { verifier.check(&request, &answer, now).await.map(|_| ()) })
    };
    check().await.unwrap().unwrap();
    assert_eq!(node.count(&["eth_getLogs"]), [1]);

    let checks: Vec<_> = (0..100).map(|_| check()).collect();
    for check in checks {
        check.await.unwrap().unwrap();
    }
    let [logs, blocks] = node.count(&["eth_getLogs", "eth_getBlockByNumber"])[..] else {
        panic!("two methods")
    };
    assert_eq!(logs, 0);
    // Each check alone would have read the block once.
    assert!(blocks < 100, "{blocks} confirmations");

    world.flip(9).await;
    check().await.unwrap().unwrap();
    assert_eq!(node.count(&["eth_getLogs"]), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_is_decided_without_as_long_as_that_is_allowed_and_it_is_said() {
    let world = World::new().await;
    let (node, registry) = Node::of(&world).await;
    let verifier = patient(&world, registry.clone(), 60).await;
    let strict = patient(&world, registry, 0).await;
    let nurse = world.nurse(4);
    let mut sessions = Vec::new();
    for _ in 0..5 {
        let session = world.session_of(&verifier, 0, false).await;
        let answer = world.answer(&nurse, &session.request).await;
        sessions.push((session, answer));
    }
    let mut sessions = sessions.into_iter();
    let mut respond = async |verifier: &Verifier| {
        let (session, answer) = sessions.next().unwrap();
        let id = &session.request.request_id;
        verifier.respond(&Actor::wallet("test"), id, &answer).await.unwrap()
    };
    let in_grace = |decision: Decision| {
        let Decision::Accepted { receipt } = decision else { panic!("{decision:?}") };
        receipt.verify(&verifier.receipt_verifying_key()).unwrap().ledger_grace
    };
    // A verifier that has never had an answer has nothing to decide by.
    node.become_of(None);
    assert_eq!(refusal(respond(&verifier).await), Refusal::LedgerUnreachable);

    node.become_of(Some(&world.ledger));
    assert!(!in_grace(respond(&verifier).await));
    assert!(!verifier.check_ready().await.unwrap().ledger_grace);

    node.become_of(None);
    assert!(strict.check_ready().await.is_err());
    world.advance(60);
    assert!(in_grace(respond(&verifier).await));
    assert!(verifier.check_ready().await.unwrap().ledger_grace);
    world.advance(1);
    assert_eq!(refusal(respond(&verifier).await), Refusal::LedgerUnreachable);
    assert!(verifier.check_ready().await.is_err());

    node.become_of(Some(&world.ledger));
    assert!(!in_grace(respond(&verifier).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reorganisation_takes_back_does_not_count() {
    let world = World::new().await;
    let (node, registry) = Node::of(&world).await;
    let verifier = patient(&world, registry, 3_600).await;
    let clock = Arc::clone(&world.clock);
    let other = copied(&world.folder.path().join("ledger"), &world.folder.path().join("other"), {
        move || clock.load(Ordering::SeqCst)
    });
    let nurse = world.nurse(4);
    let session = world.session_of(&verifier, 0, false).await;
    let check = async |answer| verifier.check(&session.request, &answer, world.now()).await.err();

    let before = world.answer(&nurse, &session.request).await;
    world.flip(9).await;
    let after = world.answer(&nurse, &session.request).await;
    assert_eq!(check(before.clone()).await, None);
    assert_eq!(check(after.clone()).await, None);

    // On the other branch the list was never changed.
    node.become_of(Some(&other));
    assert!(matches!(check(after.clone()).await, Some(Refusal::UnknownRoot { .. })));
    assert_eq!(check(before).await, None);
    // What the other branch never had is not decided by in its absence either.
    node.become_of(None);
    assert!(matches!(check(after).await, Some(Refusal::UnknownRoot { .. })));
}
