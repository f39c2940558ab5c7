//! Checks that come at the same time are answered as each would be alone.

use std::sync::Arc;

use attestry_credential::presentation::PresentationResponse;
use attestry_verifier::{Refusal, Verifier};

use crate::world::{World, only};

#[tokio::test(flavor = "multi_thread")]
async fn good_and_bad_answers_at_once_are_answered_as_each_is_alone() {
    let world = World::new().await;
    let session = world.session().await;
    let other = world.session().await;
    let request = Arc::new(session.request);
    let nurse = world.nurse(4);
    let good = world.answer(&nurse, &request).await;
    let changed = |change: fn(&mut attestry_credential::presentation::Presentation)| {
        let mut answer = good.clone();
        change(only(&mut answer));
        answer
    };
    let mut answers = vec![good.clone()];
    for _ in 0..3 {
        answers.push(world.answer(&nurse, &request).await);
    }
    let signed_for_other = world.answer_changed(&nurse, &request, &other.request, |_| {}).await;
    answers
        .push(PresentationResponse { request_id: request.request_id.clone(), ..signed_for_other });
    let stranger = world.nurse(5).withdrawal_key(&request.scope()).nullifier();
    let lies = move |one: &mut attestry_credential::presentation::Presentation| {
        one.parts.nullifier = stranger;
    };
    answers.push(world.answer_changed(&nurse, &request, &request, lies).await);
    answers.push(changed(|one| one.parts.now -= 1));
    answers.push(changed(|one| one.proof = [0; 128]));
    answers.push(changed(|one| one.proof[31] ^= 0x80));
    answers.push(changed(|one| one.parts.now += 1_000));

    let alone = {
        let mut alone = Vec::new();
        for answer in &answers {
            alone.push(world.verifier.check(&request, answer, world.now()).await.err());
        }
        alone
    };
    let kinds = [
        None,
        Some(Refusal::WrongChallenge),
        Some(Refusal::NotProven),
        Some(Refusal::Altered),
        Some(Refusal::BadProof),
        Some(Refusal::Clock),
    ];
    assert!(kinds.iter().all(|kind| alone.contains(kind)), "{alone:?}");

    for _ in 0..4 {
        let checks: Vec<_> = (0..answers.len() * 6)
            .map(|i| {
                let place = i * 7 % answers.len();
                let (verifier, request) = (world.verifier.clone(), Arc::clone(&request));
                let (answer, now) = (answers[place].clone(), world.now());
                let check =
                    tokio::spawn(async move { verifier.check(&request, &answer, now).await.err() });
                (place, check)
            })
            .collect();
        for (place, check) in checks {
            assert_eq!(check.await.unwrap(), alone[place], "answer {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_takes_on_no_more_says_so_and_decides_nothing() {
    let world = World::new().await;
    let full = world.verifier_with(world.registry.clone(), |parts| {
        parts.config.checks.max_waiting_checks = 0;
    });
    let full: Verifier = full.await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let checked = full.check(&session.request, &answer, world.now()).await;
    assert_eq!(checked.err(), Some(Refusal::Overloaded));
    let actor = attestry_service::Actor::wallet("test");
    let id = &session.request.request_id;
    let decision = full.respond(&actor, id, &answer).await.unwrap();
    assert_eq!(crate::world::refusal(decision), Refusal::Overloaded);
    assert!(crate::world::is_accepted(&world.decide(&session, &answer).await));
}
