//! Quotas against the search of a value by many questions.

use attestry_service::Actor;
use attestry_verifier::{Quota, Refusal, Session, Verifier, VerifierError};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::Service;
use crate::world::{World, asked, is_accepted, query, refusal};

/// A bound on the expiry, as a parameter or in the document itself.
fn expires_by(day: &str, as_parameter: bool) -> (Value, Map<String, Value>) {
    let value = if as_parameter { "$day" } else { day };
    let document = json!({
        "id": "until", "version": 1, "title": "Until a day", "schema": "ProviderCredential/1",
        "require": [
            { "claim": "kind", "op": "eq", "value": "licence" },
            { "claim": "expires_on", "op": "ge", "value": value }
        ]
    });
    let given = as_parameter.then(|| ("day".to_owned(), json!(day)));
    (document, given.into_iter().collect())
}

async fn open(
    verifier: &Verifier,
    day: &str,
    as_parameter: bool,
) -> Result<Session, VerifierError> {
    let (document, parameters) = expires_by(day, as_parameter);
    let asked = asked(vec![query("q1", &document, parameters)], 0, false);
    verifier.open_session(&Actor::operator(), asked).await
}

async fn with_quota(world: &World, per_holder: u32, per_question: u32) -> Verifier {
    let quota =
        Quota { values_per_holder: per_holder, values_per_question: per_question, window_s: 1_000 };
    world.verifier_with(world.registry.clone(), |parts| parts.config.checks.quota = quota).await
}

#[tokio::test]
async fn a_question_is_asked_with_so_many_values_in_a_window_by_all_replicas_together() {
    let world = World::new().await;
    let (one, other) = (with_quota(&world, 9, 3).await, with_quota(&world, 9, 3).await);
    open(&one, "2027-01-16", true).await.unwrap();
    open(&other, "2027-01-17", true).await.unwrap();
    world.advance(500);
    open(&one, "2027-01-18", false).await.unwrap();
    for as_parameter in [true, false] {
        let refused = open(&other, "2027-01-19", as_parameter).await;
        assert!(matches!(refused, Err(VerifierError::Quota)));
    }
    open(&other, "2027-01-18", true).await.unwrap();
    world.advance(501);
    open(&other, "2027-01-19", true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_values_at_once_so_many_are_asked() {
    let world = World::new().await;
    let replicas = [with_quota(&world, 9, 3).await, with_quota(&world, 9, 3).await];
    let opened: Vec<_> = (10..22)
        .map(|day| {
            let verifier = replicas[day % 2].clone();
            tokio::spawn(async move { open(&verifier, &format!("2027-02-{day}"), true).await })
        })
        .collect();
    let mut count = 0;
    for session in opened {
        match session.await.unwrap() {
            Ok(_) => count += 1,
            Err(error) => assert!(matches!(error, VerifierError::Quota), "{error}"),
        }
    }
    assert_eq!(count, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_answers_a_question_with_so_many_values_in_a_scope() {
    let world = World::new().await;
    let verifier = with_quota(&world, 2, 9).await;
    let (nurse, other) = (world.nurse(4), world.nurse(5));
    let answer = async |holder, day: &str| {
        let session = open(&verifier, day, true).await.unwrap();
        let answer = world.answer(holder, &session.request).await;
        let id = &session.request.request_id;
        verifier.respond(&Actor::wallet("test"), id, &answer).await.unwrap()
    };
    assert!(is_accepted(&answer(&nurse, "2027-01-16").await));
    assert!(is_accepted(&answer(&nurse, "2027-01-20").await));
    assert!(is_accepted(&answer(&nurse, "2027-01-20").await), "the same value again");
    assert_eq!(refusal(answer(&nurse, "2027-01-24").await), Refusal::Quota);
    assert!(is_accepted(&answer(&other, "2027-01-24").await), "another holder");
    world.advance(1_001);
    verifier.purge().await.unwrap();
    assert!(is_accepted(&answer(&nurse, "2027-01-24").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_check_is_held_to_the_quota_from_the_second_value_on() {
    let world = World::new().await;
    let verifier = with_quota(&world, 1, 9).await;
    let nurse = world.nurse(4);
    let check = async |day: &str| {
        let request = open(&world.verifier, day, true).await.unwrap().request;
        let answer = world.answer(&nurse, &request).await;
        verifier.decide_directly(&Actor::operator(), request, &answer).await.unwrap()
    };
    assert!(is_accepted(&check("2027-01-16").await));
    assert!(is_accepted(&check("2027-01-17").await));
    assert_eq!(refusal(check("2027-01-18").await), Refusal::Quota);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_a_problem_of_its_own() {
    let service = Service::new().await;
    let usual = Quota::default().values_per_question;
    let ask = async |day: u32| {
        let (document, _) =
            expires_by(&format!("2027-{:02}-{:02}", day / 28 + 1, day % 28 + 1), false);
        let body = json!({ "policy": document, "purpose": "hire" });
        service.post("/presentations", body.to_string()).await
    };
    for day in 0..usual {
        assert_eq!(ask(day).await.status(), StatusCode::CREATED, "{day}");
    }
    let refused = ask(usual).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:attestry:problem:quota");
}
