//! A snapshot of the ledger as a wallet reads it.

use attestry_ledger::RegistrySnapshot;
use attestry_wallet_core::RegistryView;

/// The wallet's view. An entry whose list could not be rebuilt is left out, and with it only the
/// credentials of its issuer.
pub(crate) fn view(snapshot: &RegistrySnapshot) -> RegistryView<'_> {
    snapshot.entries.iter().fold(RegistryView::new(&snapshot.tree), |view, (entry, status)| {
        match status {
            Some(status) => view.with_entry(entry.index.as_u32() as usize, entry.leaf, status),
            None => view,
        }
    })
}
