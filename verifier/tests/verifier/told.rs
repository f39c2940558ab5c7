//! What webhooks are told of sessions.

use ark_std::rand::rngs::OsRng;
use attestry_service::{Actor, TenantId};
use attestry_verifier::webhooks::{EventKind, Webhooks};
use attestry_verifier::{Refusal, SessionStatus};

use crate::world::{HOOK, World, is_accepted, only, refusal};

/// A receiver that wants to know of events, and cannot be reached: what it would be told waits.
pub(crate) async fn told_of(world: &World, events: &[EventKind]) -> (Webhooks, String) {
    let webhooks = world.webhooks(&TenantId::default()).await;
    let (url, events) = (HOOK, events.iter().copied().collect());
    let made = webhooks.register(url, &events, &Actor::operator(), &mut OsRng).await.unwrap();
    (webhooks, made.0.id)
}

/// The events that wait for a receiver, sorted.
pub(crate) async fn told_so_far(webhooks: &Webhooks, webhook: &str) -> Vec<String> {
    let waiting = webhooks.deliveries(webhook, 100).await.unwrap();
    let mut events: Vec<_> = waiting.into_iter().map(|delivery| delivery.event).collect();
    events.sort();
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn each_session_is_told_of_once_when_it_is_decided_or_ends() {
    let world = World::new().await;
    let (webhooks, webhook) = told_of(&world, &EventKind::ALL).await;
    let (operator, nurse) = (Actor::operator(), world.nurse(4));
    let accepted = world.session().await;
    let answer = world.answer(&nurse, &accepted.request).await;
    assert!(is_accepted(&world.decide(&accepted, &answer).await));
    assert_eq!(refusal(world.decide(&accepted, &answer).await), Refusal::Replayed);
    let refused = world.session().await;
    let mut changed = world.answer(&nurse, &refused.request).await;
    only(&mut changed).signature[0] ^= 1;
    assert_eq!(refusal(world.decide(&refused, &changed).await), Refusal::WrongChallenge);
    let cancelled = world.session().await;
    world.verifier.cancel(&operator, &cancelled.id).await.unwrap();

    let late = world.session().await;
    let answer = world.answer(&nurse, &late.request).await;
    world.advance(600);
    world.verifier.expire_sessions().await.unwrap();
    world.advance(1);
    let told = told_so_far(&webhooks, &webhook).await;
    assert_eq!(told, ["session.cancelled", "session.decided", "session.decided"]);
    // Two replicas look at once.
    let second = world.verifier_with(world.registry.clone(), |_| {}).await;
    let both = tokio::join!(world.verifier.expire_sessions(), second.expire_sessions());
    both.0.unwrap();
    both.1.unwrap();
    let told = told_so_far(&webhooks, &webhook).await;
    let expected = ["session.cancelled", "session.decided", "session.decided", "session.expired"];
    assert_eq!(told, expected);
    assert_eq!(world.verifier.outcome(&late.id).await.unwrap().1, SessionStatus::Expired);
    assert_eq!(refusal(world.decide(&late, &answer).await), Refusal::Expired);
}
