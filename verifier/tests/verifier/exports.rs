//! Exports of studies: read page by page, and noticed if they are cut.

use attestry_service::Actor;
use attestry_verifier::studies::ParticipantState;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::Service;
use crate::studies::{enrol, exported, noted, session_of, study_at};
use crate::world::{World, is_accepted};

/// Counts more participants, by copies of one under other nullifiers and ids. Ids are random
/// hexadecimal digits, and so are these.
async fn copy_participants(world: &World, count: u32) {
    let database = world.database.open().await;
    for number in 0..count {
        let copied = sqlx::query(
            "INSERT INTO participants (tenant, study, epoch, nullifier, participant, revision,
             request_id, block, counted_at, proven_at, counted_after)
             SELECT tenant, study, epoch, $1, $2, revision, request_id, block, counted_at, proven_at,
             counted_after
             FROM participants WHERE nullifier NOT LIKE 'copy%'",
        )
        .bind(format!("copy-{number}"))
        .bind(hex::encode(Sha256::digest(number.to_be_bytes())))
        .execute(database.pool())
        .await
        .unwrap();
        assert_eq!(copied.rows_affected(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_several_pages_has_everybody_once_and_says_how_many() {
    let service = Service::new().await;
    let (world, verifier) = (&service.world, &service.world.verifier);
    let study = study_at(verifier).await;
    let id = study.id.as_str();
    assert!(is_accepted(&enrol(world, &study, &world.nurse(4)).await));
    copy_participants(world, 1_200).await;

    let text = service.get(&format!("/studies/{id}/export")).await.text().await.unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.pop().unwrap();
    assert_eq!(last, json!({ "summary": { "participants": 1_201 } }));
    let ids: Vec<_> = lines.iter().map(|line| line["participant"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1_201);
    assert!(ids.is_sorted_by(|one, next| one < next), "each once, in the order of the ids");
    let table = service.get(&format!("/studies/{id}/export?format=csv")).await;
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 1 + 1_201 + 1);
    assert!(table.ends_with("summary,1201,,,,,,\r\n"));
    let cells = |line: &str| line.split(',').count();
    assert!(table.lines().all(|line| cells(line) == 8));
    assert_eq!(noted(world, "study.export").await, 2);

    // Of a whole number of pages, too.
    let database = world.database.open().await;
    let ends: Vec<&str> = ids.iter().skip(1_000).copied().collect();
    for participant in ends {
        let removed = sqlx::query("DELETE FROM participants WHERE participant = $1");
        removed.bind(participant).execute(database.pool()).await.unwrap();
    }
    assert_eq!(exported(verifier, id, None).await.len(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_counted_while_an_export_is_read_is_not_in_it_and_who_withdraws_is_marked() {
    let world = World::new().await;
    let verifier = &world.verifier;
    let study = study_at(verifier).await;
    let (stays, late) = (world.nurse(4), world.nurse(5));
    let session = session_of(verifier, &study).await;
    let answer = world.answer(&stays, &session.request).await;
    assert!(is_accepted(&world.decide(&session, &answer).await));
    let actor = Actor::operator();
    let mut export = verifier.export_study(&actor, study.id.as_str(), None).await.unwrap();
    assert_eq!(noted(&world, "study.export").await, 1);
    assert!(is_accepted(&enrol(&world, &study, &late).await));
    let key = stays.withdrawal_key(&session.request.scope());
    verifier.withdraw(&Actor::wallet("test"), &key).await.unwrap();
    let page = export.next_page().await.unwrap();
    assert_eq!((page.len(), page[0].state), (1, ParticipantState::Withdrawn));
    assert!(export.is_over());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_breaks_off_has_no_last_line_and_no_end() {
    let service = Service::new().await;
    let (world, verifier) = (&service.world, &service.world.verifier);
    let study = study_at(verifier).await;
    assert!(is_accepted(&enrol(world, &study, &world.nurse(4)).await));
    copy_participants(world, 600).await;
    // A record of the second page is no participant's.
    let database = world.database.open().await;
    let corrupt = "UPDATE participants SET counted_at = -1
                   WHERE participant = (SELECT MAX(participant) FROM participants)";
    sqlx::query(corrupt).execute(database.pool()).await.unwrap();
    let mut export = service.get(&format!("/studies/{}/export", study.id)).await;
    assert_eq!(export.status(), StatusCode::OK);
    let mut read = Vec::new();
    loop {
        match export.chunk().await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => panic!("it ended as a whole one does"),
            Err(_) => break,
        }
    }
    assert!(!String::from_utf8(read).unwrap().contains("summary"));
}
