//! The registry root: current, replaced, unknown, or not to be had.

use std::time::Duration;

use attestry_circuits::Fr;
use attestry_circuits::registry::RegistryRoot;
use attestry_ledger::{ClientOptions, LedgerClient, RegistryClient};
use attestry_service::Actor;
use attestry_verifier::{Refusal, SessionStatus, VerifierError};
use tokio::net::TcpListener;

use crate::world::{World, is_accepted, only, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_root_is_accepted_within_the_grace_and_refused_after_it() {
    let world = World::new().await;
    let patient = world.verifier_with(world.registry.clone(), |parts| {
        parts.config.checks.session_lifetime_s = 900;
    });
    let patient = patient.await;
    let nurse = world.nurse(4);
    let within = world.session_of(&patient, 0, false).await;
    let after = world.session_of(&patient, 0, false).await;
    let first = world.answer(&nurse, &within.request).await;
    let second = world.answer(&nurse, &after.request).await;
    world.registry.suspend(&world.member, world.entry).await.unwrap();
    let block = world.registry.ledger().block_number().await.unwrap();

    world.advance(600);
    assert!(is_accepted(&world.decide(&within, &first).await));
    world.advance(1);
    assert_eq!(refusal(world.decide(&after, &second).await), Refusal::StaleRoot { block });
    let (_, status) = world.verifier.outcome(&after.id).await.unwrap();
    let SessionStatus::Refused { receipt, .. } = status else { panic!("not refused") };
    let receipt = receipt.verify(&world.verifier.receipt_verifying_key()).unwrap();
    assert_eq!(receipt.registry_block, Some(block));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_never_was_is_refused() {
    let world = World::new().await;
    let session = world.session().await;
    let mut answer = world.answer(&world.nurse(4), &session.request).await;
    only(&mut answer).parts.registry_root = RegistryRoot::from_field(Fr::from(5u64));
    let unknown = refusal(world.decide(&session, &answer).await);
    assert!(matches!(unknown, Refusal::UnknownRoot { .. }), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_reached_is_no_yes_and_leaves_the_session_open() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options =
        ClientOptions { request_timeout: Duration::from_millis(300), ..Default::default() };
    let client = LedgerClient::http(&url, options).unwrap();
    let silent = RegistryClient::at(client, *world.registry.deployment());
    let verifier = world.verifier_with(silent, |_| {}).await;
    let request_id = &session.request.request_id;

    // Somebody listens and never answers.
    let decision = verifier.respond(&Actor::wallet("test"), request_id, &answer).await.unwrap();
    assert_eq!(refusal(decision), Refusal::LedgerUnreachable);
    // Nobody listens.
    drop(listener);
    let decision = verifier.respond(&Actor::wallet("test"), request_id, &answer).await.unwrap();
    assert_eq!(refusal(decision), Refusal::LedgerUnreachable);
    assert!(matches!(verifier.check_ready().await, Err(VerifierError::Ledger(_))));

    assert!(is_accepted(&world.decide(&session, &answer).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_lags_is_no_yes() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let strict = world.verifier_with(world.registry.clone(), |parts| {
        parts.config.checks.max_ledger_lag_s = Some(60);
    });
    let strict = strict.await;
    world.advance(60);
    assert!(strict.check(&session.request, &answer, world.now()).await.is_ok());
    world.advance(1);
    let checked = strict.check(&session.request, &answer, world.now()).await;
    assert_eq!(checked.err(), Some(Refusal::LedgerLagging));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_root_is_stale_if_either_clock_says_so() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    world.registry.suspend(&world.member, world.entry).await.unwrap();
    let mut request = session.request;
    request.expires_at = u64::MAX;
    let replaced_at = world.now();
    let at = async |now| world.verifier.check(&request, &answer, now).await.err();

    assert_eq!(at(replaced_at + 600).await, None);
    assert!(matches!(at(replaced_at + 601).await, Some(Refusal::StaleRoot { .. })));
    world.advance(601);
    assert!(matches!(at(replaced_at).await, Some(Refusal::StaleRoot { .. })));
}
