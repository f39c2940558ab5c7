//! What is accepted, and what a receipt says of it.

use attestry_circuits::Scope;
use attestry_credential::policy::Disclosed;
use attestry_service::Actor;
use attestry_verifier::{Decision, ReceiptResult, Refusal, SessionStatus};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use crate::world::{World, asked, is_accepted, only, q1, query, refusal, reveals_state};

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_answer_is_accepted_and_what_it_discloses_is_shown_to_the_asker() {
    let world = World::new().await;
    let session = world.session().await;
    let (_, status) = world.verifier.outcome(&session.id).await.unwrap();
    assert_eq!(status, SessionStatus::Pending);

    let answer = world.answer(&world.nurse(4), &session.request).await;
    let Decision::Accepted { receipt } = world.decide(&session, &answer).await else {
        panic!("refused");
    };
    let (found, status) = world.verifier.outcome(&session.id).await.unwrap();
    assert_eq!(found, session);
    let texas = Disclosed::none().with("jurisdiction", "TX");
    let disclosed = [(q1(), texas)].into_iter().collect();
    assert_eq!(status, SessionStatus::Accepted { receipt, disclosed });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_what_was_checked_and_nothing_of_the_holder() {
    let world = World::new().await;
    let session = world.session().await;
    let mut answer = world.answer(&world.nurse(4), &session.request).await;
    let Decision::Accepted { receipt } = world.decide(&session, &answer).await else {
        panic!("refused");
    };
    let receipt = receipt.verify(&world.verifier.receipt_verifying_key()).unwrap();
    assert_eq!(receipt.request_id, session.request.request_id);
    assert_eq!(receipt.result, ReceiptResult::Accepted);
    assert_eq!(receipt.reason, None);
    assert_eq!(receipt.decided_at, world.now());
    assert_eq!(receipt.scope, Scope::new(receipt.verifier.as_str(), "a study", 0));
    let block = world.registry.ledger().block_number().await.unwrap();
    assert_eq!(receipt.registry_block, Some(block));
    let request = serde_json::to_vec(&session.request).unwrap();
    assert_eq!(receipt.request_hash.to_bytes(), Sha256::digest(request).as_slice());
    let [check] = receipt.checks.as_slice() else { panic!("one check") };
    assert_eq!(check.policy_hash.to_bytes(), session.request.queries[0].policy.hash());
    let presentation = only(&mut answer);
    assert_eq!(check.registry_root, Some(presentation.parts.registry_root));
    assert_eq!(check.proof_hash, Some(hex::encode(Sha256::digest(presentation.proof))));

    let text = serde_json::to_string(&receipt).unwrap();
    assert!(!text.contains("TX"), "{text}");
    assert!(!text.contains(&presentation.parts.nullifier.to_string()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_queries_of_one_holder_are_accepted_and_of_two_holders_refused() {
    let world = World::new().await;
    let licence = json!({
        "id": "active", "version": 1, "title": "Active", "schema": "ProviderCredential/1",
        "require": [{ "claim": "status", "op": "eq", "value": "$status" }]
    });
    let parameters: Map<_, _> = [("status".to_owned(), json!("active"))].into_iter().collect();
    let queries = || vec![reveals_state("q1"), query("q2", &licence, parameters.clone())];
    let open = async || {
        world.verifier.open_session(&Actor::operator(), asked(queries(), 0, false)).await.unwrap()
    };

    let nurse = world.nurse(4);
    let session = open().await;
    let answer = world.answer(&nurse, &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));

    let session = open().await;
    let mut mixed = world.answer(&nurse, &session.request).await;
    let mut other = world.answer(&world.nurse(5), &session.request).await;
    mixed.presentations.insert(q1(), only(&mut other).clone());
    assert_eq!(refusal(world.decide(&session, &mixed).await), Refusal::DifferentHolders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_policy_is_asked_with_its_parameters_or_not_at_all() {
    let world = World::new().await;
    world.verifier.load_policies().await.unwrap();
    let policy = world.verifier.offered_policy("licensed-in-state").await.unwrap();
    let policy = policy.source().clone();
    let open = async |state: &str| {
        let parameters = [("state".to_owned(), json!(state))].into_iter().collect();
        world
            .verifier
            .open_session(
                &Actor::operator(),
                asked(vec![query("q1", &policy, parameters)], 0, false),
            )
            .await
    };
    let session = open("TX").await.unwrap();
    let answer = world.answer(&world.nurse(4), &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
    assert!(open("Atlantis").await.unwrap_err().to_string().contains("value"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_survives_the_wire_in_json() {
    let world = World::new().await;
    let session = world.session().await;
    let request = serde_json::to_vec(&session.request).unwrap();
    let request = serde_json::from_slice(&request).unwrap();
    assert_eq!(session.request, request);
    let answer = world.answer(&world.nurse(4), &request).await;
    let answer = serde_json::from_slice(&serde_json::to_vec(&answer).unwrap()).unwrap();
    assert!(is_accepted(&world.decide(&session, &answer).await));
}
