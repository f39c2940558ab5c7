//! Two processes on one database: each step may be taken by either, and by one only.

use super::*;
use std::sync::Arc;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn each_step_may_be_taken_by_another_replica() {
    let board = Board::open().await;
    let other = board.replica().await;
    let holder = Person::new(1);
    let offered = board.offer(json!({ "deferred": true })).await;
    let token = holder.token(&other, &offered).await;
    let (status, deferred) = holder.ask(&board, &board.office, &token).await;
    assert_eq!(status, 202);
    let path = format!("/offers/{}/release", offered["id"].as_str().unwrap());
    assert_eq!(other.post(&path, &json!({})).await.0, 200);
    let body = json!({ "transaction_id": deferred["transaction_id"] });
    let (status, issued) = read(post(&other, "deferred", &token, &body).await).await;
    assert_eq!(status, 200, "{issued}");
    let (status, again) = holder.ask(&board, &board.office, &token).await;
    assert_eq!((status, again), (200, issued));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_claim_at_once_one_gets_the_token() {
    let board = Board::open().await;
    let offices = Arc::new([board.replica().await, board.replica().await]);
    let offered = board.offer(json!({})).await;
    let issuance = Person::new(1).take_up(&offered).await;
    let request = issuance.token_request(offered["txCode"].as_str()).unwrap();
    let mut claims = JoinSet::new();
    for index in 0..8 {
        let (offices, request) = (Arc::clone(&offices), request.clone());
        claims.spawn(async move { claim(&offices[index % 2], &request).await.0 });
    }
    let mut statuses = claims.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_no_more_than_guesses_in_turn() {
    let board = Board::open().await;
    let offices = Arc::new([board.replica().await, board.replica().await]);
    let offered = board.offer(json!({})).await;
    let issuance = Person::new(1).take_up(&offered).await;
    let right = issuance.token_request(offered["txCode"].as_str()).unwrap();
    let mut guesses = JoinSet::new();
    for index in 0..12 {
        let mut request = right.clone();
        request.tx_code = Some(format!("x{index}"));
        let offices = Arc::clone(&offices);
        guesses.spawn(async move { claim(&offices[index % 2], &request).await.0 });
    }
    assert!(guesses.join_all().await.iter().all(|status| *status == 400));
    assert_eq!(board.state(&offered).await["txCodeAttempts"], 5);
    assert_eq!(claim(&board.office, &right).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_to_both_at_once_issues_one_credential() {
    let board = Board::open().await;
    let offices = Arc::new([board.replica().await, board.replica().await]);
    let holder = Person::new(1);
    let offered = board.offer(json!({})).await;
    let token = holder.token(&board.office, &offered).await;
    let mut requests = JoinSet::new();
    for index in 0..6 {
        let (offices, token) = (Arc::clone(&offices), token.clone());
        let request = request_with(&holder.proof(&board).await);
        requests.spawn(async move {
            read(post(&offices[index % 2], "credential", &token, &request).await).await
        });
    }
    let answers = requests.join_all().await;
    for (status, answer) in &answers {
        assert_eq!(*status, 200, "{answer}");
        assert_eq!(answer, &answers[0].1);
    }
    let database = Database::open(&board.world.database()).await.unwrap();
    let issued = sqlx::query("SELECT id FROM credentials").fetch_all(database.pool());
    assert_eq!(issued.await.unwrap().len(), 1);
}
