//! Several senders on one database, and senders that die.

use std::collections::BTreeSet;

use attestry_verifier::webhooks::{DeliveryState, EventKind, Sender};

use super::receiver::{Receiver, Says};
use super::world::{World, is_finished, settled};

const EXPIRED: &[EventKind] = &[EventKind::SessionExpired];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_senders_each_message_is_sent_by_one() {
    const SESSIONS: usize = 100;
    let mut world = World::new().await;
    let receivers = [Receiver::start(&world.time).await, Receiver::start(&world.time).await];
    let ports = [receivers[0].port, receivers[1].port];
    let webhooks = world.webhooks(&ports).await;
    for receiver in &receivers {
        world.tell(&webhooks, receiver, EXPIRED).await;
    }
    let mut senders = Vec::new();
    for _ in 0..3 {
        senders.push(Sender::start(vec![world.webhooks(&ports).await]));
    }
    let sessions: Vec<String> = (0..SESSIONS).map(|number| format!("s{number}")).collect();
    let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
    for part in sessions.chunks(10) {
        assert_eq!(world.expire(&webhooks, part).await, 20);
    }
    while webhooks.backlog().await.unwrap().pending > 0 {
        tokio::task::yield_now().await;
    }
    for sender in senders {
        sender.stop().await;
    }
    for receiver in &receivers {
        let messages = receiver.messages();
        let ids: BTreeSet<_> = messages.iter().map(|message| &message.id).collect();
        assert_eq!((messages.len(), ids.len()), (SESSIONS, SESSIONS));
        assert!(messages.iter().all(|message| message.is_good));
    }
}

#[tokio::test]
async fn what_a_sender_died_with_is_sent_again_with_the_same_id() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[receiver.port]).await;
    let webhook = world.tell(&webhooks, &receiver, EXPIRED).await;
    receiver.says(&[Says::Nothing]);
    world.expire(&webhooks, &["s1"]).await;
    let dying = Sender::start(vec![webhooks.clone()]);
    let first = receiver.wait(1).await[0].clone();
    // The receiver has the message; that it has it is written nowhere.
    drop(dying);
    let taken = settled(&webhooks, &webhook, |delivery| delivery.attempts == 1).await;
    assert_eq!((taken.state, taken.status), (DeliveryState::Pending, None));

    let next = Sender::start(vec![world.webhooks(&[receiver.port]).await]);
    world.time.pass(taken.due_at.unwrap() - world.time.now());
    let messages = receiver.wait(2).await;
    let delivery = settled(&webhooks, &webhook, is_finished).await;
    next.stop().await;
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[1].id, messages[1].is_good), (&first.id, true));
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 2));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_up_no_other() {
    let mut world = World::new().await;
    let slow = Receiver::start(&world.time).await;
    let quick = Receiver::start(&world.time).await;
    let webhooks = world.webhooks(&[slow.port, quick.port]).await;
    world.tell(&webhooks, &slow, EXPIRED).await;
    world.tell(&webhooks, &quick, EXPIRED).await;
    slow.says(&[Says::Nothing; 20]);
    let sessions: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
    world.expire(&webhooks, &sessions).await;
    let sender = Sender::start(vec![webhooks]);
    quick.wait(20).await;
    assert!(slow.messages().len() <= 4, "few are on their way to one receiver");
    drop(sender);
}
