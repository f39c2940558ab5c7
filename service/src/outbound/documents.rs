//! Documents of hosts that the operator listed: fetched, kept for a while, fetched again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::ACCEPT;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Outbound, OutboundConfig, OutboundConfigError, OutboundError, Rule};
use crate::http::parse_json;

/// Largest document, bytes.
const LARGEST: usize = 128 * 1024;
/// Documents that are kept, and their bytes in all.
const MOST: usize = 256;
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Documents that are fetched at once.
const AT_ONCE: usize = 8;
/// How long a document is kept, and how long it is that one could not be had, seconds.
const KEPT_S: u64 = 300;
const ABSENT_S: u64 = 30;

/// Why a document is not had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Its URL may not be asked: mostly because its host is not listed. Nothing was sent.
    #[error("the URL {0}")]
    Refused(Rule),
    /// Its host gave no answer that is taken.
    #[error(transparent)]
    Away(#[from] OutboundError),
    /// Its host answered with another status than 200.
    #[error("the host answered with another status than 200")]
    Status,
    /// It is no JSON, or JSON that readers differ about.
    #[error("the document is not JSON of limited depth without duplicate members")]
    NotJson,
}

/// What fetches documents of listed hosts. Clones share what is kept.
#[derive(Clone)]
pub struct Documents(Arc<Shared>);

struct Shared {
    outbound: Outbound,
    kept: Mutex<Kept>,
    permits: Semaphore,
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Documents").field(&self.0.outbound).finish()
    }
}

impl Documents {
    /// Fetches documents of the hosts that a configuration lists, and of no others, whatever else
    /// it says. Hosts that are listed with http are asked by http, also if a URL says https.
    ///
    /// # Errors
    /// [`OutboundConfigError`].
    pub fn new(config: &OutboundConfig) -> Result<Self, OutboundConfigError> {
        let outbound = Outbound::new(&OutboundConfig { listed_only: true, ..config.clone() })?;
        let permits = Semaphore::new(AT_ONCE);
        Ok(Self(Arc::new(Shared { outbound, kept: Mutex::default(), permits })))
    }

    /// The document at a URL, at a time in Unix seconds; up to five minutes old.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub async fn get(&self, url: &str, now: u64) -> Result<Arc<Value>, DocumentError> {
        let Shared { outbound, permits, .. } = &*self.0;
        let target = outbound.document_target(url).map_err(DocumentError::Refused)?;
        if let Some(known) = self.kept().find(target.as_str(), now) {
            return known;
        }
        let _permit = permits.acquire().await;
        // Somebody may have fetched it meanwhile.
        if let Some(known) = self.kept().find(target.as_str(), now) {
            return known;
        }
        let fetched =
            match outbound.get(&target, &[(ACCEPT, "application/json, */*")], LARGEST).await {
                Ok(answer) if answer.status == 200 => parse_json(&answer.body)
                    .map(|document| (Arc::new(document), answer.body.len()))
                    .map_err(|_| DocumentError::NotJson),
                Ok(_) => Err(DocumentError::Status),
                Err(error) => Err(error.into()),
            };
        if let Err(error) = &fetched {
            tracing::warn!(%error, host = target.host(), "a document was not had");
        }
        self.kept().keep(target.as_str(), fetched.clone(), now);
        fetched.map(|(document, _)| document)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A document and its bytes, or why there is none.
type Fetched = Result<(Arc<Value>, usize), DocumentError>;

/// What was fetched, by URL, and until when it is good.
#[derive(Default)]
struct Kept(BTreeMap<String, (u64, Fetched)>);

impl Kept {
    fn find(&self, url: &str, now: u64) -> Option<Result<Arc<Value>, DocumentError>> {
        let (until, fetched) = self.0.get(url)?;
        // By a clock that jumped back, nothing is kept for longer.
        let is_good = (now..now.saturating_add(KEPT_S)).contains(&until.saturating_sub(1));
        is_good.then(|| fetched.clone().map(|(document, _)| document))
    }

    fn keep(&mut self, url: &str, fetched: Fetched, now: u64) {
        let life = if fetched.is_ok() { KEPT_S } else { ABSENT_S };
        self.0.insert(url.to_owned(), (now.saturating_add(life), fetched));
        self.0.retain(|_, (until, _)| *until > now);
        while self.0.len() > MOST || self.bytes() > MOST_BYTES {
            let oldest = self.0.iter().min_by_key(|(_, (until, _))| *until);
            let Some(oldest) = oldest.map(|(url, _)| url.clone()) else { break };
            self.0.remove(&oldest);
        }
    }

    fn bytes(&self) -> usize {
        let of = |(_, fetched): &(u64, Fetched)| fetched.as_ref().map_or(0, |(_, bytes)| *bytes);
        self.0.values().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(bytes: usize) -> Fetched {
        Ok((Arc::new(Value::Null), bytes))
    }

    #[test]
    fn a_document_is_kept_for_its_time_and_an_absence_for_a_shorter_one() {
        let mut kept = Kept::default();
        kept.keep("a", document(1), 1_000);
        kept.keep("b", Err(DocumentError::Status), 1_000);
        for (url, now, is_kept) in [
            ("a", 1_000, true),
            ("a", 1_000 + KEPT_S - 1, true),
            ("a", 1_000 + KEPT_S, false),
            ("a", 999, false),
            ("b", 1_000 + ABSENT_S - 1, true),
            ("b", 1_000 + ABSENT_S, false),
            ("c", 1_000, false),
        ] {
            assert_eq!(kept.find(url, now).is_some(), is_kept, "{url} {now}");
        }
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut kept = Kept::default();
        for number in 0..2 * MOST as u64 {
            kept.keep(&number.to_string(), document(1), 1_000 + number / 100);
        }
        assert_eq!(kept.0.len(), MOST);
        assert!(kept.find(&(2 * MOST - 1).to_string(), 1_005).is_some(), "the last stay");
        for number in 0..200 {
            kept.keep(&number.to_string(), document(LARGEST), 1_010);
            assert!(kept.bytes() <= MOST_BYTES);
        }
        kept.keep("later", document(1), 1_010 + KEPT_S);
        assert_eq!(kept.0.len(), 1, "what is over goes");
    }
}
