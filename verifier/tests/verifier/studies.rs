//! Studies: each participant counts once, is renewed, and withdraws.

use std::collections::BTreeSet;

use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::PresentationResponse;
use attestry_ledger::{ClientOptions, LedgerClient, RegistryClient};
use attestry_service::audit::{self, Filter};
use attestry_service::{Actor, TenantId};
use attestry_verifier::studies::{
    Cohort, NewStudy, Participant, ParticipantState, Study, StudyPolicy,
};
use attestry_verifier::webhooks::EventKind;
use attestry_verifier::{Decision, Refusal, Session, Storage, Verifier, VerifierError};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::Service;
use crate::node::{Node, copied};
use crate::told::{told_of, told_so_far};
use crate::world::{KEYS, Nurse, World, asked, is_accepted, refusal, reveals_state};

const STUDIES: &[EventKind] = &[EventKind::StudyWithdrawn, EventKind::StudyPolicyChanged];

fn document(version: u32) -> Value {
    json!({
        "id": "enrol", "version": version, "title": "May be enrolled",
        "schema": "ProviderCredential/1",
        "require": [
            { "claim": "kind", "op": "eq", "value": "licence" },
            { "claim": "status", "op": "eq", "value": "active" }
        ]
    })
}

fn asking(version: u32) -> StudyPolicy {
    StudyPolicy { policy: format!("enrol@{version}"), parameters: Map::new() }
}

fn new_study(exports_few: bool) -> NewStudy {
    NewStudy {
        name: "Heart Study 7".to_owned(),
        purpose: "May you take part?".to_owned(),
        asked: asking(1),
        exports_few,
    }
}

pub(crate) async fn study_at(verifier: &Verifier) -> Study {
    let actor = Actor::operator();
    for version in [1, 2] {
        let document = document(version).to_string();
        let document = PolicyDocument::from_json(document.as_bytes()).unwrap();
        verifier.publish_policy(&actor, &document, &[]).await.unwrap();
    }
    verifier.open_study(&actor, new_study(true)).await.unwrap()
}

pub(crate) async fn session_of(verifier: &Verifier, study: &Study) -> Session {
    verifier.open_study_session(&Actor::operator(), study.id.as_str()).await.unwrap()
}

/// All participants of an export.
pub(crate) async fn exported(
    verifier: &Verifier,
    id: &str,
    epoch: Option<u64>,
) -> Vec<Participant> {
    let mut export = verifier.export_study(&Actor::operator(), id, epoch).await.unwrap();
    let mut participants = Vec::new();
    while !export.is_over() {
        participants.extend(export.next_page().await.unwrap());
    }
    assert_eq!(export.count(), participants.len() as u64);
    assert!(export.next_page().await.unwrap().is_empty());
    participants
}

/// A new session of the study, answered by the nurse.
pub(crate) async fn enrol(world: &World, study: &Study, nurse: &Nurse) -> Decision {
    let session = session_of(&world.verifier, study).await;
    let answer = world.answer(nurse, &session.request).await;
    world.decide(&session, &answer).await
}

async fn counts(verifier: &Verifier, study: &Study) -> [u64; 3] {
    let Cohort { eligible, withdrawn, must_re_prove, .. } =
        verifier.cohort(study.id.as_str(), None).await.unwrap();
    [eligible, withdrawn, must_re_prove]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_answers_many_sessions_at_once_counts_once() {
    let world = World::new().await;
    let study = study_at(&world.verifier).await;
    let nurse = world.nurse(4);
    let second = world.verifier_with(world.registry.clone(), |_| {}).await;
    let mut answers: Vec<(Session, PresentationResponse)> = Vec::new();
    for _ in 0..4 {
        let session = session_of(&world.verifier, &study).await;
        let answer = world.answer(&nurse, &session.request).await;
        answers.push((session, answer));
    }
    let submissions: Vec<_> = answers
        .into_iter()
        .enumerate()
        .map(|(i, (session, answer))| {
            let verifier = if i % 2 == 0 { world.verifier.clone() } else { second.clone() };
            tokio::spawn(async move {
                let id = &session.request.request_id;
                verifier.respond(&Actor::wallet("test"), id, &answer).await.unwrap()
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
    assert_eq!(counts(&world.verifier, &study).await, [1, 0, 0]);
    assert!(is_accepted(&enrol(&world, &study, &world.nurse(5)).await));
    assert_eq!(counts(&second, &study).await, [2, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_is_to_be_proven_again_and_renews_without_counting_twice() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let study = study_at(verifier).await;
    let (first, second) = (world.nurse(4), world.nurse(5));
    assert!(is_accepted(&enrol(&world, &study, &first).await));
    assert!(is_accepted(&enrol(&world, &study, &second).await));
    let (webhooks, webhook) = told_of(&world, STUDIES).await;
    let before = exported(verifier, study.id.as_str(), None).await;
    let late = session_of(verifier, &study).await;

    let id = study.id.as_str();
    let changed = verifier.change_study_policy(&actor, id, asking(2)).await.unwrap();
    assert_eq!((changed.revision, changed.policy_version), (2, 2));
    let same = verifier.change_study_policy(&actor, id, asking(2)).await.unwrap();
    assert_eq!(same, changed);
    let told = told_so_far(&webhooks, &webhook).await;
    assert_eq!(told, ["study.policy-changed"]);
    assert_eq!(counts(verifier, &study).await, [0, 0, 2]);

    world.advance(60);
    assert!(is_accepted(&enrol(&world, &study, &first).await));
    assert_eq!(counts(verifier, &study).await, [1, 0, 1]);
    assert_eq!(refusal(enrol(&world, &study, &first).await), Refusal::AlreadyCounted);
    // An answer to the policy as it was counts, and is to be given again.
    let third = world.nurse(6);
    let answer = world.answer(&third, &late.request).await;
    assert!(is_accepted(&world.decide(&late, &answer).await));
    assert_eq!(counts(verifier, &study).await, [1, 0, 2]);

    let after = exported(verifier, id, None).await;
    let renewed: Vec<_> =
        after.iter().filter(|one| one.state == ParticipantState::Eligible).collect();
    assert_eq!(renewed.len(), 1);
    let as_before = before.iter().find(|one| one.id == renewed[0].id).unwrap();
    assert_eq!(as_before.counted_at, renewed[0].counted_at);
    assert_eq!(renewed[0].proven_at, renewed[0].counted_at + 60);
    assert_ne!(as_before.receipt, renewed[0].receipt);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_withdraws_by_the_service_is_eligible_no_longer_and_does_not_come_back() {
    let world = World::new().await;
    let study = study_at(&world.verifier).await;
    let nurse = world.nurse(4);
    let session = session_of(&world.verifier, &study).await;
    let answer = world.answer(&nurse, &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
    let block = world.registry.ledger().block_number().await.unwrap();
    let key = nurse.withdrawal_key(&session.request.scope());
    let wallet = Actor::wallet("test");
    world.verifier.withdraw(&wallet, &key).await.unwrap();
    world.verifier.withdraw(&wallet, &key).await.unwrap();
    assert_eq!(counts(&world.verifier, &study).await, [0, 1, 0]);
    assert_eq!(refusal(enrol(&world, &study, &nurse).await), Refusal::Withdrawn);
    // The record stays, with the height of the ledger that its answer was checked at.
    let export = exported(&world.verifier, study.id.as_str(), None).await;
    assert_eq!(export[0].state, ParticipantState::Withdrawn);
    assert_eq!(export[0].withdrawn_at, Some(world.now()));
    assert!(export[0].block > 0 && export[0].block <= block);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_on_the_ledger_reaches_the_study_once() {
    let world = World::new().await;
    let registry = world
        .registry
        .deploy_presentation_verifier(&world.member, &KEYS.verifying_key_words())
        .await
        .unwrap();
    let replicas = [
        world.verifier_with(registry.clone(), |_| {}).await,
        world.verifier_with(registry.clone(), |_| {}).await,
    ];
    let (webhooks, webhook) = told_of(&world, STUDIES).await;
    let study = study_at(&replicas[0]).await;
    let (stays, leaves) = (world.nurse(4), world.nurse(5));
    let mut scope = None;
    for nurse in [&stays, &leaves] {
        let session = session_of(&replicas[0], &study).await;
        let answer = world.answer(nurse, &session.request).await;
        let id = &session.request.request_id;
        let decision = replicas[0].respond(&Actor::wallet("test"), id, &answer).await.unwrap();
        assert!(is_accepted(&decision));
        scope = Some(session.request.scope());
    }
    assert_eq!(replicas[0].follow_withdrawals().await.unwrap(), 0);
    let key = leaves.withdrawal_key(&scope.unwrap());
    registry.withdraw(&world.member, &key).await.unwrap();
    let (one, other) =
        tokio::join!(replicas[0].follow_withdrawals(), replicas[1].follow_withdrawals());
    assert_eq!(one.unwrap() + other.unwrap(), 1);
    assert_eq!(counts(&replicas[1], &study).await, [1, 1, 0]);
    assert_eq!(replicas[1].follow_withdrawals().await.unwrap(), 0);
    assert_eq!(noted(&world, "study.withdraw").await, 1);
    let told = told_so_far(&webhooks, &webhook).await;
    assert_eq!(told, ["study.withdrawn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_counted_after_the_withdrawal_was_looked_at_is_found_as_well() {
    let world = World::new().await;
    let key = KEYS.verifying_key_words();
    let registry = world.registry.deploy_presentation_verifier(&world.member, &key).await.unwrap();
    let follower = world.verifier_with(registry.clone(), |_| {}).await;
    let study = study_at(&world.verifier).await;
    let nurse = world.nurse(4);
    let scope = session_of(&world.verifier, &study).await.request.scope();
    registry.withdraw(&world.member, &nurse.withdrawal_key(&scope)).await.unwrap();
    assert_eq!(follower.follow_withdrawals().await.unwrap(), 0);
    // This replica does not know of the withdrawal.
    assert!(is_accepted(&enrol(&world, &study, &nurse).await));
    assert_eq!(follower.follow_withdrawals().await.unwrap(), 1);
    assert_eq!(counts(&world.verifier, &study).await, [0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawals_while_no_service_ran_and_those_of_a_reorganisation_are_found() {
    let world = World::new().await;
    let key = KEYS.verifying_key_words();
    let registry = world.registry.deploy_presentation_verifier(&world.member, &key).await.unwrap();
    let study = study_at(&world.verifier).await;
    let (first, second, stranger) = (world.nurse(4), world.nurse(5), world.nurse(6));
    for nurse in [&first, &second] {
        assert!(is_accepted(&enrol(&world, &study, nurse).await));
    }
    let scope = session_of(&world.verifier, &study).await.request.scope();
    registry.withdraw(&world.member, &first.withdrawal_key(&scope)).await.unwrap();
    let clock = std::sync::Arc::clone(&world.clock);
    let (from, to) = (world.folder.path().join("ledger"), world.folder.path().join("other"));
    let other = copied(&from, &to, move || clock.load(std::sync::atomic::Ordering::SeqCst));
    registry.withdraw(&world.member, &stranger.withdrawal_key(&scope)).await.unwrap();

    let (node, client) = Node::of(&world).await;
    let client = RegistryClient::at(client.ledger().clone(), *registry.deployment());
    let follower = world.verifier_with(client, |_| {}).await;
    assert_eq!(follower.follow_withdrawals().await.unwrap(), 1);
    assert_eq!(follower.follow_withdrawals().await.unwrap(), 0);
    assert_eq!(counts(&follower, &study).await, [1, 1, 0]);
    // On the other branch there are as many withdrawals, and one of them is another.
    let branch = LedgerClient::embedded(&other, ClientOptions::default());
    let branch = RegistryClient::at(branch, *registry.deployment());
    world.advance(1);
    branch.withdraw(&world.member, &second.withdrawal_key(&scope)).await.unwrap();
    node.become_of(Some(&other));
    assert_eq!(follower.follow_withdrawals().await.unwrap(), 1);
    assert_eq!(counts(&follower, &study).await, [0, 2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_starts_a_new_count_and_knows_nobody_again() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let study = study_at(verifier).await;
    let nurse = world.nurse(4);
    assert!(is_accepted(&enrol(&world, &study, &nurse).await));
    let next = verifier.open_study_epoch(&actor, study.id.as_str()).await.unwrap();
    assert_eq!(next.epoch, 1);
    assert_ne!(next.scope(), study.scope());
    assert_eq!(counts(verifier, &study).await, [0, 0, 0]);
    assert!(is_accepted(&enrol(&world, &study, &nurse).await));
    assert_eq!(counts(verifier, &study).await, [1, 0, 0]);
    let mut ids = BTreeSet::new();
    for epoch in [0, 1] {
        let export = exported(verifier, study.id.as_str(), Some(epoch)).await;
        ids.insert(export[0].id.clone());
    }
    assert_eq!(ids.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_study_counts_nobody() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let study = study_at(verifier).await;
    let id = study.id.as_str();
    let open = session_of(verifier, &study).await;
    for _ in 0..2 {
        let closed = verifier.close_study(&actor, id).await.unwrap();
        assert_eq!(closed.closed_at, Some(world.now()));
    }
    let answer = world.answer(&world.nurse(4), &open.request).await;
    assert_eq!(refusal(world.decide(&open, &answer).await), Refusal::StudyClosed);
    assert_eq!(counts(verifier, &study).await, [0, 0, 0]);
    let session = verifier.open_study_session(&actor, id).await;
    assert!(matches!(session, Err(VerifierError::StudyClosed)));
    let policy = verifier.change_study_policy(&actor, id, asking(2)).await;
    assert!(matches!(policy, Err(VerifierError::StudyClosed)));
    let epoch = verifier.open_study_epoch(&actor, id).await;
    assert!(matches!(epoch, Err(VerifierError::StudyClosed)));
    assert_eq!(noted(&world, "study.close").await, 1);
}

#[tokio::test]
async fn a_study_whose_policy_is_retired_asks_nobody_until_it_has_another() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    let study = study_at(verifier).await;
    verifier.retire_policy(&actor, "enrol", 1).await.unwrap();
    let id = study.id.as_str();
    let refused = verifier.open_study_session(&actor, id).await;
    assert!(matches!(refused, Err(VerifierError::RetiredPolicy)));
    verifier.change_study_policy(&actor, id, asking(2)).await.unwrap();
    session_of(verifier, &study).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_participants_are_exported_only_where_the_study_says_so() {
    let world = World::new().await;
    let (verifier, actor) = (&world.verifier, Actor::operator());
    study_at(verifier).await;
    let study = verifier.open_study(&actor, new_study(false)).await.unwrap();
    assert!(is_accepted(&enrol(&world, &study, &world.nurse(4)).await));
    let export = verifier.export_study(&actor, study.id.as_str(), None).await;
    assert!(matches!(export, Err(VerifierError::TooFewParticipants)));
    assert_eq!(noted(&world, "study.export").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn studies_of_one_tenant_are_not_another_ones() {
    let world = World::new().await;
    let other: TenantId = "sponsor".parse().unwrap();
    let storage = Storage::open(&world.database.url, other).await.unwrap();
    let second = world.verifier_with(world.registry.clone(), |parts| parts.storage = storage);
    let second = second.await;
    let study = study_at(&world.verifier).await;
    let nurse = world.nurse(4);
    assert!(is_accepted(&enrol(&world, &study, &nurse).await));
    let (id, actor) = (study.id.as_str(), Actor::operator());
    assert!(matches!(second.study(id).await, Err(VerifierError::UnknownStudy)));
    assert!(matches!(second.cohort(id, None).await, Err(VerifierError::UnknownStudy)));
    let export = second.export_study(&actor, id, None).await;
    assert!(matches!(export, Err(VerifierError::UnknownStudy)));
    assert!(matches!(second.close_study(&actor, id).await, Err(VerifierError::UnknownStudy)));
    assert!(second.studies(None, 10).await.unwrap().is_empty());
    // A withdrawal that one tenant hears of is that tenant's.
    let key = nurse.withdrawal_key(&session_of(&world.verifier, &study).await.request.scope());
    second.withdraw(&Actor::wallet("test"), &key).await.unwrap();
    assert_eq!(counts(&world.verifier, &study).await, [1, 0, 0]);
}

#[tokio::test]
async fn no_other_session_has_the_scope_of_a_study() {
    let world = World::new().await;
    let study = study_at(&world.verifier).await;
    let mut asked = asked(vec![reveals_state("q1")], 0, false);
    asked.scope = study.scope();
    let refused = world.verifier.open_session(&Actor::operator(), asked).await;
    assert!(matches!(refused, Err(VerifierError::Request { field: "purpose", .. })));
}

#[tokio::test]
async fn the_name_of_a_study_stands_in_no_scope_and_in_no_audit_entry() {
    let world = World::new().await;
    let study = study_at(&world.verifier).await;
    let session = session_of(&world.verifier, &study).await;
    let request = serde_json::to_string(&session.request).unwrap();
    assert!(!request.contains(&study.name));
    let database = world.database.open().await;
    let (tenant, all) = (TenantId::default(), Filter::default());
    let page = audit::page(database.pool(), &tenant, &all, None, 100).await.unwrap();
    assert!(page.entries.iter().any(|entry| entry.action == "study.open"));
    assert!(page.entries.iter().all(|entry| !format!("{entry:?}").contains(&study.name)));
    assert!(!format!("{study:?}").contains(&study.name));
}

/// How often the audit log has an action.
pub(crate) async fn noted(world: &World, action: &str) -> usize {
    let database = world.database.open().await;
    let (tenant, all) = (TenantId::default(), Filter::default());
    let page = audit::page(database.pool(), &tenant, &all, None, 100).await.unwrap();
    page.entries.iter().filter(|entry| entry.action == action).count()
}

async fn json_of(response: reqwest::Response) -> (StatusCode, Value) {
    (response.status(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_runs_over_http() {
    let service = Service::new().await;
    let post =
        async |path: &str, body: Value| json_of(service.post(path, body.to_string()).await).await;
    for version in [1, 2] {
        post("/policies", json!({ "policy": document(version) })).await;
    }
    let new = json!({
        "name": "Heart Study 7", "purpose": "May you take part?", "policy": "enrol@1",
        "exports_few": true
    });
    let (status, study) = post("/studies", new.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(study["policy"]["words"], "active licence");
    let id = study["id"].as_str().unwrap();
    let at = |rest: &str| format!("/studies/{id}{rest}");
    assert_eq!(json_of(service.get(&at("")).await).await.1, study);
    let (_, list) = json_of(service.get("/studies").await).await;
    assert_eq!(list["items"][0]["id"], study["id"]);

    let (status, opened) = post(&at("/sessions"), json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    let asked = service.fetch(opened["deep_link"].as_str().unwrap()).await;
    let request = asked.presentation_request().unwrap();
    assert_eq!(json!(request.scope), study["scope"]);
    let answer = service.world.answer(&service.world.nurse(4), &request).await;
    assert_eq!(service.answer(&request, &answer).await.status(), StatusCode::OK);
    let session = opened["id"].as_str().unwrap();
    let (_, outcome) = json_of(service.get(&format!("/presentations/{session}")).await).await;
    assert_eq!(outcome["status"], "accepted");

    let (_, cohort) = json_of(service.get(&at("/cohort")).await).await;
    assert_eq!(
        cohort,
        json!({"epoch": 0, "eligible": "<11", "withdrawn": 0, "must_re_prove": 0, "total": null})
    );
    let export = service.get(&at("/export")).await;
    assert_eq!(export.headers()["content-type"], "application/x-ndjson");
    let export = export.text().await.unwrap();
    let lines: Vec<Value> =
        export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line, last] = lines.as_slice() else { panic!("{export}") };
    assert_eq!(*last, json!({ "summary": { "participants": 1 } }));
    assert_eq!(line["state"], "eligible");
    assert_eq!(line["receipt"], outcome["receipt"]);
    let table = service.get(&at("/export?format=csv")).await.text().await.unwrap();
    let rows: Vec<&str> = table.split("\r\n").collect();
    assert!(rows[0].starts_with("participant,state,"));
    assert!(rows[1].starts_with(line["participant"].as_str().unwrap()));
    assert_eq!(rows[2..], ["summary,1,,,,,,", ""]);
    let nullifier = answer.presentations.values().next().unwrap().parts.nullifier.to_string();
    assert!(!table.contains(nullifier.trim_start_matches("0x")));

    let changed = service.client.put(format!("{}{}", service.base, at("/policy")));
    let changed = changed.json(&json!({ "policy": "enrol" })).send().await.unwrap();
    let (status, changed) = json_of(changed).await;
    assert_eq!((status, &changed["policy"]["version"]), (StatusCode::OK, &json!(2)));
    let (_, cohort) = json_of(service.get(&at("/cohort")).await).await;
    assert_eq!((&cohort["eligible"], &cohort["must_re_prove"]), (&json!(0), &json!("<11")));
    let (_, next) = post(&at("/epochs"), json!({})).await;
    assert_eq!(next["scope"]["epoch"], 1);
    let (_, closed) = post(&at("/close"), json!({})).await;
    assert_eq!(closed["state"], "closed");
    let (status, refused) = post(&at("/sessions"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(refused["type"], "urn:attestry:problem:study-closed");

    for (path, expected) in [
        ("/studies/none", StatusCode::NOT_FOUND),
        ("/studies/none/cohort", StatusCode::NOT_FOUND),
        ("/studies/none/export", StatusCode::NOT_FOUND),
        (&at("/export?format=xml"), StatusCode::BAD_REQUEST),
        (&at("/cohort?epoch=x"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(service.get(path).await.status(), expected, "{path}");
    }
    let mut nameless = new.clone();
    nameless["name"] = "".into();
    assert_eq!(post("/studies", nameless).await.0, StatusCode::BAD_REQUEST);
    let mut unknown = new;
    unknown["policy"] = "none".into();
    assert_eq!(post("/studies", unknown).await.0, StatusCode::NOT_FOUND);
}
