//! Credential requests that get none.

use super::*;

/// A token for an offer that is ready.
async fn token_for(board: &Board) -> String {
    let offered = board.offer(json!({ "txCode": false })).await;
    Person::new(1).token(&board.office, &offered).await
}

async fn error_of(board: &Board, token: &str, body: &Value) -> String {
    let (status, answer) = read(post(&board.office, "credential", token, body).await).await;
    assert_eq!(status, 400, "{answer}");
    answer["error"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_good_token_is_unauthorized() {
    let board = Board::open().await;
    for endpoint in ["credential", "deferred", "notification"] {
        let path = format!("/oid4vci/{endpoint}");
        let request = board.office.anonymous(Method::POST, &path).json(&json!({}));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body = match endpoint {
            "credential" => request_with("a.b.c"),
            "deferred" => json!({ "transaction_id": "x" }),
            _ => json!({ "notification_id": "x", "event": "credential_accepted" }),
        };
        let response = post(&board.office, endpoint, "unknown", &body).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer error=\"invalid_token\"");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_a_proof_is_kept() {
    let board = Board::open().await;
    let token = token_for(&board).await;
    let now = board.world.now();
    for (part, name, value) in [
        ("header", "typ", json!("JWT")),
        ("header", "alg", json!("none")),
        ("header", "alg", json!("HS256")),
        ("header", "alg", json!("ES256")),
        ("header", "kid", json!("did:key:z6Mk#z6Mk")),
        ("header", "jwk", Value::Null),
        ("header", "crit", json!(["exp"])),
        ("claims", "aud", json!("https://other.example")),
        ("claims", "iss", json!("a-wallet")),
        ("claims", "iat", json!(now + 61)),
        ("claims", "iat", json!(now - 301)),
        ("claims", "nonce", Value::Null),
        ("claims", HOLDER_CLAIM, Value::Null),
    ] {
        let mut proof = Crafted::new(&board).await;
        match part {
            "header" => proof.header[name] = value,
            _ => proof.claims[name] = value,
        }
        let error = error_of(&board, &token, &request_with(&proof.sign())).await;
        assert_eq!(error, "invalid_proof", "{name}");
    }
    let proof = Crafted::new(&board).await.sign();
    let unsigned = format!("{}.", proof.rsplit_once('.').unwrap().0);
    assert_eq!(error_of(&board, &token, &request_with(&unsigned)).await, "invalid_proof");
    // None of these has used up the token.
    let proof = Crafted::new(&board).await.sign();
    let answer = post(&board.office, "credential", &token, &request_with(&proof)).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_the_issuers_own_serves_once_and_not_for_long() {
    let board = Board::open().await;
    let token = token_for(&board).await;
    let mut made_up = Crafted::new(&board).await;
    made_up.claims["nonce"] = json!("LarRGSbmUPYtRYO6BQ4yn8");
    assert_eq!(error_of(&board, &token, &request_with(&made_up.sign())).await, "invalid_nonce");
    let mut old = Crafted::new(&board).await;
    board.world.advance(300);
    old.claims["iat"] = json!(board.world.now());
    assert_eq!(error_of(&board, &token, &request_with(&old.sign())).await, "invalid_nonce");
    let proof = request_with(&Crafted::new(&board).await.sign());
    assert_eq!(post(&board.office, "credential", &token, &proof).await.status(), 200);
    assert_eq!(error_of(&board, &token, &proof).await, "invalid_nonce");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_something_else_or_without_form_is_refused() {
    let board = Board::open().await;
    let token = token_for(&board).await;
    let proof = Crafted::new(&board).await.sign();
    let proofs = json!({ "jwt": [proof] });
    for (body, error) in [
        (json!({ "proofs": proofs }), "invalid_credential_request"),
        (
            json!({ "credential_configuration_id": "ConsentGrant/1", "proofs": proofs }),
            "unknown_credential_configuration",
        ),
        (
            json!({ "credential_configuration_id": "Passport", "proofs": proofs }),
            "unknown_credential_configuration",
        ),
        (
            json!({ "credential_identifier": "x", "proofs": proofs }),
            "unknown_credential_identifier",
        ),
        (json!({ "credential_configuration_id": LICENCES }), "invalid_proof"),
        (
            json!({ "credential_configuration_id": LICENCES, "proofs": { "jwt": [proof, proof] } }),
            "invalid_proof",
        ),
        (
            json!({
                "credential_configuration_id": LICENCES, "proofs": proofs,
                "credential_response_encryption": { "jwk": {}, "enc": "A256GCM" },
            }),
            "invalid_encryption_parameters",
        ),
    ] {
        assert_eq!(error_of(&board, &token, &body).await, error, "{body}");
    }
    let request = board.office.anonymous(Method::POST, "/oid4vci/credential").bearer_auth(&token);
    let request = request.header("content-type", "application/jwt").body("a.b.c.d.e");
    let (status, answer) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_credential_request")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_so_many_requests_only() {
    let board = Board::open().await;
    let token = token_for(&board).await;
    let body = request_with("a.b.c");
    for _ in 0..50 {
        assert_eq!(error_of(&board, &token, &body).await, "invalid_proof");
    }
    assert_eq!(error_of(&board, &token, &body).await, "credential_request_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_about_a_credential_of_the_token() {
    let board = Board::open().await;
    let holder = Person::new(1);
    let offered = board.offer(json!({})).await;
    let token = holder.token(&board.office, &offered).await;
    let tell = async |body: Value| {
        let response = post(&board.office, "notification", &token, &body).await;
        let (status, answer) = read(response).await;
        (status, answer["error"].as_str().unwrap().to_owned())
    };
    let early = tell(json!({ "notification_id": "x", "event": "credential_accepted" })).await;
    assert_eq!(early, (400, "invalid_notification_id".to_owned()));
    let (_, issued) = holder.ask(&board, &board.office, &token).await;
    let other = tell(json!({ "notification_id": "x", "event": "credential_accepted" })).await;
    assert_eq!(other, (400, "invalid_notification_id".to_owned()));
    let id = &issued["notification_id"];
    let unknown = tell(json!({ "notification_id": id, "event": "credential_lost" })).await;
    assert_eq!(unknown, (400, "invalid_notification_request".to_owned()));
    assert_eq!(board.state(&offered).await.get("notified"), None);
}
