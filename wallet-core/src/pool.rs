//! The pool: proofs made before they are asked for, each under its own one-time key.

use crate::secret::SecretBytes;
use crate::{CredentialId, RegistryView, Session, Wallet, WalletError};
use attestry_circuits::registry::RegistryRoot;
use attestry_credential::presentation::{
    Digest, Presentation, PresentationRequest, Query, ZkParams, sign,
};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const TOPIC_DOMAIN: &[u8] = b"attestry/pool-topic/v1";

/// Proofs that a wallet keeps ready, at most.
pub const MAX_POOL: usize = 64;

/// What a prepared proof can answer: a hash of the scope, the policy and its parameters, and the
/// credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Topic(Digest);

impl Topic {
    pub(crate) fn of(
        request: &PresentationRequest,
        query: &Query,
        credential: &CredentialId,
    ) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(TOPIC_DOMAIN);
        hasher.update(request.scope().to_bytes());
        hasher.update(query.policy.hash());
        hasher.update(credential.to_bytes());
        for (name, value) in &query.parameters {
            for part in [name.clone(), value.to_string()] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        Self(Digest::from_bytes(hasher.finalize().into()))
    }
}

/// A proof and the one-time key that it is bound to. Never used twice; its `Debug` shows nothing.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prepared {
    pub(crate) credential: CredentialId,
    pub(crate) topic: Topic,
    pub(crate) system: ZkParams,
    /// The age, in seconds, at which the request that it was made for no longer takes it.
    pub(crate) max_age_s: u64,
    /// Without a signature yet.
    pub(crate) presentation: Presentation,
    pub(crate) secret_key: SecretBytes,
}

impl Prepared {
    /// The one-time public key.
    pub(crate) fn key(&self) -> Digest {
        Digest::from_bytes(self.presentation.parts.presentation_key)
    }

    /// The answer to a request's query. To be called once, after the use of the key is stored.
    pub(crate) fn sign(
        &self,
        request: &PresentationRequest,
        query: &Query,
    ) -> Result<Presentation, WalletError> {
        let mut presentation = self.presentation.clone();
        let key = SigningKey::from_bytes(self.secret_key.expose());
        sign(&mut presentation, request, query, &key)?;
        Ok(presentation)
    }

    /// Whether a verifier would take it: against this root, and no older than `max_age_s`.
    pub(crate) fn is_current(&self, root: RegistryRoot, now: u64, max_age_s: u64) -> bool {
        let parts = &self.presentation.parts;
        let age = now.checked_sub(parts.now);
        parts.registry_root == root && age.is_some_and(|age| age <= max_age_s)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared(redacted)")
    }
}

/// Prepared proofs, the oldest first.
#[derive(Default)]
pub(crate) struct Pool(Vec<Prepared>);

impl Pool {
    pub(crate) fn proofs(&self) -> &[Prepared] {
        &self.0
    }

    /// Adds a proof; the oldest makes room.
    pub(crate) fn add(&mut self, prepared: Prepared) {
        if self.0.len() >= MAX_POOL {
            self.0.remove(0);
        }
        self.0.push(prepared);
    }

    /// Removes the proof with this one-time key, if it is there.
    pub(crate) fn remove(&mut self, key: &Digest) {
        self.0.retain(|prepared| prepared.key() != *key);
    }

    /// Takes the oldest proof that fits.
    fn take(&mut self, fits: impl Fn(&Prepared) -> bool) -> Option<Prepared> {
        let position = self.0.iter().position(fits)?;
        Some(self.0.remove(position))
    }
}

impl Wallet {
    /// How many proofs the pool holds.
    pub fn pool_size(&self) -> usize {
        self.pool.proofs().len()
    }

    /// Drops the proofs that no verifier would take any more: older at `now` than the request
    /// that they were made for allows, or against another registry root than the view's. Answers
    /// how many.
    pub fn drop_stale(&mut self, view: &RegistryView<'_>, now: u64) -> usize {
        let before = self.pool_size();
        let root = view.root();
        self.pool.0.retain(|prepared| prepared.is_current(root, now, prepared.max_age_s));
        before - self.pool_size()
    }

    /// Takes a proof out of the pool that answers the query with the credential, if there is one
    /// and the credential may still answer as far as the wallet itself knows.
    pub(crate) fn take_prepared(
        &mut self,
        session: &Session<'_>,
        query: &Query,
        credential: &CredentialId,
    ) -> Result<Option<Prepared>, WalletError> {
        self.admit(session, query, credential, None)?;
        let topic = Topic::of(session.request, query, credential);
        let (root, params) = (session.view.root(), session.prover.params());
        Ok(self.pool.take(|prepared| {
            prepared.topic == topic
                && prepared.system == params
                && prepared.is_current(root, session.now, session.request.max_age_s)
        }))
    }
}
