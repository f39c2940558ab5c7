//! Webhooks: who asked for it is told what happened, by a signed request to a URL of theirs.
//!
//! What is to be told is written down in the transaction in which it happens ([`enqueue`]), once
//! for each webhook that wants it. A [`Sender`] sends it until the receiver takes it: **at least
//! once**, in no promised order, with the same `webhook-id` each time. Of several senders on one
//! database, one at a time has a delivery: it takes it by a conditional update, for as long as an
//! attempt can last; who dies with one leaves it to the next.
//!
//! Messages are signed as Standard Webhooks has it ([`verify`] is for receivers). They carry ids,
//! times, decisions and receipts: never a claim, a name or a nullifier of anybody. URLs are asked
//! through [`Outbound`], which is strict about where they lead, when a webhook is made and at each
//! attempt.

mod event;
pub mod http;
mod secret;
mod sender;
mod signature;

pub use crate::storage::{Backlog, enqueue};
pub(crate) use event::message;
pub use event::{Event, EventKind};
pub use secret::{SealingKey, Secret, SecretError};
pub use sender::{FIRST_PAUSE_S, LONGEST_PAUSE_S, MOST_ATTEMPTS, Sender};
pub use signature::{HEADERS, SignatureError, TOLERANCE_S, sign, verify};

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_service::outbound::Outbound;
use attestry_service::{Actor, DatabaseError, TenantId};
use tokio::sync::Notify;

use crate::{Clock, Storage};

/// Most webhooks of a tenant.
const MOST: u64 = 20;
/// Seconds for which a secret signs beside the one after it, unless something else is said, and at
/// most.
pub const USUAL_OVERLAP_S: u64 = 86_400;
/// See [`USUAL_OVERLAP_S`].
pub const LONGEST_OVERLAP_S: u64 = 7 * 86_400;

/// Somebody who is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id, which is no secret.
    pub id: String,
    /// Where it is told. May hold secrets of the receiver: for those who manage webhooks only.
    pub url: String,
    /// What it is told of.
    pub events: BTreeSet<EventKind>,
    /// When it was made, Unix seconds.
    pub created_at: u64,
    /// Who made it.
    pub created_by: String,
    /// Since when nothing is sent, because the receiver answered 410; Unix seconds.
    pub disabled_at: Option<u64>,
    /// Until when the secret before the present one signs as well, if there is one; Unix seconds.
    pub old_secret_until: Option<u64>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What became of a message to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// As the receiver sees it in `webhook-id`.
    pub id: String,
    /// Of what it tells: the word of an [`EventKind`], or `ping`.
    pub event: String,
    /// When it was written down, Unix seconds.
    pub created_at: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts that have begun.
    pub attempts: u64,
    /// The status that the last attempt was answered with, if it was.
    pub status: Option<u16>,
    /// What the last attempt met, as a code.
    pub error: Option<String>,
    /// When the next attempt begins, or the present one is given up; Unix seconds.
    pub due_at: Option<u64>,
    /// When it was delivered or given up, Unix seconds.
    pub finished_at: Option<u64>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be sent, perhaps again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// The word for it, in storage and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// What can go wrong with webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A field of a new webhook breaks a rule.
    #[error("{field} {rule}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule, worded to follow its name.
        rule: &'static str,
    },
    /// The tenant has as many as it may.
    #[error("there are {MOST} webhooks, which is as many as there may be")]
    TooMany,
    /// The tenant has no webhook of this id.
    #[error("there is no such webhook")]
    Unknown,
    /// The receiver wished to be told nothing any more.
    #[error("the receiver answered 410, so that nothing more is sent: make another webhook")]
    Disabled,
    /// The secret cannot be sealed or opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for WebhookError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The webhooks of one tenant. Clones share everything.
#[derive(Clone)]
pub struct Webhooks(Arc<Shared>);

struct Shared {
    storage: Storage,
    key: SealingKey,
    outbound: Outbound,
    clock: Clock,
    wake: Notify,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("tenant", self.tenant()).finish_non_exhaustive()
    }
}

impl Webhooks {
    /// The webhooks of a tenant, with secrets under a key, asked through a client.
    pub fn new(storage: Storage, key: SealingKey, outbound: Outbound, clock: Clock) -> Self {
        Self(Arc::new(Shared { storage, key, outbound, clock, wake: Notify::new() }))
    }

    /// Whose they are.
    pub fn tenant(&self) -> &TenantId {
        self.0.storage.tenant()
    }

    /// Makes a webhook for what happens from then on. Its secret is in no other place that anybody
    /// can read: who loses it has it rotated.
    ///
    /// # Errors
    /// [`WebhookError::Invalid`] for a URL that may not be asked or is of a host that is not
    /// public, and for no event; [`WebhookError::TooMany`], [`WebhookError::Database`].
    pub async fn register(
        &self,
        url: &str,
        events: &BTreeSet<EventKind>,
        actor: &Actor,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Webhook, Secret), WebhookError> {
        let refused = |rule: attestry_service::outbound::Rule| {
            let rule = rule.words();
            WebhookError::Invalid { field: "url", rule }
        };
        if events.is_empty() {
            return Err(WebhookError::Invalid { field: "events", rule: "names no event" });
        }
        let id = random_id(rng);
        let secret = Secret::random(rng);
        let sealed = self.0.key.seal(&secret, self.tenant(), &id, rng)?;
        let target = self.0.outbound.target(url).map_err(refused)?;
        self.0.outbound.check_address(&target).await.map_err(refused)?;
        let webhook = Webhook {
            id,
            url: target.as_str().to_owned(),
            events: events.clone(),
            created_at: self.now(),
            created_by: actor.name.clone(),
            disabled_at: None,
            old_secret_until: None,
        };
        self.0.storage.insert_webhook(&webhook, target.host(), &sealed, MOST, actor).await?;
        Ok((webhook, secret))
    }

    /// All webhooks, the newest first.
    ///
    /// # Errors
    /// [`WebhookError::Database`].
    pub async fn list(&self) -> Result<Vec<Webhook>, WebhookError> {
        self.0.storage.webhooks().await
    }

    /// Gives a webhook another secret. For so many seconds from now on, messages are signed with the
    /// one before as well, each time in the same header: whoever knows one of the two believes them.
    /// With none, the one before ends at once. What was before that one ends in any case.
    ///
    /// # Errors
    /// [`WebhookError::Invalid`] for more than [`LONGEST_OVERLAP_S`]; [`WebhookError::Unknown`],
    /// [`WebhookError::Disabled`], [`WebhookError::Database`].
    pub async fn rotate(
        &self,
        id: &str,
        overlap_s: u64,
        actor: &Actor,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Webhook, Secret), WebhookError> {
        if overlap_s > LONGEST_OVERLAP_S {
            let (field, rule) = ("overlapSeconds", "is more than 604800");
            return Err(WebhookError::Invalid { field, rule });
        }
        let secret = Secret::random(rng);
        let sealed = self.0.key.seal(&secret, self.tenant(), id, rng)?;
        let now = self.now();
        let until = now.saturating_add(overlap_s);
        let webhook = self.0.storage.rotate_secret(id, &sealed, until, actor, now).await?;
        Ok((webhook, secret))
    }

    /// Ends a webhook and forgets what was still to be sent. Of an attempt that has begun, the
    /// receiver may still hear.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`], [`WebhookError::Database`].
    pub async fn delete(&self, id: &str, actor: &Actor) -> Result<(), WebhookError> {
        self.0.storage.delete_webhook(id, actor, self.now()).await
    }

    /// Has the receiver told that it can be told: like any message, with the event `ping`.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`], [`WebhookError::Disabled`], [`WebhookError::Database`].
    pub async fn ping(
        &self,
        id: &str,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Delivery, WebhookError> {
        let delivery = self.0.storage.ping_webhook(id, &random_id(rng), self.now()).await?;
        self.wake();
        Ok(delivery)
    }

    /// What became of the last so many messages, the newest first.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`], [`WebhookError::Database`].
    pub async fn deliveries(&self, id: &str, limit: u32) -> Result<Vec<Delivery>, WebhookError> {
        self.0.storage.deliveries(id, limit).await
    }

    /// How much is to be sent, and how much was given up.
    ///
    /// # Errors
    /// [`WebhookError::Database`].
    pub async fn backlog(&self) -> Result<Backlog, WebhookError> {
        self.0.storage.delivery_backlog().await
    }

    /// Has the sender of this process look now for what is due, such as after a transaction in
    /// which something was enqueued. Without it, it looks a second later.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    fn now(&self) -> u64 {
        (self.0.clock)()
    }
}

/// 128 random bits.
fn random_id(rng: &mut (impl RngCore + CryptoRng)) -> String {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    hex::encode(bytes)
}
