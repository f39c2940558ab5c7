//! Transactions: what is asked for, what it pays, and the signature. They are legacy ones, which every chain takes.

use super::outbox::{OutboxEntry, OutboxState};
use crate::{Account, LedgerError};
use alloy::consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, B256, Bytes, Keccak256, TxKind};
use alloy::rpc::types::TransactionRequest;

/// What an account asks the ledger to do.
#[derive(Clone)]
pub(super) struct Act {
    pub(super) to: TxKind,
    pub(super) input: Bytes,
}

impl Act {
    /// As a node is asked about it.
    pub(super) fn request(&self, from: Address) -> TransactionRequest {
        TransactionRequest {
            from: Some(from),
            to: Some(self.to),
            input: self.input.clone().into(),
            ..TransactionRequest::default()
        }
    }

    /// Tells acts apart.
    pub(super) fn digest(&self) -> B256 {
        let mut hasher = Keccak256::new();
        match self.to {
            TxKind::Create => hasher.update([0]),
            TxKind::Call(to) => {
                hasher.update([1]);
                hasher.update(to);
            }
        }
        hasher.update(&self.input);
        hasher.finalize()
    }

    /// What an idempotency key stands for in this act: an act of the client may take several transactions, which call
    /// different functions, or deploy different code.
    pub(super) fn under(&self, key: &[u8]) -> B256 {
        let step = match self.to {
            TxKind::Create => self.digest(),
            TxKind::Call(_) => {
                let function = self.input.get(..4).unwrap_or_default().to_vec();
                Self { to: self.to, input: function.into() }.digest()
            }
        };
        let mut hasher = Keccak256::new();
        hasher.update(step);
        hasher.update(key);
        hasher.finalize()
    }

    /// Signs the act for a nonce, as an entry that nobody has been told of.
    pub(super) async fn sign(
        &self,
        account: &Account,
        terms: Terms,
        idempotency: Option<B256>,
    ) -> Result<OutboxEntry, LedgerError> {
        let transaction = TxLegacy {
            chain_id: Some(terms.chain_id),
            nonce: terms.nonce,
            gas_price: terms.gas_price,
            gas_limit: terms.gas_limit,
            to: self.to,
            value: Default::default(),
            input: self.input.clone(),
        };
        Ok(OutboxEntry {
            chain_id: terms.chain_id,
            account: account.address(),
            nonce: terms.nonce,
            idempotency,
            request: self.digest(),
            transactions: vec![signed(account, transaction).await?],
            state: OutboxState::Waiting,
        })
    }
}

/// On what terms an act is sent.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) gas_limit: u64,
    pub(super) gas_price: u128,
}

/// The entry with one more transaction, which offers a quarter more and at least `suggested`; `None` where gas is
/// free.
pub(super) async fn repriced(
    entry: &OutboxEntry,
    account: &Account,
    suggested: u128,
) -> Result<Option<OutboxEntry>, LedgerError> {
    let unreadable = || LedgerError::Outbox("an entry that cannot be read".into());
    let raw = entry.transactions.last().ok_or_else(unreadable)?;
    let last = TxEnvelope::decode_2718(&mut raw.as_ref()).map_err(|_| unreadable())?;
    let TxEnvelope::Legacy(last) = last else { return Err(unreadable()) };
    let mut transaction = last.strip_signature();
    // Rounded up: nodes ask for a tenth more, however small the price.
    let raised = transaction.gas_price.saturating_add(transaction.gas_price.div_ceil(4));
    let gas_price = raised.max(suggested);
    if gas_price == transaction.gas_price {
        return Ok(None);
    }
    transaction.gas_price = gas_price;
    let mut entry = entry.clone();
    entry.transactions.push(signed(account, transaction).await?);
    Ok(Some(entry))
}

async fn signed(account: &Account, transaction: TxLegacy) -> Result<Bytes, LedgerError> {
    let signature = account.sign(&transaction.signature_hash()).await?;
    Ok(TxEnvelope::Legacy(transaction.into_signed(signature)).encoded_2718().into())
}
