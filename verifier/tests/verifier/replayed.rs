//! One answer for each challenge, one count for each holder and scope.

use attestry_service::Actor;
use attestry_verifier::{Decision, Refusal, SessionStatus};

use crate::world::{World, is_accepted, only, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_answer_again_is_a_replay() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
    assert_eq!(refusal(world.decide(&session, &answer).await), Refusal::Replayed);
    let (_, status) = world.verifier.outcome(&session.id).await.unwrap();
    assert!(matches!(status, SessionStatus::Accepted { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_submit_at_once_one_is_accepted() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    // Half of them at a second process on the same database.
    let second = world.verifier_with(world.registry.clone(), |_| {}).await;
    let submissions: Vec<_> = (0..8)
        .map(|i| {
            let verifier = if i % 2 == 0 { world.verifier.clone() } else { second.clone() };
            let (id, answer) = (session.request.request_id.clone(), answer.clone());
            tokio::spawn(async move {
                verifier.respond(&Actor::wallet("test"), &id, &answer).await.unwrap()
            })
        })
        .collect();
    let mut accepted = 0;
    for submission in submissions {
        match submission.await.unwrap() {
            Decision::Accepted { .. } => accepted += 1,
            Decision::Refused { refusal, .. } => assert_eq!(refusal, Refusal::Replayed),
        }
    }
    assert_eq!(accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_answer_uses_its_session_up() {
    let world = World::new().await;
    let session = world.session().await;
    let honest = world.answer(&world.nurse(4), &session.request).await;
    let mut changed = honest.clone();
    only(&mut changed).signature[0] ^= 1;
    let Decision::Refused { refusal: first, receipt } = world.decide(&session, &changed).await
    else {
        panic!("it was accepted");
    };
    assert_eq!(first, Refusal::WrongChallenge);
    let receipt = receipt.unwrap().verify(&world.verifier.receipt_verifying_key()).unwrap();
    assert_eq!(receipt.reason.as_deref(), Some("wrong-challenge"));
    assert_eq!(refusal(world.decide(&session, &honest).await), Refusal::Replayed);
    let (_, status) = world.verifier.outcome(&session.id).await.unwrap();
    assert!(matches!(status, SessionStatus::Refused { reason, .. } if reason == "wrong-challenge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_is_counted_once_in_a_scope() {
    let world = World::new().await;
    let nurse = world.nurse(4);
    let submit = async |epoch, count_once| {
        let session = world.session_of(&world.verifier, epoch, count_once).await;
        let answer = world.answer(&nurse, &session.request).await;
        world.decide(&session, &answer).await
    };
    assert!(is_accepted(&submit(1, true).await));
    assert_eq!(refusal(submit(1, true).await), Refusal::AlreadyCounted);
    assert!(is_accepted(&submit(1, false).await), "a session that does not count");
    assert!(is_accepted(&submit(2, true).await), "another epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_submits_in_many_sessions_at_once_is_counted_once() {
    let world = World::new().await;
    let nurse = world.nurse(4);
    let mut submissions = Vec::new();
    for _ in 0..4 {
        let session = world.session_of(&world.verifier, 1, true).await;
        let answer = world.answer(&nurse, &session.request).await;
        submissions.push((session.request.request_id, answer));
    }
    let submissions: Vec<_> = submissions
        .into_iter()
        .map(|(id, answer)| {
            let verifier = world.verifier.clone();
            tokio::spawn(async move {
                verifier.respond(&Actor::wallet("test"), &id, &answer).await.unwrap()
            })
        })
        .collect();
    let mut accepted = 0;
    for submission in submissions {
        match submission.await.unwrap() {
            Decision::Accepted { .. } => accepted += 1,
            Decision::Refused { refusal, .. } => assert_eq!(refusal, Refusal::AlreadyCounted),
        }
    }
    assert_eq!(accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_who_has_withdrawn_is_refused_in_that_scope_only() {
    let world = World::new().await;
    let nurse = world.nurse(4);
    let session = world.session_of(&world.verifier, 1, false).await;
    let key = nurse.withdrawal_key(&session.request.scope());
    let nullifier = world.verifier.withdraw(&Actor::wallet("test"), &key).await.unwrap();
    assert_eq!(nullifier, key.nullifier());
    assert_eq!(world.verifier.withdraw(&Actor::wallet("test"), &key).await.unwrap(), nullifier);
    let answer = world.answer(&nurse, &session.request).await;
    assert_eq!(refusal(world.decide(&session, &answer).await), Refusal::Withdrawn);

    let session = world.session_of(&world.verifier, 2, false).await;
    let answer = world.answer(&nurse, &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_the_session_is_over_is_refused() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    world.advance(601);
    assert_eq!(refusal(world.decide(&session, &answer).await), Refusal::Expired);
    let (_, status) = world.verifier.outcome(&session.id).await.unwrap();
    assert_eq!(status, SessionStatus::Expired);
}
