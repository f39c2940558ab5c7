//! What receivers are told, and what happens if they do not listen.

use attestry_service::audit::{Filter, page};
use attestry_service::outbound::{Outbound, OutboundConfig};
use attestry_verifier::webhooks::{
    DeliveryState, Event, EventKind, FIRST_PAUSE_S, LONGEST_PAUSE_S, MOST_ATTEMPTS, SealingKey,
    Sender, WebhookError, Webhooks, enqueue,
};
use attestry_verifier::{SignedReceipt, Storage};
use serde_json::json;

use super::receiver::{Receiver, Says};
use super::world::{NOW, World, actor, is_finished, settled};

const EXPIRED: &[EventKind] = &[EventKind::SessionExpired];

#[tokio::test]
async fn a_receiver_is_told_once_what_it_wants_to_know_in_a_message_that_it_can_believe() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let other = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port, other.port]).await;
    let webhook = world.tell(&webhooks, &receiver, &[EventKind::SessionDecided]).await;
    world.tell(&webhooks, &other, EXPIRED).await;

    let receipt = SignedReceipt::from_text("a.b.c");
    let events = [
        Event::SessionDecided { session: "s1", accepted: true, reason: None, receipt: &receipt },
        Event::StudyWithdrawn { study: "t1", session: None },
    ];
    let mut transaction = world.database.write().await.unwrap();
    for expected in [1, 0] {
        let written = enqueue(&mut transaction, webhooks.tenant(), &events, NOW).await.unwrap();
        assert_eq!(written, expected, "the same event is one message");
    }
    transaction.commit().await.unwrap();

    let sender = Sender::start(vec![webhooks.clone()]);
    receiver.wait(1).await;
    let delivery = settled(&webhooks, &webhook, is_finished).await;
    sender.stop().await;
    let messages = receiver.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].is_good);
    assert_eq!((messages[0].id.as_str(), messages[0].at), (delivery.id.as_str(), NOW));
    let data = json!({ "session": "s1", "accepted": true, "receipt": "a.b.c" });
    let content =
        json!({ "type": "session.decided", "timestamp": "2027-01-15T08:00:00Z", "data": data });
    assert_eq!(messages[0].content, content);
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!((delivery.attempts, delivery.status, delivery.error), (1, Some(204), None));
    assert!(other.messages().is_empty());
}

#[tokio::test]
async fn what_is_rolled_back_is_told_to_nobody() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    let mut transaction = world.database.write().await.unwrap();
    let event = [Event::SessionExpired { session: "s1" }];
    assert_eq!(enqueue(&mut transaction, webhooks.tenant(), &event, NOW).await.unwrap(), 1);
    transaction.rollback().await.unwrap();
    assert_eq!(webhooks.deliveries(&webhook.id, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_again_with_the_same_id_and_a_new_time() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    receiver.says(&[Says::Status(500), Says::Status(404), Says::Status(302)]);
    world.expire(&webhooks, &["s1"]).await;
    let sender = Sender::start(vec![webhooks.clone()]);
    let statuses = [500, 404, 302];
    for (attempt, status) in (1..).zip(statuses) {
        receiver.wait(attempt).await;
        let waiting =
            |delivery: &attestry_verifier::webhooks::Delivery| delivery.status == Some(status);
        let delivery = settled(&webhooks, &webhook, waiting).await;
        assert_eq!(delivery.state, DeliveryState::Pending);
        assert_eq!(delivery.error.as_deref(), Some("status"));
        let pause = delivery.due_at.unwrap() - world.time.now();
        let longest = FIRST_PAUSE_S * [1, 3, 9][attempt - 1];
        assert!((longest * 3 / 4..=longest).contains(&pause), "{pause}");
        world.time.pass(pause);
        webhooks.wake();
    }
    let delivery = settled(&webhooks, &webhook, is_finished).await;
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 4));
    let messages = receiver.messages();
    assert!(messages.iter().all(|message| message.is_good && message.id == delivery.id));
    assert!(messages.is_sorted_by(|a, b| a.at < b.at), "each attempt is signed for its time");
    sender.stop().await;
}

#[tokio::test]
async fn a_receiver_that_takes_no_connection_is_told_when_it_does() {
    let mut world = World::new().await;
    let away = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = away.local_addr().unwrap();
    let receiver = Receiver::on(away, &world.time);
    let webhooks = world.webhooks(&[address.port()]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    // Another port, to which nobody listens yet, in the place of the first.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let move_there = "UPDATE webhooks SET url = $1";
    let url = format!("http://{address}/hook");
    sqlx::query(move_there).bind(url).execute(world.database.pool()).await.unwrap();
    let webhooks_there = world.webhooks(&[address.port()]).await;
    world.expire(&webhooks_there, &["s1"]).await;
    let sender = Sender::start(vec![webhooks_there.clone()]);
    let delivery = settled(&webhooks, &webhook, |delivery| delivery.error.is_some()).await;
    assert_eq!((delivery.error.as_deref(), delivery.status), (Some("no-connection"), None));

    let there = Receiver::on(tokio::net::TcpListener::bind(address).await.unwrap(), &world.time);
    world.time.pass(FIRST_PAUSE_S);
    webhooks_there.wake();
    assert_eq!(there.wait(1).await[0].id, delivery.id);
    sender.stop().await;
    assert!(receiver.messages().is_empty());
}

#[tokio::test]
async fn a_message_that_nobody_takes_is_given_up_in_the_end() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    let statuses: Vec<u16> = (500..).take(MOST_ATTEMPTS as usize).collect();
    receiver.says(&statuses.iter().copied().map(Says::Status).collect::<Vec<_>>());
    world.expire(&webhooks, &["s1"]).await;
    let sender = Sender::start(vec![webhooks.clone()]);
    for status in statuses {
        settled(&webhooks, &webhook, |delivery| delivery.status == Some(status)).await;
        world.time.pass(LONGEST_PAUSE_S);
        webhooks.wake();
    }
    let delivery = settled(&webhooks, &webhook, is_finished).await;
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Failed, MOST_ATTEMPTS));
    assert_eq!(webhooks.backlog().await.unwrap().failed, 1);

    // What is finished is forgotten after a week.
    world.time.pass(8 * 86_400);
    webhooks.wake();
    while !webhooks.deliveries(&webhook.id, 10).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(webhooks.backlog().await.unwrap().failed, 0);
    sender.stop().await;
    assert_eq!(receiver.messages().len() as u64, MOST_ATTEMPTS);
}

#[tokio::test]
async fn a_receiver_may_ask_for_a_longer_pause_within_bounds() {
    for (asked, expected) in [
        ("100", 100),
        ("999999999", LONGEST_PAUSE_S),
        ("Fri, 15 Jan 2027 08:02:05 GMT", 125),
        ("Sun, 06 Nov 2994 08:49:37 GMT", LONGEST_PAUSE_S),
    ] {
        let mut world = World::new().await;
        let receiver = Receiver::start(&world.time).await;
        let webhooks = world.webhooks(&[receiver.port]).await;
        let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
        receiver.says(&[Says::After(429, asked)]);
        world.expire(&webhooks, &["s1"]).await;
        let sender = Sender::start(vec![webhooks.clone()]);
        let delivery = settled(&webhooks, &webhook, |delivery| delivery.status.is_some()).await;
        assert_eq!(delivery.due_at, Some(NOW + expected));
        sender.stop().await;
    }
    // Neither a shorter one, nor one that is over, nor what is no number and no time.
    for asked in [
        "0",
        "-1",
        "soon",
        "Fri, 15 Jan 2027 08:00:01 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Fri, 15 Jan 2027 08:02:05",
        "Fri, 32 Jan 2027 08:02:05 GMT",
        "2027-01-15T08:02:05Z",
    ] {
        let mut world = World::new().await;
        let receiver = Receiver::start(&world.time).await;
        let webhooks = world.webhooks(&[receiver.port]).await;
        let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
        receiver.says(&[Says::After(503, asked)]);
        world.expire(&webhooks, &["s1"]).await;
        let sender = Sender::start(vec![webhooks.clone()]);
        let delivery = settled(&webhooks, &webhook, |delivery| delivery.status.is_some()).await;
        let pause = delivery.due_at.unwrap() - NOW;
        assert!((FIRST_PAUSE_S * 3 / 4..=FIRST_PAUSE_S).contains(&pause), "{pause}");
        sender.stop().await;
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_nothing_more() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    receiver.says(&[Says::Status(410)]);
    world.expire(&webhooks, &["s1"]).await;
    let sender = Sender::start(vec![webhooks.clone()]);
    let delivery = settled(&webhooks, &webhook, is_finished).await;
    assert_eq!((delivery.state, delivery.error.as_deref()), (DeliveryState::Failed, Some("gone")));
    while webhooks.list().await.unwrap()[0].disabled_at.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.expire(&webhooks, &["s2"]).await, 0);
    let pinged = webhooks.ping(&webhook.id, &mut world.rng).await;
    assert!(matches!(pinged, Err(WebhookError::Disabled)));
    sender.stop().await;
    assert_eq!(receiver.messages().len(), 1);
    let log = page(world.database.pool(), webhooks.tenant(), &Filter::default(), None, 10).await;
    let last = &log.unwrap().entries[0];
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("webhook.disable", "service"));
    assert_eq!(last.object.as_ref(), Some(&webhook.id));
}

#[tokio::test]
async fn a_webhook_that_is_deleted_is_told_nothing_that_was_still_to_be_sent() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let deleted = world.tell(&webhooks, &receiver, EXPIRED).await;
    let stays = world.tell(&webhooks, &receiver, EXPIRED).await;
    assert_eq!(world.expire(&webhooks, &["s1", "s2"]).await, 4);
    webhooks.delete(&deleted.id, &super::world::actor()).await.unwrap();
    assert_eq!(world.expire(&webhooks, &["s3"]).await, 1);
    let sender = Sender::start(vec![webhooks.clone()]);
    receiver.wait(3).await;
    while webhooks.backlog().await.unwrap().pending > 0 {
        tokio::task::yield_now().await;
    }
    sender.stop().await;
    assert_eq!(receiver.messages().len(), 3);
    assert_eq!(webhooks.deliveries(&stays.id, 10).await.unwrap().len(), 3);
    let gone = webhooks.deliveries(&deleted.id, 10).await;
    assert!(matches!(gone, Err(WebhookError::Unknown)));
}

#[tokio::test]
async fn a_url_that_may_not_be_asked_any_more_is_not_asked() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    world.expire(&webhooks, &["s1"]).await;
    let time = world.time.clone();
    let strict = Webhooks::new(
        Storage::of(&world.database, webhooks.tenant().clone()).await.unwrap(),
        SealingKey::derive(&[7; 32]),
        Outbound::new(&OutboundConfig::default()).unwrap(),
        std::sync::Arc::new(move || time.now()),
    );
    let sender = Sender::start(vec![strict]);
    let delivery = settled(&webhooks, &webhook, |delivery| delivery.error.is_some()).await;
    assert_eq!(delivery.error.as_deref(), Some("refused"));
    // A host whose address moved inside is refused where the connection would be made.
    let url = "https://localhost/hook";
    let update = "UPDATE webhooks SET url = $1";
    sqlx::query(update).bind(url).execute(world.database.pool()).await.unwrap();
    world.time.pass(FIRST_PAUSE_S);
    let delivery = settled(&webhooks, &webhook, |delivery| delivery.attempts == 2).await;
    sender.stop().await;
    assert_eq!(delivery.error.as_deref(), Some("refused"));
    assert!(receiver.messages().is_empty());
}

#[tokio::test]
async fn a_secret_that_another_key_sealed_signs_nothing() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    world.expire(&webhooks, &["s1"]).await;
    let update = "UPDATE webhooks SET secret = $1";
    let sealed = "00".repeat(72);
    sqlx::query(update).bind(sealed).execute(world.database.pool()).await.unwrap();
    let sender = Sender::start(vec![webhooks.clone()]);
    let delivery = settled(&webhooks, &webhook, |delivery| delivery.error.is_some()).await;
    assert_eq!(delivery.error.as_deref(), Some("secret"));
    assert!(receiver.messages().is_empty());
    // Another secret can be opened, and is enough.
    let rotated = webhooks.rotate(&webhook.id, 100, &actor(), &mut world.rng).await;
    receiver.knows(rotated.unwrap().1);
    world.time.pass(FIRST_PAUSE_S);
    webhooks.wake();
    assert!(receiver.wait(1).await[0].is_good);
    sender.stop().await;
}
