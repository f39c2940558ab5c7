//! An identity provider's public keys: looked up, kept for a while, looked up again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, RwLock};

use super::config::{JwksPlace, OidcConfigError};

/// Largest set of keys, bytes.
const LARGEST: usize = 256 * 1024;
/// Most keys of a set.
const MOST_KEYS: usize = 100;
/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds between looks for a key that is not known: tokens cannot make the service ask more often.
const PAUSE: u64 = 30;

/// A key of the provider.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The keys as they were looked up last.
#[derive(Default)]
struct Known {
    keys: Vec<Key>,
    /// When they were had.
    had_at: Option<u64>,
    /// When they were last asked for, with or without success.
    asked_at: Option<u64>,
}

/// The keys cannot be had.
#[derive(Debug)]
pub(super) struct Away;

pub(super) struct Jwks {
    source: Source,
    refresh_s: u64,
    stale_s: u64,
    known: RwLock<Known>,
    asking: Mutex<()>,
}

enum Source {
    File(PathBuf),
    Url(Client, Url),
}

impl Jwks {
    pub(super) fn new(
        place: &JwksPlace,
        refresh_s: u64,
        stale_s: u64,
    ) -> Result<Self, OidcConfigError> {
        let invalid = |rule| OidcConfigError { field: "jwks", rule };
        let source = match place {
            JwksPlace::File(path) => Source::File(path.clone()),
            JwksPlace::Url(text) => {
                let url = Url::parse(text).map_err(|_| invalid("is not a URL"))?;
                if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
                    return Err(invalid("is not a URL of https"));
                }
                // Only where the configuration says: no redirects.
                let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE);
                let client = client.build().map_err(|_| invalid("cannot be asked by TLS"))?;
                Source::Url(client, url)
            }
        };
        Ok(Self { source, refresh_s, stale_s, known: RwLock::default(), asking: Mutex::default() })
    }

    /// The provider's key for a token, if it has one.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: u64,
    ) -> Result<Option<Key>, Away> {
        let is_fresh = |known: &Known| known.had_at.is_some_and(|at| age(at, now) < self.refresh_s);
        let is_usable = |known: &Known| known.had_at.is_some_and(|at| age(at, now) < self.stale_s);
        let is_due = |known: &Known| known.asked_at.is_none_or(|at| age(at, now) >= PAUSE);
        let is_settled = |known: &Known| {
            let is_known = is_fresh(known) && known.find(id, algorithm).is_some();
            is_known || (is_usable(known) && !is_due(known))
        };
        {
            let known = self.known.read().await;
            if is_settled(&known) {
                return Ok(known.find(id, algorithm));
            }
        }
        // One asks. Whoever has keys meanwhile goes on with those; who has none waits.
        let _asking = self.asking.lock().await;
        let wants = {
            let mut known = self.known.write().await;
            let wants = !is_settled(&known) && is_due(&known);
            if wants {
                known.asked_at = Some(now);
            }
            wants
        };
        if wants {
            match self.source.load().await {
                Ok(keys) => {
                    let mut known = self.known.write().await;
                    (known.keys, known.had_at) = (keys, Some(now));
                }
                Err(reason) => tracing::warn!(reason, "the identity provider's keys were not had"),
            }
        }
        let known = self.known.read().await;
        if is_usable(&known) { Ok(known.find(id, algorithm)) } else { Err(Away) }
    }
}

/// How old something is. By a clock that jumped back it is new.
fn age(at: u64, now: u64) -> u64 {
    now.saturating_sub(at)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Known {
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        let mut keys = self
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm)
            .filter(|key| id.is_none_or(|id| key.id.as_deref() == Some(id)));
        // A token that names no key is of the only one.
        let first = keys.next().cloned();
        if keys.next().is_some() { None } else { first }
    }
}

impl Source {
    async fn load(&self) -> Result<Vec<Key>, &'static str> {
        let bytes = match self {
            Self::File(path) => read_file(path)?,
            Self::Url(client, url) => fetch(client, url).await?,
        };
        parse(&bytes)
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|_| "the file cannot be opened")?;
    let limit = LARGEST as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|_| "the file cannot be read")?;
    if bytes.len() > LARGEST { Err("the set is too large") } else { Ok(bytes) }
}

async fn fetch(client: &Client, url: &Url) -> Result<Vec<u8>, &'static str> {
    let mut response =
        client.get(url.clone()).send().await.map_err(|_| "the provider does not answer")?;
    if response.status() != reqwest::StatusCode::OK {
        return Err("the provider answers with another status than 200");
    }
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|_| "the answer broke off")? {
        if bytes.len() + part.len() > LARGEST {
            return Err("the set is too large");
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// The keys of a set that can be used here; others are no business of ours.
fn parse(bytes: &[u8]) -> Result<Vec<Key>, &'static str> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(bytes).map_err(|_| "the set is not understood")?;
    if set.keys.len() > MOST_KEYS {
        return Err("the set has too many keys");
    }
    Ok(set.keys.into_iter().filter_map(usable).collect())
}

fn usable(jwk: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let is_for_it = jwk.common.key_algorithm.is_none_or(|declared| declared == algorithm.into());
    let is_to_verify =
        jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    if !is_for_it || !is_to_verify {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, key })
}
