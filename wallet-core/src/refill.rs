//! Keeping the pool filled, step by step.

use crate::journal::MAX_RECORDS_AT_REFILL;
use crate::pool::{Prepared, Topic};
use crate::prepare::ProofTask;
use crate::{
    CircuitProver, CredentialId, MAX_POOL, RegistryView, Session, VaultStore, Wallet, WalletError,
};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::presentation::{Identifier, PresentationError, PresentationRequest};
use serde::{Deserialize, Serialize};

/// What the holder allows to be proven ahead, and how many proofs are to be ready.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptTopic {
    topic: Topic,
    /// The request that the topic was allowed at.
    request: PresentationRequest,
    query: Identifier,
    credential: CredentialId,
    ready: usize,
}

impl Wallet {
    /// Allows proofs to be made ahead for requests like this one: of its scope and its query's
    /// policy and parameters, answered with this credential. From then on the wallet has `ready`
    /// of them refilled; 0 ends it. Save the wallet to keep it.
    ///
    /// # Errors
    /// [`WalletError::Presentation`] if the request has no such query;
    /// [`WalletError::UnknownCredential`]; [`WalletError::PoolLimit`] if all topics together ask
    /// for more than [`MAX_POOL`].
    pub fn keep_ready(
        &mut self,
        request: &PresentationRequest,
        query: &Identifier,
        credential: &CredentialId,
        ready: usize,
    ) -> Result<(), WalletError> {
        let asked = request.query(query).ok_or(PresentationError::UnknownQuery)?;
        let credential = self.held_by_id(credential)?.id;
        let topic = Topic::of(request, asked, &credential);
        let others = self.content.kept_topics.iter().filter(|kept| kept.topic != topic);
        if others.map(|kept| kept.ready).fold(ready, usize::saturating_add) > MAX_POOL {
            return Err(WalletError::PoolLimit);
        }
        self.content.kept_topics.retain(|kept| kept.topic != topic);
        if ready > 0 {
            let (request, query) = (request.clone(), query.clone());
            let kept = KeptTopic { topic, request, query, credential, ready };
            self.content.kept_topics.push(kept);
        }
        Ok(())
    }

    /// Drops stale proofs and makes one that is missing, stored before this returns. Answers
    /// whether there was one to make: call it until there is not.
    ///
    /// # Errors
    /// [`WalletError::Key`] if the prover fails; [`WalletError::Store`] if the store fails.
    pub fn refill_step(
        &mut self,
        view: &RegistryView<'_>,
        prover: &CircuitProver,
        now: u64,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<bool, WalletError> {
        self.drop_stale(view, now);
        let Some(task) = self.missing_proof(view, prover, now, &[], rng) else {
            return Ok(false);
        };
        self.put(task.prove(prover, rng)?, store, rng)?;
        Ok(true)
    }

    /// A proof that is missing from the pool beside those that are `under_way`, if there is one.
    ///
    /// A proof that has passed half of its age is replaced while it still serves. A topic whose
    /// credential no longer satisfies it lacks nothing.
    pub(crate) fn missing_proof(
        &self,
        view: &RegistryView<'_>,
        prover: &CircuitProver,
        now: u64,
        under_way: &[Topic],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Option<ProofTask> {
        let (root, system) = (view.root(), prover.params());
        self.content.kept_topics.iter().find_map(|kept| {
            let fresh = self.pool.proofs().iter().filter(|prepared| {
                prepared.topic == kept.topic
                    && prepared.system == system
                    && prepared.is_current(root, now, kept.request.max_age_s / 2)
            });
            let coming = under_way.iter().filter(|topic| **topic == kept.topic);
            if fresh.count() + coming.count() >= kept.ready {
                return None;
            }
            let session = Session { request: &kept.request, view, prover, now };
            let query = session.query(&kept.query).ok().filter(|_| session.is_of_prover())?;
            self.task(&session, query, &kept.credential, rng).ok()
        })
    }

    /// Puts a proof into the pool and stores it.
    pub(crate) fn put(
        &mut self,
        prepared: Prepared,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        let record = prepared.record()?;
        self.pool.add(prepared);
        self.store_change(&record, MAX_RECORDS_AT_REFILL, store, rng)
    }
}
