//! What the office may and may not ask for.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_breaks_a_rule_is_refused_and_offers_nothing() {
    let board = Board::open().await;
    for (options, field) in [
        (json!({ "txCode": { "length": 5 } }), "options.txCode.length"),
        (json!({ "txCode": { "length": 13 } }), "options.txCode.length"),
        (json!({ "txCode": true }), "options.txCode"),
        (json!({ "expiresIn": 0 }), "options.expiresIn"),
        (json!({ "expiresIn": 2_592_001 }), "options.expiresIn"),
        (json!({ "deferred": "yes" }), "options.deferred"),
        (json!({ "holder": "0x00" }), "options"),
    ] {
        let order = json!({ "resource": practitioner(), "options": options });
        let (status, problem) = board.office.post("/offers", &order).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{problem}");
    }
    let mut unlicensed = practitioner();
    unlicensed["identifier"][0]["value"] = json!("1234567890");
    let (status, _) = board.office.post("/offers", &json!({ "resource": unlicensed })).await;
    assert_eq!(status, 422);
    let database = Database::open(&board.world.database()).await.unwrap();
    let rows = sqlx::query("SELECT 1 FROM offers").fetch_all(database.pool()).await.unwrap();
    assert!(rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_shown_as_a_qr_code_while_the_offer_is_open() {
    let board = Board::open().await;
    let offered = board.offer(json!({})).await;
    let path = format!("/offers/{}/qr.svg", offered["id"].as_str().unwrap());
    let response = board.office.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "image/svg+xml");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let drawing = response.text().await.unwrap();
    assert!(drawing.contains("<svg") && drawing.ends_with("</svg>"));
    let anonymous = board.office.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    Person::new(1).token(&board.office, &offered).await;
    assert_eq!(board.act(Method::GET, &offered, "/qr.svg").await.0, 409);
    let nobody = json!({ "id": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(board.act(Method::GET, &nobody, "").await.0, 404);
    assert_eq!(board.act(Method::GET, &json!({ "id": "1" }), "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_twice_offers_once_and_tells_the_transaction_code_once() {
    let board = Board::open().await;
    let send = async |order: &Value| {
        let request = board.office.request(Method::POST, "/offers").json(order);
        read(request.header("idempotency-key", "order-1").send().await.unwrap()).await
    };
    let order = json!({ "resource": practitioner() });
    let (status, first) = send(&order).await;
    assert_eq!(status, 201);
    let (status, again) = send(&order).await;
    assert_eq!(status, 200);
    assert_eq!((&again["id"], &again["deepLink"]), (&first["id"], &first["deepLink"]));
    assert_eq!(again.get("txCode"), None);
    let other = json!({ "resource": practitioner(), "options": { "deferred": true } });
    assert_eq!(send(&other).await.0, 422);
    Person::new(1).token(&board.office, &first).await;
    assert_eq!(send(&order).await.0, 409);
    assert_eq!(board.audited(&first).await, ["offer.create", "offer.claim"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_codes_nor_tokens_are_in_the_database() {
    let board = Board::open().await;
    let offered = board.offer(json!({})).await;
    let person = Person::new(1);
    let issuance = person.take_up(&offered).await;
    let request = issuance.token_request(offered["txCode"].as_str()).unwrap();
    let (_, token) = claim(&board.office, &request).await;
    let database = Database::open(&board.world.database()).await.unwrap();
    let row = sqlx::query("SELECT * FROM offers").fetch_one(database.pool()).await.unwrap();
    let mut texts = Vec::new();
    for index in 0..row.len() {
        texts.extend(row.try_get::<Option<String>, _>(index).ok().flatten());
    }
    let kept = texts.join("\n");
    let reference = offered["offerUri"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(kept.contains("claimed"), "the row was read");
    for secret in [
        reference,
        &request.code,
        offered["txCode"].as_str().unwrap(),
        token["access_token"].as_str().unwrap(),
    ] {
        assert!(!kept.contains(secret), "the row has {secret}");
    }
}
