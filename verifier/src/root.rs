//! Whether a registry root and a nullifier count: read from the ledger at each decision.

use std::time::Duration;

use attestry_circuits::Nullifier;
use attestry_circuits::registry::RegistryRoot;
use attestry_ledger::{LedgerError, RegistryClient};

use crate::{Refusal, VerifierConfig};

/// Checks that a root is current or was replaced within the grace, by the ledger's clock and by
/// the verifier's. Returns the block at which the registry was read, or an earlier one.
///
/// # Errors
/// [`Refusal::UnknownRoot`], [`Refusal::StaleRoot`], [`Refusal::LedgerLagging`];
/// [`Refusal::LedgerUnreachable`] if there is no usable answer, which is never a yes.
pub(crate) async fn check_root(
    registry: &RegistryClient,
    root: RegistryRoot,
    config: &VerifierConfig,
    now: u64,
) -> Result<u64, Refusal> {
    // The block first: what is read after it is at least as new as the receipt says.
    let block = registry.ledger().block_number().await.map_err(unreachable)?;
    if let Some(limit) = config.max_ledger_lag_s {
        let block_time = registry.ledger().block_time().await.map_err(unreachable)?;
        if now.saturating_sub(block_time) > limit {
            return Err(Refusal::LedgerLagging);
        }
    }
    let record = registry.root_record(root).await.map_err(unreachable)?;
    let Some(superseded_at) = record.ok_or(Refusal::UnknownRoot { block })?.superseded_at else {
        return Ok(block);
    };
    let grace = Duration::from_secs(config.registry_grace_s);
    let by_ledger = registry.is_fresh(root, grace).await.map_err(unreachable)?;
    let by_clock = now.saturating_sub(superseded_at) <= config.registry_grace_s;
    if by_ledger && by_clock { Ok(block) } else { Err(Refusal::StaleRoot { block }) }
}

/// Checks that the holder has not withdrawn on the ledger, if the deployment takes withdrawals.
///
/// # Errors
/// [`Refusal::Withdrawn`]; [`Refusal::LedgerUnreachable`] if there is no usable answer.
pub(crate) async fn check_not_withdrawn(
    registry: &RegistryClient,
    nullifier: Nullifier,
) -> Result<(), Refusal> {
    if registry.deployment().presentation_verifier.is_none() {
        return Ok(());
    }
    let status = registry.nullifier_status(nullifier).await.map_err(unreachable)?;
    if status.withdrawn_at.is_some() { Err(Refusal::Withdrawn) } else { Ok(()) }
}

fn unreachable(error: LedgerError) -> Refusal {
    tracing::warn!(%error, "the registry could not be read");
    Refusal::LedgerUnreachable
}
