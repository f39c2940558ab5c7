//! What the store keeps: the wallet as a whole, and behind it a record for each change that must
//! not wait for the next whole.

use crate::log::{LogEntry, LogEvent, scope_of};
use crate::pool::Prepared;
use crate::{VaultStore, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_vault::to_json;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Records after which an answer stores the wallet as a whole again.
pub(crate) const MAX_RECORDS: u64 = 1024;
/// Records after which a refill does, which is to spare answers from it.
pub(crate) const MAX_RECORDS_AT_REFILL: u64 = MAX_RECORDS / 2;

/// One record. What it says of the wallet's state besides follows from it: see
/// [`Wallet::replay`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record<L, P> {
    /// An entry of the consent log.
    Logged(L),
    /// A proof that came into the pool.
    Prepared(P),
}

impl Wallet {
    /// Stores the wallet as a whole.
    ///
    /// # Errors
    /// [`WalletError::Store`] if the store fails.
    pub fn save(
        &mut self,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        self.journal = None;
        let (mut sealed, mut position) = self.seal_content(rng)?;
        for prepared in self.pool.proofs() {
            let record = prepared.record()?;
            let (bytes, next) = self.vault.seal_record(position, &record, rng)?;
            sealed.extend_from_slice(&bytes);
            position = next;
        }
        store.save(&sealed)?;
        self.journal = Some(position);
        Ok(())
    }

    /// Stores a change that the wallet has already made in memory: its record behind what is
    /// stored, or the whole wallet if it is not known what is stored or there are
    /// `max_records`.
    pub(crate) fn store_change(
        &mut self,
        record: &[u8],
        max_records: u64,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        // Unknown until the store has said that it has the record.
        match self.journal.take().filter(|position| position.records() < max_records) {
            None => self.save(store, rng),
            Some(position) => {
                let (bytes, next) = self.vault.seal_record(position, record, rng)?;
                store.append(position.offset(), &bytes)?;
                self.journal = Some(next);
                Ok(())
            }
        }
    }

    /// Makes a stored change again.
    pub(crate) fn replay(&mut self, record: Record<LogEntry, Prepared>) {
        match record {
            Record::Prepared(prepared) => self.pool.add(prepared),
            Record::Logged(entry) => {
                match &entry.event {
                    LogEvent::Presented { answers, .. } => {
                        for answer in answers {
                            self.pool.remove(&answer.presentation_key);
                        }
                    }
                    LogEvent::Withdrew { client_id, scope } => {
                        self.content.withdrawn.push(scope_of(client_id, scope));
                    }
                    LogEvent::PresentedToLedger { .. } | LogEvent::Declined { .. } => {}
                }
                self.content.log.push(entry);
            }
        }
    }
}

impl LogEntry {
    pub(crate) fn record(&self) -> Result<Zeroizing<Vec<u8>>, WalletError> {
        encode(&Record::<_, &Prepared>::Logged(self))
    }
}

impl Prepared {
    pub(crate) fn record(&self) -> Result<Zeroizing<Vec<u8>>, WalletError> {
        encode(&Record::<&LogEntry, _>::Prepared(self))
    }
}

fn encode(record: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, WalletError> {
    to_json(record).map_err(|_| WalletError::Content("has no encoding"))
}
