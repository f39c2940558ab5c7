//! From the office's order to the credential in the wallet.

use super::*;
use attestry_credential::issuance::{CredentialResponse, TokenResponse};
use attestry_issuer::Storage;
use attestry_issuer::http::{self, Access, Service};
use attestry_wallet_core::RegistryView;

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_fetches_what_the_office_offers() {
    let board = Board::open().await;
    let mut holder = Person::new(1);
    let offered = board.offer(json!({})).await;
    assert_eq!(offered["txCode"].as_str().unwrap().len(), 6);
    assert_eq!(board.state(&offered).await["state"], "open");
    assert!(board.keeps_content(&offered).await);

    let issuance = holder.take_up(&offered).await;
    let request = issuance.token_request(offered["txCode"].as_str()).unwrap();
    let (status, token) = claim(&board.office, &request).await;
    assert_eq!(
        (status, &token["token_type"], &token["expires_in"]),
        (200, &json!("Bearer"), &json!(600))
    );
    let token = TokenResponse::from_json(token.to_string().as_bytes()).unwrap();
    assert_eq!(board.state(&offered).await["state"], "claimed");

    let proof = holder.proof(&board).await;
    let request = json!(issuance.credential_request(LICENCES, &token, proof));
    let response = post(&board.office, "credential", &token.access_token, &request).await;
    assert_eq!(response.status(), 200);
    let response = CredentialResponse::from_json(&response.bytes().await.unwrap()).unwrap();
    let CredentialResponse::Issued { credentials, notification_id } = response else {
        unreachable!("it is ready")
    };
    let registry = board.world.registry.snapshot().await.unwrap();
    let view = registry.entries.iter().fold(RegistryView::new(&registry.tree), |view, entry| {
        let (entry, status) = entry;
        let index = entry.index.as_u32() as usize;
        view.with_entry(index, entry.leaf, status.as_ref().unwrap())
    });
    let accepted = holder.wallet.accept_issued(&issuance, LICENCES, &credentials[0], Some(&view));
    accepted.unwrap();
    assert_eq!(holder.wallet.list(board.world.now()).len(), 1);

    let state = board.state(&offered).await;
    assert_eq!(state["state"], "issued");
    assert_eq!(state["credential"], credentials[0].credential["id"]);
    assert!(!board.keeps_content(&offered).await, "what was offered is in the credential alone");

    let notification =
        json!({ "notification_id": notification_id.unwrap(), "event": "credential_accepted" });
    for _ in 0..2 {
        let told = post(&board.office, "notification", &token.access_token, &notification).await;
        assert_eq!(told.status(), 204);
    }
    assert_eq!(board.state(&offered).await["notified"], "credential_accepted");
    let actions = ["offer.create", "offer.claim", "offer.issue", "offer.notify"];
    assert_eq!(board.audited(&offered).await, actions);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_had_again_by_the_same_holder_only() {
    let board = Board::open().await;
    let (holder, stranger) = (Person::new(1), Person::new(2));
    let offered = board.offer(json!({})).await;
    let token = holder.token(&board.office, &offered).await;
    let (status, first) = holder.ask(&board, &board.office, &token).await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = holder.ask(&board, &board.office, &token).await;
    assert_eq!((status, again), (200, first));
    let (status, refused) = stranger.ask(&board, &board.office, &token).await;
    assert_eq!((status, &refused["error"]), (400, &json!("credential_request_denied")));
}

#[tokio::test(flavor = "multi_thread")]
async fn authorization_details_lead_to_a_credential_identifier() {
    let board = Board::open().await;
    let holder = Person::new(1);
    let offered = board.offer(json!({ "txCode": false })).await;
    assert_eq!(offered.get("txCode"), None);
    let issuance = holder.take_up(&offered).await;
    assert_eq!(issuance.tx_code(), None);
    let mut request = issuance.token_request(None).unwrap();
    request.configurations = vec![LICENCES.to_owned()];
    let (status, token) = claim(&board.office, &request).await;
    assert_eq!(status, 200, "{token}");
    let token = TokenResponse::from_json(token.to_string().as_bytes()).unwrap();
    let by_configuration = request_with(&holder.proof(&board).await);
    let refused = post(&board.office, "credential", &token.access_token, &by_configuration).await;
    let (status, refused) = read(refused).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_credential_request")));
    let proof = holder.proof(&board).await;
    let mut request = json!(issuance.credential_request(LICENCES, &token, proof));
    let response = post(&board.office, "credential", &token.access_token, &request).await;
    assert_eq!(response.status(), 200);
    request["credential_identifier"] = json!("another");
    let response = post(&board.office, "credential", &token.access_token, &request).await;
    let (status, refused) = read(response).await;
    assert_eq!((status, &refused["error"]), (400, &json!("unknown_credential_identifier")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_offer_is_issued_once_it_is_released() {
    let board = Board::open().await;
    let holder = Person::new(1);
    let offered = board.offer(json!({ "deferred": true })).await;
    assert_eq!(offered["released"], false);
    let token = holder.token(&board.office, &offered).await;
    let (status, deferred) = holder.ask(&board, &board.office, &token).await;
    assert_eq!(status, 202, "{deferred}");
    assert!(deferred["interval"].as_u64().unwrap() > 0);
    let poll = async || {
        let body = json!({ "transaction_id": deferred["transaction_id"] });
        read(post(&board.office, "deferred", &token, &body).await).await
    };
    assert_eq!(poll().await, (202, deferred.clone()));
    let other = json!({ "transaction_id": "another" });
    let (status, refused) = read(post(&board.office, "deferred", &token, &other).await).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_transaction_id")));

    // The token outlives that of an offer that is ready.
    board.world.advance(86_400);
    board.issuer.purge_offers().await.unwrap();
    assert_eq!(board.act(Method::POST, &offered, "/release").await.0, 200);
    assert_eq!(board.act(Method::POST, &offered, "/release").await.0, 200);
    let (status, issued) = poll().await;
    assert_eq!(status, 200, "{issued}");
    let (status, refused) = poll().await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_transaction_id")));
    let (status, again) = holder.ask(&board, &board.office, &token).await;
    assert_eq!((status, again), (200, issued));
    let actions = ["offer.create", "offer.claim", "offer.release", "offer.issue"];
    assert_eq!(board.audited(&offered).await, actions);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_is_taken_back_while_it_waits_is_denied() {
    let board = Board::open().await;
    let holder = Person::new(1);
    let offered = board.offer(json!({ "deferred": true })).await;
    let token = holder.token(&board.office, &offered).await;
    let (_, deferred) = holder.ask(&board, &board.office, &token).await;
    assert_eq!(board.act(Method::DELETE, &offered, "").await.0, 200);
    assert!(!board.keeps_content(&offered).await);
    let body = json!({ "transaction_id": deferred["transaction_id"] });
    let (status, refused) = read(post(&board.office, "deferred", &token, &body).await).await;
    assert_eq!((status, &refused["error"]), (400, &json!("credential_request_denied")));
    let (status, refused) = holder.ask(&board, &board.office, &token).await;
    assert_eq!((status, &refused["error"]), (400, &json!("credential_request_denied")));
    assert_eq!(board.act(Method::POST, &offered, "/release").await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_below_a_path_has_its_metadata_at_the_root() {
    let mut world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    world.public_url = format!("{host}/t/texas");
    let tenant = "texas".parse().unwrap();
    let storage = Storage::open(&world.database(), tenant).await.unwrap();
    let registry = world.registry.clone();
    let clock = || crate::world::START;
    let issuer = Issuer::open(world.config(), world.keys(), registry, storage, clock).await;
    let issuer = issuer.unwrap();
    let routes = http::router(&Service::new(vec![issuer.clone()], Access::Open));
    tokio::spawn(async { axum::serve(listener, routes).await });
    let order = json!({ "resource": practitioner(), "options": { "txCode": false } });
    let offers = reqwest::Client::new().post(format!("{}/offers", world.public_url)).json(&order);
    let (status, offered) = read(offers.send().await.unwrap()).await;
    assert_eq!(status, 201, "{offered}");
    let issuance = Person::new(1).take_up(&offered).await;
    assert_eq!(issuance.issuer().as_str(), world.public_url);
    assert_eq!(issuance.token_endpoint().as_str(), format!("{host}/t/texas/oid4vci/token"));
    let form = issuance.token_request(None).unwrap().to_form();
    let token = reqwest::Client::new()
        .post(issuance.token_endpoint().as_str())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    assert_eq!(token.send().await.unwrap().status(), 200);
}
