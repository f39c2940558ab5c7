//! What sends messages, until their receivers take them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use attestry_service::outbound::OutboundError;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{Id, JoinSet};

use super::{DeliveryState, HEADERS, WebhookError, Webhooks, sign};
use crate::storage::{Claimed, Destination, Left};

/// Attempts until a message is given up, about a day after the first.
pub const MOST_ATTEMPTS: u64 = 12;
/// Seconds until the second attempt, about; each further takes three times as long.
pub const FIRST_PAUSE_S: u64 = 5;
/// Most seconds between attempts, also if a receiver asks for more.
pub const LONGEST_PAUSE_S: u64 = 6 * 3_600;
/// Messages on their way at once: to one webhook, and in all.
const AT_ONCE_EACH: usize = 4;
const AT_ONCE: usize = 32;
/// How often to look for what is due.
const INTERVAL: Duration = Duration::from_secs(1);
/// Seconds that an attempt may last beyond the request itself until it is taken for lost.
const LEASE_MARGIN_S: u64 = 45;
/// Seconds for which finished deliveries are shown, and how often to look for older ones.
const KEPT_S: u64 = 7 * 86_400;
const PURGE_INTERVAL_S: u64 = 600;

/// What sends the messages of some tenants. Dropped, it leaves everything as it is, and attempts
/// that have begun are made again by the next sender; [`Sender::stop`] is kinder.
#[derive(Debug)]
pub struct Sender {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Sender {
    /// Begins to send. Any number of senders may share a database.
    pub fn start(tenants: Vec<Webhooks>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for webhooks in tenants {
            let desk = Desk::new(webhooks, permits.clone());
            tasks.spawn(desk.work(stopped.clone()));
        }
        Self { tasks, stop }
    }

    /// Begins nothing more, and ends when what has begun is done.
    pub async fn stop(mut self) {
        // Nobody listens if there is no tenant.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What sends the messages of one tenant.
struct Desk {
    webhooks: Webhooks,
    permits: Arc<Semaphore>,
    attempts: JoinSet<()>,
    /// The webhook of each attempt that is under way.
    busy: HashMap<Id, String>,
    purged_at: Option<u64>,
}

impl Desk {
    fn new(webhooks: Webhooks, permits: Arc<Semaphore>) -> Self {
        let (attempts, busy) = (JoinSet::new(), HashMap::new());
        Self { webhooks, permits, attempts, busy, purged_at: None }
    }

    async fn work(mut self, mut stopped: watch::Receiver<bool>) {
        let shared = self.webhooks.0.clone();
        while !*stopped.borrow_and_update() {
            if let Err(error) = self.begin_what_is_due().await {
                tracing::warn!(%error, tenant = %self.webhooks.tenant(), "no webhook can be told");
            }
            tokio::select! {
                _ = stopped.changed() => {}
                () = shared.wake.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
                Some(ended) = self.attempts.join_next_with_id() => self.end(ended),
            }
        }
        while let Some(ended) = self.attempts.join_next_with_id().await {
            self.end(ended);
        }
    }

    fn end(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.busy.remove(&id);
    }

    async fn begin_what_is_due(&mut self) -> Result<(), WebhookError> {
        let storage = &self.webhooks.0.storage;
        let now = self.webhooks.now();
        if self.purged_at.is_none_or(|at| now.saturating_sub(at) >= PURGE_INTERVAL_S) {
            storage.purge_deliveries(now.saturating_sub(KEPT_S)).await?;
            storage.forget_old_secrets(now).await?;
            self.purged_at = Some(now);
        }
        let lease = self.webhooks.0.outbound.timeout().as_secs().saturating_add(LEASE_MARGIN_S);
        for webhook in storage.webhooks_with_due(now).await? {
            let busy = self.busy.values().filter(|other| **other == webhook).count();
            let free = AT_ONCE_EACH.saturating_sub(busy);
            if free == 0 {
                continue;
            }
            for (id, attempts) in storage.due_deliveries(&webhook, now, free).await? {
                let Ok(permit) = self.permits.clone().try_acquire_owned() else { return Ok(()) };
                let until = now.saturating_add(lease);
                let Some(claimed) = storage.claim_delivery(&id, attempts, now, until).await? else {
                    continue;
                };
                let attempt = attempt(self.webhooks.clone(), claimed, permit);
                let task = self.attempts.spawn(attempt);
                self.busy.insert(task.id(), webhook.clone());
            }
        }
        Ok(())
    }
}

/// What an attempt met.
enum Met {
    /// The receiver took it.
    Taken(u16),
    /// The receiver wishes to be told nothing any more, or there is none any more.
    Gone(Option<u16>),
    /// Something else; perhaps with the seconds after which to come again.
    Failure { status: Option<u16>, error: &'static str, retry_after: Option<u64> },
}

impl Met {
    fn failure(error: &'static str) -> Self {
        Self::Failure { status: None, error, retry_after: None }
    }
}

/// One attempt, from a claim to what is left of it. If that cannot be written down, the message is
/// sent again when the claim is over.
async fn attempt(webhooks: Webhooks, claimed: Claimed, _permit: OwnedSemaphorePermit) {
    let (tenant, webhook) = (webhooks.tenant(), &claimed.webhook);
    let settled = match webhooks.send(&claimed).await {
        Ok(met) => webhooks.settle(&claimed, met).await,
        Err(error) => Err(error),
    };
    if let Err(error) = settled {
        tracing::warn!(%error, %tenant, %webhook, "an attempt to tell a webhook came to nothing");
    }
}

impl Webhooks {
    /// Sends a message once.
    async fn send(&self, claimed: &Claimed) -> Result<Met, WebhookError> {
        let (now, storage) = (self.now(), &self.0.storage);
        let Some(destination) = storage.webhook_destination(&claimed.webhook, now).await? else {
            return Ok(Met::Gone(None));
        };
        // Whoever had the attempts before died at each of them.
        if claimed.attempt > MOST_ATTEMPTS {
            return Ok(Met::failure("interrupted"));
        }
        let Destination { url, secrets } = destination;
        let body = claimed.payload.as_bytes();
        // One that another account key sealed signs nothing; the other may.
        let open = |sealed: &String| self.0.key.open(sealed, self.tenant(), &claimed.webhook).ok();
        let signatures = secrets.iter().filter_map(open);
        let signatures: Vec<_> =
            signatures.map(|secret| sign(&secret, &claimed.id, now, body)).collect();
        if signatures.is_empty() {
            return Ok(Met::failure("secret"));
        }
        let Ok(target) = self.0.outbound.target(&url) else {
            return Ok(Met::failure("refused"));
        };
        let values = [claimed.id.as_str(), &now.to_string(), &signatures.join(" ")];
        let names = HEADERS.map(HeaderName::from_static);
        let mut headers: Vec<_> = names.into_iter().zip(values).collect();
        headers.push((CONTENT_TYPE, "application/json"));
        let answer = match self.0.outbound.post(&target, &headers, body.to_vec()).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Met::failure(code(error))),
        };
        Ok(match answer.status {
            status @ 200..300 => Met::Taken(status),
            410 => Met::Gone(Some(410)),
            status => {
                let retry_after = answer.retry_after(self.now());
                Met::Failure { status: Some(status), error: "status", retry_after }
            }
        })
    }

    /// Writes down what an attempt met.
    async fn settle(&self, claimed: &Claimed, met: Met) -> Result<(), WebhookError> {
        let (now, storage) = (self.now(), &self.0.storage);
        let (tenant, webhook, id) = (self.tenant(), &claimed.webhook, &claimed.id);
        let done = |state, status, error| Left { state, status, error, due_at: now };
        let left = match met {
            Met::Taken(status) => done(DeliveryState::Delivered, Some(status), None),
            Met::Gone(status) => {
                if status.is_some() {
                    tracing::warn!(%tenant, %webhook, "the receiver of a webhook is gone");
                    let left = done(DeliveryState::Failed, status, Some("gone"));
                    storage.leave_delivery(claimed, &left, now).await?;
                    return storage.disable_webhook(webhook, now).await;
                }
                done(DeliveryState::Failed, None, Some("gone"))
            }
            Met::Failure { status, error, .. } if claimed.attempt >= MOST_ATTEMPTS => {
                tracing::warn!(%tenant, %webhook, %id, error, "a message to a webhook is given up");
                done(DeliveryState::Failed, status, Some(error))
            }
            Met::Failure { status, error, retry_after } => {
                let wished = retry_after.unwrap_or_default().min(LONGEST_PAUSE_S);
                let pause = pause_s(&claimed.id, claimed.attempt).max(wished);
                let due_at = now.saturating_add(pause);
                Left { state: DeliveryState::Pending, status, error: Some(error), due_at }
            }
        };
        storage.leave_delivery(claimed, &left, now).await
    }
}

/// Seconds from an attempt that failed to the next. The longest are a quarter longer than the
/// shortest, as the message's id has it: so those that failed together do not come together again.
fn pause_s(id: &str, attempt: u64) -> u64 {
    let exponent = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = FIRST_PAUSE_S.saturating_mul(3_u64.saturating_pow(exponent)).min(LONGEST_PAUSE_S);
    let digest = Sha256::new().chain_update(id).chain_update(attempt.to_be_bytes()).finalize();
    let random = u64::from(digest[0]) << 8 | u64::from(digest[1]);
    longest - longest * random / (4 * 0x1_0000)
}

/// A code for why there was no answer.
fn code(error: OutboundError) -> &'static str {
    match error {
        OutboundError::Address | OutboundError::Header => "refused",
        OutboundError::NotFound => "not-found",
        OutboundError::NoConnection => "no-connection",
        OutboundError::Tls => "tls",
        OutboundError::Timeout => "timeout",
        OutboundError::Broken | OutboundError::TooLarge | OutboundError::Encoded => "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_differ_between_messages() {
        for attempt in 1..=20 {
            let longest = (5 * 3_u64.pow(attempt as u32 - 1)).min(LONGEST_PAUSE_S);
            let pauses: Vec<_> = (0..50).map(|id| pause_s(&id.to_string(), attempt)).collect();
            assert!(pauses.iter().all(|pause| (longest * 3 / 4..=longest).contains(pause)));
            let differ = pauses.iter().any(|pause| *pause != pauses[0]);
            assert!(differ, "attempt {attempt}");
        }
        assert!(pause_s("a", u64::MAX) <= LONGEST_PAUSE_S);
        let all: u64 = (1..MOST_ATTEMPTS).map(|attempt| pause_s("a", attempt)).sum();
        assert!((12 * 3_600..36 * 3_600).contains(&all), "{all}");
    }
}
