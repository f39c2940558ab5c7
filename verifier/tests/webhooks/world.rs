//! A verifier's webhooks, with a clock that tests move.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_service::outbound::{HostRule, Outbound, OutboundConfig};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, Database, TenantId};
use attestry_verifier::Storage;
use attestry_verifier::webhooks::{
    Delivery, DeliveryState, Event, EventKind, SealingKey, Webhook, Webhooks, enqueue,
};

use super::receiver::Receiver;

pub(crate) const NOW: u64 = 1_800_000_000;

/// Unix seconds that stand still until they are moved.
#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicU64>);

impl Time {
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) time: Time,
    pub(crate) rng: StdRng,
    test: TestDatabase,
}

pub(crate) fn actor() -> Actor {
    Actor { name: "key:sponsor".to_owned(), request_id: None }
}

impl World {
    pub(crate) async fn new() -> Self {
        let test = TestDatabase::configured().await;
        let database = test.open().await;
        Storage::of(&database, TenantId::default()).await.unwrap();
        let time = Time(Arc::new(AtomicU64::new(NOW)));
        Self { database, time, rng: StdRng::seed_from_u64(1), test }
    }

    /// The webhooks of the default tenant, for which receivers on loopback may be asked.
    pub(crate) async fn webhooks(&self, ports: &[u16]) -> Webhooks {
        self.webhooks_of(&TenantId::default(), ports).await
    }

    /// Those of a tenant, with connections to the database of their own.
    pub(crate) async fn webhooks_of(&self, tenant: &TenantId, ports: &[u16]) -> Webhooks {
        let hosts = vec![HostRule {
            host: "127.0.0.1".to_owned(),
            ports: ports.iter().copied().collect(),
            http: true,
            internal: true,
        }];
        let hosts = if ports.is_empty() { Vec::new() } else { hosts };
        let config = OutboundConfig { hosts, ..OutboundConfig::default() };
        let (outbound, time) = (Outbound::new(&config).unwrap(), self.time.clone());
        let key = SealingKey::derive(&[7; 32]);
        let storage = Storage::of(&self.test.open().await, tenant.clone()).await.unwrap();
        Webhooks::new(storage, key, outbound, Arc::new(move || time.now()))
    }

    /// Has a receiver told of some events.
    pub(crate) async fn tell(
        &mut self,
        webhooks: &Webhooks,
        receiver: &Receiver,
        events: &[EventKind],
    ) -> Webhook {
        let events: BTreeSet<_> = events.iter().copied().collect();
        let made = webhooks.register(&receiver.url(), &events, &actor(), &mut self.rng).await;
        let (webhook, secret) = made.unwrap();
        receiver.knows(secret);
        webhook
    }

    /// Lets sessions expire, in one transaction. How many messages that makes.
    pub(crate) async fn expire(&self, webhooks: &Webhooks, sessions: &[&str]) -> u64 {
        let events: Vec<_> =
            sessions.iter().map(|session| Event::SessionExpired { session }).collect();
        let mut transaction = self.database.write().await.unwrap();
        let tenant = webhooks.tenant();
        let written = enqueue(&mut transaction, tenant, &events, self.time.now()).await.unwrap();
        transaction.commit().await.unwrap();
        webhooks.wake();
        written
    }
}

/// The delivery of a webhook that has only one, as soon as it is as it should be.
pub(crate) async fn settled(
    webhooks: &Webhooks,
    webhook: &Webhook,
    is_so: impl Fn(&Delivery) -> bool,
) -> Delivery {
    loop {
        let all = webhooks.deliveries(&webhook.id, 10).await.unwrap();
        let [delivery] = all.as_slice() else { unreachable!("there is one delivery") };
        if is_so(delivery) {
            return delivery.clone();
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) fn is_finished(delivery: &Delivery) -> bool {
    delivery.state != DeliveryState::Pending
}
