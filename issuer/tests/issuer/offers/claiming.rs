//! Codes that are not traded for a token.

use super::*;

/// The error of a token request.
async fn refused(board: &Board, request: &TokenRequest) -> String {
    let (status, body) = claim(&board.office, request).await;
    assert_eq!(status, 400, "{body}");
    body["error"].as_str().unwrap().to_owned()
}

/// A transaction code that is not the one.
fn other_than(code: &Value) -> String {
    let digits = code.as_str().unwrap();
    let first = if digits.starts_with('0') { '1' } else { '0' };
    format!("{first}{}", &digits[1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_serves_once_and_only_with_its_transaction_code() {
    let board = Board::open().await;
    let offered = board.offer(json!({ "txCode": { "length": 8 } })).await;
    assert_eq!(offered["txCode"].as_str().unwrap().len(), 8);
    let issuance = Person::new(1).take_up(&offered).await;
    let right = issuance.token_request(offered["txCode"].as_str()).unwrap();
    let without = TokenRequest { tx_code: None, ..right.clone() };
    assert_eq!(refused(&board, &without).await, "invalid_request");
    let wrong = TokenRequest { tx_code: Some(other_than(&offered["txCode"])), ..right.clone() };
    assert_eq!(refused(&board, &wrong).await, "invalid_grant");
    let unknown = TokenRequest { code: "unknown".to_owned(), ..right.clone() };
    assert_eq!(refused(&board, &unknown).await, "invalid_grant");
    let more = TokenRequest { configurations: vec!["ConsentGrant/1".to_owned()], ..right.clone() };
    assert_eq!(refused(&board, &more).await, "invalid_authorization_details");
    assert_eq!(claim(&board.office, &right).await.0, 200);
    assert_eq!(refused(&board, &right).await, "invalid_grant");

    let open = board.offer(json!({ "txCode": false })).await;
    let open = Person::new(1).take_up(&open).await.token_request(None).unwrap();
    let unexpected = TokenRequest { tx_code: Some("493536".to_owned()), ..open };
    assert_eq!(refused(&board, &unexpected).await, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fifth_wrong_transaction_code_makes_an_offer_void() {
    let board = Board::open().await;
    let offered = board.offer(json!({})).await;
    let issuance = Person::new(1).take_up(&offered).await;
    let right = issuance.token_request(offered["txCode"].as_str()).unwrap();
    let wrong = TokenRequest { tx_code: Some(other_than(&offered["txCode"])), ..right.clone() };
    for _ in 0..5 {
        assert!(board.keeps_content(&offered).await);
        assert_eq!(refused(&board, &wrong).await, "invalid_grant");
    }
    assert_eq!(refused(&board, &right).await, "invalid_grant");
    assert_eq!(board.state(&offered).await["state"], "failed");
    assert!(!board.keeps_content(&offered).await);
    let refusals = vec!["offer.refuse"; 4];
    let expected = [vec!["offer.create"], refusals, vec!["offer.fail"]].concat();
    assert_eq!(board.audited(&offered).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_not_to_be_had_after_its_time_or_once_it_is_taken_back() {
    let board = Board::open().await;
    let late = board.offer(json!({ "expiresIn": 60 })).await;
    let cancelled = board.offer(json!({})).await;
    let person = Person::new(1);
    let mut requests = Vec::new();
    for offered in [&late, &cancelled] {
        let issuance = person.take_up(offered).await;
        requests.push(issuance.token_request(offered["txCode"].as_str()).unwrap());
    }
    board.world.advance(60);
    assert_eq!(board.act(Method::DELETE, &cancelled, "").await.0, 200);
    assert_eq!(board.act(Method::DELETE, &cancelled, "").await.0, 200);
    for (offered, request) in [&late, &cancelled].into_iter().zip(&requests) {
        assert_eq!(refused(&board, request).await, "invalid_grant");
        let fetched = reqwest::get(offered["offerUri"].as_str().unwrap()).await.unwrap();
        assert_eq!(fetched.status(), 404);
    }
    board.issuer.purge_offers().await.unwrap();
    assert_eq!(board.issuer.purge_offers().await.unwrap(), 0);
    assert_eq!(board.state(&late).await["state"], "expired");
    for offered in [&late, &cancelled] {
        assert!(!board.keeps_content(offered).await);
    }
    assert_eq!(board.audited(&late).await, ["offer.create", "offer.expire"]);
    assert_eq!(board.audited(&cancelled).await, ["offer.create", "offer.cancel"]);
    assert_eq!(board.act(Method::DELETE, &late, "").await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_offer_ends_with_its_token() {
    let board = Board::open().await;
    let holder = Person::new(1);
    let offered = board.offer(json!({})).await;
    let token = holder.token(&board.office, &offered).await;
    board.world.advance(600);
    let (status, expired) = holder.ask(&board, &board.office, &token).await;
    assert_eq!((status, &expired["error"]), (401, &json!("invalid_token")));
    board.issuer.purge_offers().await.unwrap();
    assert_eq!(board.state(&offered).await["state"], "expired");
    assert!(!board.keeps_content(&offered).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_requests_that_are_none_are_refused_by_oauths_codes() {
    let board = Board::open().await;
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        ("grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code", "invalid_request"),
        ("grant_type=a&grant_type=a", "invalid_request"),
    ] {
        let (status, body) = claim_form(&board.office, form.to_owned()).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{form}");
    }
    let request = board.office.anonymous(Method::POST, "/oid4vci/token");
    let (status, body) = read(request.json(&json!({})).send().await.unwrap()).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
}
