//! Checks without a ledger: against a snapshot of the registry, in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use attestry_circuits::Nullifier;
use attestry_circuits::registry::RegistryRoot;
use attestry_credential::presentation::{PresentationRequest, PresentationResponse};
use attestry_ledger::{LedgerError, RegistryClient, RegistryHistory, RegistryNews, RootStanding};
use serde::{Deserialize, Serialize};

use crate::check::{Engine, Lane, Ledger, Trust};
use crate::service::SecureRng;
use crate::{AcceptedCircuits, ChecksConfig, Refusal, VerifiedPresentation, VerifierConfig};

/// The form of a snapshot.
const FORMAT: &str = "attestry-registry-snapshot/1";
/// For how long after its replacement a snapshot says when a root was replaced.
const MEMORY_S: u64 = 30 * 86_400;

/// The registry's roots and the withdrawn nullifiers as of a block: all that checks need of the
/// ledger. It holds nothing that the ledger does not show to everybody, and is as good as where it
/// comes from: two parties compare the block's hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    format: String,
    chain_id: u64,
    /// Address of the registry contract.
    registry: String,
    block: u64,
    block_hash: String,
    /// Unix seconds by the clock of who took it.
    taken_at: u64,
    current_root: RegistryRoot,
    /// When each of the other roots was replaced, Unix seconds. What was replaced long before is
    /// left out.
    replaced_roots: BTreeMap<String, u64>,
    /// Nullifiers, hexadecimal.
    withdrawn: BTreeSet<String>,
}

/// Why a file is no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a snapshot of a registry in its one form")]
pub struct SnapshotError;

impl Snapshot {
    /// Takes a snapshot, at a time in Unix seconds.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn take(registry: &RegistryClient, now: u64) -> Result<Self, LedgerError> {
        let RegistryNews::Blocks(blocks) = registry.news(None, MEMORY_S).await? else {
            return Err(LedgerError::Malformed("the ledger has no blocks"));
        };
        let history = RegistryHistory::new(blocks)?;
        let mut current = None;
        let mut replaced_roots = BTreeMap::new();
        for (root, standing) in history.roots() {
            match standing {
                RootStanding::Current => current = Some(root),
                RootStanding::Superseded(Some(at)) => {
                    replaced_roots.insert(root.to_string(), at);
                }
                RootStanding::Superseded(None) => {}
            }
        }
        let head = history.head();
        Ok(Self {
            format: FORMAT.to_owned(),
            chain_id: registry.ledger().chain_id().await?,
            registry: registry.deployment().issuer_registry.to_string(),
            block: head.number,
            block_hash: hex::encode(head.hash),
            taken_at: now,
            current_root: current.ok_or(LedgerError::RootMismatch)?,
            replaced_roots,
            withdrawn: history.withdrawn().iter().map(|nullifier| nullifier.to_string()).collect(),
        })
    }

    /// Reads a snapshot from JSON.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn from_json(json: &[u8]) -> Result<Self, SnapshotError> {
        let read: Self = serde_json::from_slice(json).map_err(|_| SnapshotError)?;
        if read.format == FORMAT { Ok(read) } else { Err(SnapshotError) }
    }

    /// The block up to which the ledger was read.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// When it was taken, Unix seconds, by the clock of who took it.
    pub fn taken_at(&self) -> u64 {
        self.taken_at
    }

    /// Checks that the snapshot is recent enough and a root was current then, or replaced within
    /// the grace.
    ///
    /// # Errors
    /// [`Refusal::LedgerLagging`], [`Refusal::UnknownRoot`], [`Refusal::StaleRoot`].
    pub(crate) fn check_root(
        &self,
        root: RegistryRoot,
        now: u64,
        checks: &ChecksConfig,
    ) -> Result<(), Refusal> {
        let age = now.saturating_sub(self.taken_at);
        if checks.max_ledger_lag_s.is_some_and(|limit| age > limit) {
            return Err(Refusal::LedgerLagging);
        }
        if root == self.current_root {
            return Ok(());
        }
        let block = self.block;
        let replaced_at = self.replaced_roots.get(&root.to_string());
        let replaced_at = replaced_at.ok_or(Refusal::UnknownRoot { block })?;
        let is_within = now.saturating_sub(*replaced_at) <= checks.registry_grace_s;
        if is_within { Ok(()) } else { Err(Refusal::StaleRoot { block }) }
    }

    /// Checks that the holder had not withdrawn on the ledger.
    ///
    /// # Errors
    /// [`Refusal::Withdrawn`].
    pub(crate) fn check_not_withdrawn(&self, nullifier: Nullifier) -> Result<(), Refusal> {
        if self.withdrawn.contains(&nullifier.to_string()) {
            return Err(Refusal::Withdrawn);
        }
        Ok(())
    }
}

/// A verifier that has a snapshot instead of a ledger, and no records: it can neither tell whether
/// a challenge has been answered before nor whether a holder has been counted.
pub struct OfflineVerifier {
    config: VerifierConfig,
    circuits: AcceptedCircuits,
    snapshot: Snapshot,
    engine: Engine,
}

impl fmt::Debug for OfflineVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfflineVerifier").field("config", &self.config).finish_non_exhaustive()
    }
}

impl OfflineVerifier {
    /// A verifier of this name and strictness; [`ChecksConfig::max_ledger_lag_s`] is how old the
    /// snapshot may be. `rng` must be unpredictable to whoever made the proofs.
    pub fn new(
        config: VerifierConfig,
        circuits: AcceptedCircuits,
        snapshot: Snapshot,
        mut rng: Box<dyn SecureRng>,
    ) -> Self {
        let engine = Engine::start(config.checks.max_waiting_checks, &mut rng);
        Self { config, circuits, snapshot, engine }
    }

    /// Checks an answer to a request, at a time in Unix seconds.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub async fn check(
        &self,
        request: &PresentationRequest,
        response: &PresentationResponse,
        now: u64,
    ) -> Result<VerifiedPresentation, Refusal> {
        let Self { config, circuits, snapshot, engine } = self;
        let trust = Trust { config, circuits, ledger: Ledger::Snapshot(snapshot), engine };
        trust.check(request, response, now, Lane::Bulk).await
    }
}
