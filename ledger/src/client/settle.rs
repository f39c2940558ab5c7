//! From handing over to confirmation: receipts, reorganisations, and transactions that nobody mines.

use super::backoff::Backoff;
use super::endpoint::Endpoint;
use super::outbox::{OutboxEntry, OutboxState};
use super::sender::{Delivery, Handover};
use super::transaction::repriced;
use crate::LedgerError;
use alloy::primitives::{B256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use std::time::Duration;
use tokio::time::Instant;

/// Between two questions for a receipt that no caller waits for any more.
const UNATTENDED_PAUSE: Duration = Duration::from_secs(5);
/// Transactions that are signed for one nonce. The last one offers about six times the first.
const MAX_PRICES: usize = 9;

/// What the ledger shows of an entry.
enum Sight {
    Confirmed(Box<TransactionReceipt>),
    /// In a block that is not deep enough, or no longer counts.
    Shallow,
    Unmined,
}

/// A receipt, compared by what decides. Nodes differ in the rest.
struct Mined(TransactionReceipt);

impl PartialEq for Mined {
    fn eq(&self, Self(other): &Self) -> bool {
        let Self(one) = self;
        let logs = |receipt: &TransactionReceipt| -> Vec<_> {
            receipt.inner.logs().iter().map(|log| log.inner.clone()).collect()
        };
        (one.transaction_hash, one.block_hash, one.block_number, one.contract_address)
            == (
                other.transaction_hash,
                other.block_hash,
                other.block_number,
                other.contract_address,
            )
            && one.status() == other.status()
            && logs(one) == logs(other)
    }
}

/// When to do what for an entry.
struct Schedule {
    resend: Instant,
    reprice: Instant,
    retry: Backoff,
    attempt: usize,
    /// Since when, and at which block, the nonce has been another's.
    lost: Option<(Instant, u64)>,
}

impl Delivery {
    /// Looks after an entry until one of its transactions is confirmed, and returns the receipt.
    pub(super) async fn settle(
        self,
        mut entry: OutboxEntry,
    ) -> Result<TransactionReceipt, LedgerError> {
        let options = &self.nodes.options;
        let start = Instant::now();
        let mut poll = Backoff::polling();
        let mut schedule = Schedule {
            resend: start + options.resend_after.min(Duration::from_secs(1)),
            reprice: start + options.reprice_after,
            retry: Backoff::retrying(),
            attempt: 0,
            lost: None,
        };
        let (mut watch, mut was_mined) = (None, false);
        loop {
            if watch.is_none() {
                watch = self.sender.watch(entry.nonce);
                // Another task may have looked after it until now.
                match self.stored(&entry).await {
                    Ok(stored) => entry = stored.ok_or(LedgerError::Stopped)?,
                    Err(error) => tracing::error!(%error, nonce = entry.nonce, "the outbox"),
                }
            }
            if entry.state == OutboxState::Superseded {
                return Err(LedgerError::Superseded { nonce: entry.nonce });
            }
            match self.look(&entry).await {
                Ok(Sight::Confirmed(receipt)) => {
                    if entry.state == OutboxState::Waiting {
                        entry.state = OutboxState::Confirmed;
                        if let Err(error) = self.store(&entry).await {
                            tracing::error!(%error, nonce = entry.nonce, "it is looked for again");
                        }
                    }
                    return Ok(*receipt);
                }
                Ok(Sight::Shallow) => was_mined = true,
                Ok(Sight::Unmined) if watch.is_some() => {
                    if was_mined {
                        tracing::warn!(nonce = entry.nonce, "a reorganisation dropped it");
                        (was_mined, schedule.resend) = (false, Instant::now());
                    }
                    self.pursue(&mut entry, &mut schedule).await?;
                }
                Ok(Sight::Unmined) => {}
                Err(error) => tracing::debug!(%error, nonce = entry.nonce, "no receipt"),
            }
            let unattended = start.elapsed() > options.deadline;
            if unattended && self.client.strong_count() == 0 {
                return Err(LedgerError::Stopped);
            }
            let pause = if unattended { UNATTENDED_PAUSE } else { poll.pause() };
            tokio::time::sleep(pause).await;
        }
    }

    /// What the ledger shows of an entry now.
    async fn look(&self, entry: &OutboxEntry) -> Result<Sight, LedgerError> {
        let chain = entry.chain_id;
        for raw in entry.transactions.iter().rev() {
            let hash = keccak256(raw);
            let seen =
                self.nodes.agreed_now(|node| async move { node.receipt(hash).await }).await?;
            let Some(Mined(receipt)) = seen else { continue };
            let depth = self.nodes.options.confirmations;
            if depth == 0 {
                return Ok(Sight::Confirmed(receipt.into()));
            }
            let number = receipt.block_number.unwrap_or_default();
            let head = self.nodes.reached(|node| async move { node.head().await }).await?;
            if head < number.saturating_add(depth) {
                return Ok(Sight::Shallow);
            }
            let block = self.nodes.agreed_now(|node| async move {
                let block = node.block(chain, number.into()).await?;
                Ok(block.map(|block| block.header.hash))
            });
            return Ok(match block.await? == receipt.block_hash {
                true => Sight::Confirmed(receipt.into()),
                false => Sight::Shallow,
            });
        }
        Ok(Sight::Unmined)
    }

    /// Sends an unmined entry again when it is time, and offers more for it.
    async fn pursue(
        &self,
        entry: &mut OutboxEntry,
        schedule: &mut Schedule,
    ) -> Result<(), LedgerError> {
        let options = &self.nodes.options;
        if Instant::now() >= schedule.reprice {
            schedule.reprice = Instant::now() + options.reprice_after;
            match self.offer_more(entry).await {
                Ok(true) => schedule.resend = Instant::now(),
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, nonce = entry.nonce, "not repriced"),
            }
        }
        if Instant::now() < schedule.resend {
            return Ok(());
        }
        let outcome = self.hand_over(entry, schedule.attempt).await;
        schedule.attempt += 1;
        let pause = match outcome {
            Handover::Taken => {
                (schedule.lost, schedule.retry) = (None, Backoff::retrying());
                options.resend_after
            }
            Handover::Unknown => schedule.retry.pause().min(options.resend_after),
            Handover::Refused(error) => {
                tracing::debug!(%error, nonce = entry.nonce, "refused again");
                if self.is_lost(entry, schedule).await {
                    return Err(self.give_up(entry).await);
                }
                schedule.retry.pause().min(options.resend_after)
            }
        };
        schedule.resend = Instant::now() + pause;
        Ok(())
    }

    /// Signs the entry with a higher price, if it is the one that holds the others up.
    async fn offer_more(&self, entry: &mut OutboxEntry) -> Result<bool, LedgerError> {
        if entry.transactions.len() >= MAX_PRICES || self.mined().await? != entry.nonce {
            return Ok(false);
        }
        let suggested = self.gas_price().await?;
        let dearer = repriced(entry, &self.account, suggested).await?;
        let Some(dearer) = dearer else { return Ok(false) };
        self.store(&dearer).await?;
        *entry = dearer;
        Ok(true)
    }

    /// Whether another transaction has the nonce, and has had it for long enough that its own receipt cannot merely
    /// be late.
    async fn is_lost(&self, entry: &OutboxEntry, schedule: &mut Schedule) -> bool {
        let options = &self.nodes.options;
        let head = self.nodes.reached(|node| async move { node.head().await }).await;
        let (Ok(mined), Ok(head)) = (self.mined().await, head) else { return false };
        if mined <= entry.nonce {
            schedule.lost = None;
            return false;
        }
        let (since, first) = *schedule.lost.get_or_insert((Instant::now(), head));
        since.elapsed() >= options.request_timeout
            && head >= first.saturating_add(options.confirmations)
    }

    async fn give_up(&self, entry: &mut OutboxEntry) -> LedgerError {
        let nonce = entry.nonce;
        if entry.state == OutboxState::Confirmed {
            return LedgerError::Malformed("the receipt of a confirmed transaction is missing");
        }
        tracing::error!(nonce, "another transaction took the nonce of one that was sent");
        entry.state = OutboxState::Superseded;
        match self.store(entry).await {
            Ok(()) => LedgerError::Superseded { nonce },
            Err(error) => error,
        }
    }
}

impl Endpoint {
    /// The receipt of a mined transaction.
    async fn receipt(&self, hash: B256) -> Result<Option<Mined>, LedgerError> {
        let receipt = self.ask(self.provider().get_transaction_receipt(hash)).await?;
        let Some(receipt) = receipt.filter(|receipt| receipt.block_number.is_some()) else {
            return Ok(None);
        };
        if receipt.transaction_hash != hash || receipt.block_hash.is_none() {
            return Err(LedgerError::Malformed("another transaction's receipt"));
        }
        Ok(Some(Mined(receipt)))
    }
}
