//! Sending: one sender a key, with explicit nonces.

use super::LedgerClient;
use crate::{Account, LedgerError};
use alloy::consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, B256, Bytes, TxKind};
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolCall;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// First and longest pause between two questions for a receipt.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(500));

/// The next nonce of a key; `None` until it is read from the ledger. The lock is held from reading it to sending.
#[derive(Default)]
pub(super) struct Sender {
    next: tokio::sync::Mutex<Option<u64>>,
}

struct Unsigned {
    to: TxKind,
    input: Bytes,
    gas_limit: u64,
    gas_price: u128,
    chain_id: u64,
}

impl LedgerClient {
    /// Sends a call and waits until it is mined.
    pub(crate) async fn send<C: SolCall>(
        &self,
        account: &Account,
        to: Address,
        call: C,
    ) -> Result<TransactionReceipt, LedgerError> {
        self.transact(account, TxKind::Call(to), call.abi_encode().into()).await
    }

    /// Deploys a contract and returns its address.
    pub(crate) async fn create(
        &self,
        account: &Account,
        code: Bytes,
    ) -> Result<Address, LedgerError> {
        let receipt = self.transact(account, TxKind::Create, code).await?;
        receipt.contract_address.ok_or(LedgerError::Malformed("a deployment without an address"))
    }

    async fn transact(
        &self,
        account: &Account,
        to: TxKind,
        input: Bytes,
    ) -> Result<TransactionReceipt, LedgerError> {
        let request = TransactionRequest {
            from: Some(account.address()),
            to: Some(to),
            input: input.clone().into(),
            ..TransactionRequest::default()
        };
        let estimate =
            self.within(self.provider.estimate_gas(request.clone()).into_future()).await?;
        let unsigned = Unsigned {
            to,
            input,
            gas_limit: estimate + estimate / 5,
            gas_price: self.gas_price(account.address()).await?,
            chain_id: self.chain_id().await?,
        };
        let hash = self.sign_and_send(account, &unsigned).await?;
        let receipt = self.receipt(hash).await?;
        if receipt.status() {
            return Ok(receipt);
        }
        // Ask what it failed for; the state may have moved on, then the name stays unknown.
        match self.within(self.provider.call(request).into_future()).await {
            Err(reverted @ LedgerError::Reverted { .. }) => Err(reverted),
            _ => Err(LedgerError::Reverted { name: "unknown".into() }),
        }
    }

    /// An account without funds can only send where gas is free.
    async fn gas_price(&self, account: Address) -> Result<u128, LedgerError> {
        let balance = self.within(self.provider.get_balance(account).into_future()).await?;
        if balance.is_zero() {
            return Ok(0);
        }
        let price = self.within(self.provider.get_gas_price()).await?;
        Ok(price + price / 4)
    }

    async fn sign_and_send(
        &self,
        account: &Account,
        unsigned: &Unsigned,
    ) -> Result<B256, LedgerError> {
        let sender = self.sender(account.address());
        let mut next = sender.next.lock().await;
        let cached = next.take();
        let nonce = match cached {
            Some(nonce) => nonce,
            None => self.pending_nonce(account.address()).await?,
        };
        let (hash, sent) = self.send_with_nonce(account, unsigned, nonce).await?;
        let (hash, nonce) = match sent {
            Ok(()) => (hash, nonce),
            Err(error @ LedgerError::Refused { .. }) => {
                // The same bytes were taken before: the answer to them was lost, or another holder of the key sent them.
                if self.is_known(hash).await? {
                    (hash, nonce)
                } else {
                    // Another user of the key may have taken the nonce: try once with the ledger's own count.
                    let current = self.pending_nonce(account.address()).await?;
                    if current == nonce {
                        return Err(error);
                    }
                    let (hash, sent) = self.send_with_nonce(account, unsigned, current).await?;
                    sent?;
                    (hash, current)
                }
            }
            Err(error) => return Err(error),
        };
        *next = Some(nonce + 1);
        Ok(hash)
    }

    fn sender(&self, address: Address) -> Arc<Sender> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(senders.entry(address).or_default())
    }

    async fn pending_nonce(&self, address: Address) -> Result<u64, LedgerError> {
        self.within(self.provider.get_transaction_count(address).pending().into_future()).await
    }

    async fn is_known(&self, hash: B256) -> Result<bool, LedgerError> {
        Ok(self.within(self.provider.get_transaction_by_hash(hash)).await?.is_some())
    }

    async fn send_with_nonce(
        &self,
        account: &Account,
        unsigned: &Unsigned,
        nonce: u64,
    ) -> Result<(B256, Result<(), LedgerError>), LedgerError> {
        let mut transaction = TxLegacy {
            chain_id: Some(unsigned.chain_id),
            nonce,
            gas_price: unsigned.gas_price,
            gas_limit: unsigned.gas_limit,
            to: unsigned.to,
            value: Default::default(),
            input: unsigned.input.clone(),
        };
        let signature = account
            .signer()
            .sign_transaction_sync(&mut transaction)
            .map_err(|_| LedgerError::InvalidAccountKey)?;
        let signed = TxEnvelope::Legacy(transaction.into_signed(signature));
        let raw = signed.encoded_2718();
        let sent = self.within(self.provider.send_raw_transaction(&raw)).await;
        Ok((*signed.tx_hash(), sent.map(|_| ())))
    }

    async fn receipt(&self, hash: B256) -> Result<TransactionReceipt, LedgerError> {
        let deadline = Instant::now() + self.options.receipt_timeout;
        let mut pause = POLL.0;
        loop {
            let receipt = self.within(self.provider.get_transaction_receipt(hash)).await?;
            if let Some(receipt) = receipt.filter(|receipt| receipt.block_number.is_some()) {
                return Ok(receipt);
            }
            if Instant::now() >= deadline {
                return Err(LedgerError::TimedOut(self.options.receipt_timeout));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL.1);
        }
    }
}
