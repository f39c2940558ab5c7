//! Another secret in the place of one that is known too widely, without a message in between that the
//! receiver cannot believe.

use attestry_service::audit::{Filter, page};
use attestry_verifier::webhooks::{
    EventKind, LONGEST_OVERLAP_S, Secret, Sender, USUAL_OVERLAP_S, WebhookError,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::Row;

use super::management::{MANAGER, Served};
use super::receiver::{Receiver, Says};
use super::world::{NOW, World, actor, is_finished, settled};

const EXPIRED: &[EventKind] = &[EventKind::SessionExpired];

#[tokio::test]
async fn for_a_while_messages_are_signed_with_the_secret_before_as_well() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let events = EXPIRED.iter().copied().collect();
    let made = webhooks.register(&receiver.url(), &events, &actor(), &mut world.rng).await;
    let (webhook, first) = made.unwrap();
    let (rotated, second) =
        webhooks.rotate(&webhook.id, 100, &actor(), &mut world.rng).await.unwrap();
    assert_eq!(rotated.old_secret_until, Some(NOW + 100));
    assert_eq!(webhooks.list().await.unwrap(), [rotated]);

    let sender = Sender::start(vec![webhooks.clone()]);
    let mut told = 0;
    let mut believes = async |world: &World, secret: &Secret| {
        receiver.knows(secret.clone());
        told += 1;
        world.expire(&webhooks, &[&format!("s{told}")]).await;
        let is_good = receiver.wait(told).await.remove(told - 1).is_good;
        // One whose delivery is not recorded when time passes would be sent again.
        while !webhooks.deliveries(&webhook.id, 10).await.unwrap().iter().all(is_finished) {
            tokio::task::yield_now().await;
        }
        is_good
    };
    for (passes, first_is_good) in [(0, true), (99, true), (1, false)] {
        world.time.pass(passes);
        assert_eq!(believes(&world, &first).await, first_is_good);
        assert!(believes(&world, &second).await);
    }
    // Of three, the last two; and none but the last if that is wished.
    let rotate = async |overlap, world: &mut World| {
        webhooks.rotate(&webhook.id, overlap, &actor(), &mut world.rng).await.unwrap().1
    };
    let third = rotate(USUAL_OVERLAP_S, &mut world).await;
    let fourth = rotate(USUAL_OVERLAP_S, &mut world).await;
    for (secret, is_good) in [(&second, false), (&third, true), (&fourth, true)] {
        assert_eq!(believes(&world, secret).await, is_good);
    }
    let fifth = rotate(0, &mut world).await;
    for (secret, is_good) in [(&fourth, false), (&fifth, true)] {
        assert_eq!(believes(&world, secret).await, is_good);
    }
    sender.stop().await;
}

#[tokio::test]
async fn a_secret_is_rotated_over_http_and_that_is_recorded() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    let served = Served::start(&mut world, &webhooks, MANAGER).await;
    let path = format!("/webhooks/{}/secret", webhook.id);
    let (status, rotated) = served.ask(Method::POST, &path, Some(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    assert_eq!(rotated["oldSecretUntil"], "2027-01-16T08:00:00Z");
    let secret = rotated["secret"].as_str().unwrap();
    receiver.knows(secret.parse().unwrap());
    let (_, all) = served.ask(Method::GET, "/webhooks", None).await;
    assert!(!all.to_string().contains(secret), "a secret is shown once");
    assert_eq!(all["webhooks"][0]["oldSecretUntil"], rotated["oldSecretUntil"]);

    for body in [json!({ "overlapSeconds": LONGEST_OVERLAP_S + 1 }), json!({ "overlap": 1 })] {
        let (status, _) = served.ask(Method::POST, &path, Some(body.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let unknown = served.ask(Method::POST, "/webhooks/none/secret", Some(json!({}))).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    let log = page(world.database.pool(), webhooks.tenant(), &Filter::default(), None, 10).await;
    let last = &log.unwrap().entries[0];
    assert_eq!((last.action.as_str(), last.object.as_ref()), ("webhook.rotate", Some(&webhook.id)));
    assert_eq!(last.details["until"], (NOW + USUAL_OVERLAP_S).to_string());

    // The secret before is destroyed when it has ended.
    world.time.pass(USUAL_OVERLAP_S);
    let sender = Sender::start(vec![webhooks.clone()]);
    world.expire(&webhooks, &["s1"]).await;
    assert!(receiver.wait(1).await[0].is_good);
    sender.stop().await;
    let kept =
        sqlx::query("SELECT old_secret FROM webhooks").fetch_one(world.database.pool()).await;
    assert_eq!(kept.unwrap().get::<Option<String>, _>("old_secret"), None);
}

#[tokio::test]
async fn a_webhook_whose_receiver_is_gone_gets_no_other_secret() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    receiver.says(&[Says::Status(410)]);
    world.expire(&webhooks, &["s1"]).await;
    let sender = Sender::start(vec![webhooks.clone()]);
    settled(&webhooks, &webhook, |delivery| delivery.status == Some(410)).await;
    sender.stop().await;
    let rotated = webhooks.rotate(&webhook.id, 0, &actor(), &mut world.rng).await;
    assert!(matches!(rotated, Err(WebhookError::Disabled)));
}
