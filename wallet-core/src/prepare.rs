//! The pool: proofs made before they are asked for, each under its own one-time key.

use crate::held::Held;
use crate::secret::SecretBytes;
use crate::{CircuitProver, CredentialId, RegistryView, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::presentation::{
    Identifier, Presentation, PresentationError, PresentationRequest, Query, ZkParams,
    rebuild_statement,
};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const TOPIC_DOMAIN: &[u8] = b"attestry/pool-topic/v1";

/// Proofs that a wallet keeps ready, at most.
pub const MAX_POOL: usize = 64;

/// What an answer is made from: the request, the ledger's state, the prover and the time.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// What is asked.
    pub request: &'a PresentationRequest,
    /// The registry as the caller has read it.
    pub view: &'a RegistryView<'a>,
    /// The prover.
    pub prover: &'a CircuitProver,
    /// Unix seconds.
    pub now: u64,
}

impl Session<'_> {
    pub(crate) fn query(&self, id: &Identifier) -> Result<&Query, WalletError> {
        Ok(self.request.query(id).ok_or(PresentationError::UnknownQuery)?)
    }

    /// Checks that the request is open to an answer by this prover.
    pub(crate) fn check(&self) -> Result<(), WalletError> {
        if self.now > self.request.expires_at {
            return Err(WalletError::RequestExpired);
        }
        let params = self.prover.params();
        let mut systems = self.request.zk_system_type.iter();
        if systems.any(|system| system.params == params) {
            Ok(())
        } else {
            Err(WalletError::UnsupportedSystem)
        }
    }
}

/// A proof and the one-time key that it is bound to. Never used twice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prepared {
    pub(crate) credential: CredentialId,
    /// What it answers: see [`topic`].
    topic: [u8; 32],
    system: ZkParams,
    /// Without a signature yet.
    pub(crate) presentation: Presentation,
    secret_key: SecretBytes,
}

impl Prepared {
    /// The one-time key.
    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(self.secret_key.expose())
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared(redacted)")
    }
}

/// What a prepared proof can answer: the scope, the policy and its parameters.
fn topic(request: &PresentationRequest, query: &Query) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(TOPIC_DOMAIN);
    hasher.update(request.scope().to_bytes());
    hasher.update(query.policy.hash());
    for (name, value) in &query.parameters {
        for part in [name.clone(), value.to_string()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().into()
}

impl Wallet {
    /// Proves one query's answer ahead of time and keeps it in the pool: a later request of the
    /// same verifier, scope, policy and parameters is answered in the time of one signature.
    ///
    /// The pool keeps [`MAX_POOL`] proofs; the oldest make room. Seal the wallet to keep it.
    ///
    /// # Errors
    /// As [`Wallet::present`], without storing.
    pub fn prepare(
        &mut self,
        session: &Session<'_>,
        query: &Identifier,
        credential: &CredentialId,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        let query = session.query(query)?;
        let held = self.admit(session, query, credential)?;
        let prepared = self.prove(session, query, held, rng)?;
        let pool = self.pool_mut();
        if pool.len() >= MAX_POOL {
            pool.remove(0);
        }
        pool.push(prepared);
        Ok(())
    }

    /// How many proofs the pool holds.
    pub fn pool_size(&self) -> usize {
        self.pool().len()
    }

    /// Drops the proofs that no verifier would take any more: older than `max_age_s` at `now`, or
    /// against another registry root than the view's. Answers how many.
    pub fn drop_stale(&mut self, view: &RegistryView<'_>, now: u64, max_age_s: u64) -> usize {
        let before = self.pool_size();
        let root = view.root();
        self.pool_mut().retain(|prepared| {
            let parts = &prepared.presentation.parts;
            parts.registry_root == root && is_recent(parts.now, now, max_age_s)
        });
        before - self.pool_size()
    }

    /// Checks that the credential may answer the query, everything considered but the proof.
    pub(crate) fn admit(
        &self,
        session: &Session<'_>,
        query: &Query,
        credential: &CredentialId,
    ) -> Result<&Held, WalletError> {
        session.check()?;
        self.check_not_withdrawn(&session.request.scope())?;
        let held = self.held_by_id(credential)?;
        self.assess(session.request, query, held, Some(session.view), session.now)?
            .map_err(WalletError::Refused)?;
        Ok(held)
    }

    /// Proves one query with an admitted credential, under a fresh one-time key.
    pub(crate) fn prove(
        &self,
        session: &Session<'_>,
        query: &Query,
        held: &Held,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Prepared, WalletError> {
        let secret_key = fresh_key(rng);
        let key = SigningKey::from_bytes(secret_key.expose()).verifying_key().to_bytes();
        let (root, now) = (session.view.root(), session.now);
        let parts = self.statement_parts(session.request, query, held, root, now, key)?;
        let statement = rebuild_statement(session.request, query, &parts)?;
        let witness = self.witness(held, session.view)?;
        let proof = session.prover.prove(&statement, &witness, rng)?;
        let system = session.prover.params();
        let circuit_id = system.circuit_hash;
        Ok(Prepared {
            credential: held.id,
            topic: topic(session.request, query),
            system,
            presentation: Presentation { circuit_id, parts, proof, signature: [0; 64] },
            secret_key,
        })
    }

    /// Takes a proof out of the pool that answers the query with the credential, if there is one.
    pub(crate) fn take_prepared(
        &mut self,
        session: &Session<'_>,
        query: &Query,
        credential: &CredentialId,
    ) -> Option<Prepared> {
        let topic = topic(session.request, query);
        let (root, params) = (session.view.root(), session.prover.params());
        let position = self.pool().iter().position(|prepared| {
            let parts = &prepared.presentation.parts;
            prepared.topic == topic
                && prepared.credential == *credential
                && prepared.system == params
                && parts.registry_root == root
                && is_recent(parts.now, session.now, session.request.max_age_s)
        })?;
        Some(self.pool_mut().remove(position))
    }
}

fn is_recent(proven_at: u64, now: u64, max_age_s: u64) -> bool {
    now.checked_sub(proven_at).is_some_and(|age| age <= max_age_s)
}

fn fresh_key(rng: &mut (impl RngCore + CryptoRng)) -> SecretBytes {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *bytes);
    SecretBytes::new(*bytes)
}
