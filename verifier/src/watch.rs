//! Watching sessions: what becomes of them, as it happens.

use std::sync::Arc;
use std::time::Duration;

use attestry_credential::presentation::Identifier;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::session::SessionStatus;
use crate::{Verifier, VerifierError};

/// Sessions that are watched at a time, at most.
const MOST_WATCHERS: usize = 256;
/// How often the database is asked what other replicas have done.
const POLL: Duration = Duration::from_secs(2);
/// Changes that a watcher may be behind before it asks the database.
const BACKLOG: usize = 256;

/// A change that this process makes to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its answer has come and is being checked.
    Received,
    /// It may be over.
    Ended,
}

/// What this process does to its sessions, for those who watch them.
pub(crate) struct Watch {
    changes: broadcast::Sender<(Identifier, Change)>,
    places: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl Default for Watch {
    fn default() -> Self {
        let (changes, _) = broadcast::channel(BACKLOG);
        let (closing, _) = watch::channel(false);
        Self { changes, places: Arc::new(Semaphore::new(MOST_WATCHERS)), closing }
    }
}

impl Watch {
    pub(crate) fn tell(&self, request_id: &Identifier, change: Change) {
        // Nobody may be watching.
        let _ = self.changes.send((request_id.clone(), change));
    }

    /// Ends all watching.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its answer.
    Pending,
    /// Its answer has come and is being checked.
    Received,
    /// The answer was accepted.
    Accepted,
    /// The answer was refused.
    Refused,
    /// The wallet gives no answer.
    Declined,
    /// Who opened it has ended it.
    Cancelled,
    /// Its time has passed without an answer.
    Expired,
}

impl Stage {
    /// The stage in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Received => "received",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Received)
    }
}

impl SessionStatus {
    /// How far the session has come.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Pending => Stage::Pending,
            Self::Expired => Stage::Expired,
            Self::Cancelled => Stage::Cancelled,
            Self::Declined => Stage::Declined,
            Self::Accepted { .. } => Stage::Accepted,
            Self::Refused { .. } => Stage::Refused,
        }
    }
}

impl Verifier {
    /// The stages of a session from now on, each once; it ends after the final one, and when the
    /// service stops. What this process does is seen at once, what other replicas do within
    /// seconds; that an answer has come, only here.
    ///
    /// # Errors
    /// [`VerifierError::UnknownSession`]; [`VerifierError::TooManyWatchers`]; those of storage.
    pub async fn watch_session(
        &self,
        id: &Identifier,
    ) -> Result<impl Stream<Item = Stage> + Send + use<>, VerifierError> {
        let watch = self.watch();
        let place = Arc::clone(&watch.places).try_acquire_owned();
        let place = place.map_err(|_| VerifierError::TooManyWatchers)?;
        let changes = watch.changes.subscribe();
        let (session, _) = self.outcome(id).await?;
        let mut polls = interval(POLL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watching = Watching {
            verifier: self.clone(),
            id: session.id,
            request_id: session.request.request_id,
            changes,
            closing: watch.closing.subscribe(),
            polls,
            last: None,
            _place: place,
        };
        Ok(futures_util::stream::unfold(watching, async |mut watching| {
            let stage = watching.next().await?;
            Some((stage, watching))
        }))
    }
}

struct Watching {
    verifier: Verifier,
    id: Identifier,
    request_id: Identifier,
    changes: broadcast::Receiver<(Identifier, Change)>,
    closing: watch::Receiver<bool>,
    polls: Interval,
    last: Option<Stage>,
    _place: OwnedSemaphorePermit,
}

impl Watching {
    async fn next(&mut self) -> Option<Stage> {
        if self.last.is_some_and(Stage::is_final) {
            return None;
        }
        loop {
            let change = self.wait().await?;
            let stage = match (change, self.last) {
                (Some(Change::Received), Some(Stage::Pending)) => Stage::Received,
                (Some(Change::Received), _) => continue,
                // What cannot be read now is asked for again.
                _ => match self.verifier.outcome(&self.id).await {
                    Ok((_, status)) => status.stage(),
                    Err(VerifierError::UnknownSession) => return None,
                    Err(_) => continue,
                },
            };
            let is_news = stage.is_final() || self.last.is_none() || stage == Stage::Received;
            if is_news {
                self.last = Some(stage);
                return Some(stage);
            }
        }
    }

    /// The session's next change, or nothing but that it is time to look; none if the service
    /// stops.
    async fn wait(&mut self) -> Option<Option<Change>> {
        loop {
            tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                // The first is at once.
                _ = self.polls.tick() => return Some(None),
                change = self.changes.recv() => match change {
                    Ok((request_id, change)) if request_id == self.request_id => {
                        return Some(Some(change));
                    }
                    Ok(_) | Err(broadcast::error::RecvError::Closed) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return Some(None),
                },
            }
        }
    }
}
