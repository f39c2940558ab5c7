//! Blocks: how transactions become one.

use super::store::{BlockWriter, Snapshot, StoreError};
use alloy::consensus::transaction::{Recovered, SignerRecoverable};
use alloy::consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction as _, TxEnvelope,
    TxType,
};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Keccak256, U256};
use alloy::rpc::types::{Log, TransactionReceipt};
use revm::context::{BlockEnv, TxEnv};
use revm::context_interface::result::{EVMError, ExecResultAndState, ExecutionResult};
use revm::database::CacheDB;
use revm::primitives::hardfork::SpecId;
use revm::state::EvmState;
use revm::{Context, DatabaseCommit, ExecuteEvm, MainBuilder, MainContext};
use serde::{Deserialize, Serialize};

/// Gas that a block may use.
pub(crate) const BLOCK_GAS_LIMIT: u64 = 60_000_000;
/// Rules of execution: those of a consortium chain's usual genesis.
const SPEC: SpecId = SpecId::LONDON;

/// A block as it is stored.
///
/// The header's state root is not a trie's: it is keccak(parent's state root ‖ the block's state changes), and the
/// transactions' and receipts' roots are keccak over their hashes and outcomes. So a block hash commits to all of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredBlock {
    pub(crate) header: Header,
    pub(crate) transactions: Vec<B256>,
}

/// A transaction whose signature was checked.
#[derive(Clone)]
pub(crate) struct SignedTransaction {
    pub(crate) raw: Vec<u8>,
    pub(crate) hash: B256,
    pub(crate) inner: Recovered<TxEnvelope>,
}

impl SignedTransaction {
    /// Decodes a legacy, EIP-2930 or EIP-1559 transaction.
    pub(crate) fn decode(raw: &[u8], chain_id: u64) -> Result<Self, &'static str> {
        let mut rest = raw;
        let envelope = TxEnvelope::decode_2718(&mut rest).map_err(|_| "malformed transaction")?;
        if !rest.is_empty() {
            return Err("malformed transaction");
        }
        if matches!(envelope.tx_type(), TxType::Eip4844 | TxType::Eip7702) {
            return Err("transaction type not supported");
        }
        if envelope.chain_id() != Some(chain_id) {
            return Err("invalid chain id for signer");
        }
        if envelope.gas_limit() > BLOCK_GAS_LIMIT {
            return Err("exceeds block gas limit");
        }
        let signer = envelope.recover_signer().map_err(|_| "invalid sender")?;
        let hash = *envelope.tx_hash();
        Ok(Self { raw: raw.to_vec(), hash, inner: Recovered::new_unchecked(envelope, signer) })
    }

    pub(crate) fn sender(&self) -> Address {
        self.inner.signer()
    }

    fn env(&self) -> TxEnv {
        let tx = self.inner.inner();
        TxEnv {
            tx_type: tx.tx_type() as u8,
            caller: self.sender(),
            gas_limit: tx.gas_limit(),
            // Gas is free, whatever a transaction offers for it.
            gas_price: 0,
            gas_priority_fee: tx.max_priority_fee_per_gas().map(|_| 0),
            kind: tx.kind(),
            value: tx.value(),
            data: tx.input().clone(),
            nonce: tx.nonce(),
            chain_id: tx.chain_id(),
            access_list: tx.access_list().cloned().unwrap_or_default(),
            ..TxEnv::default()
        }
    }
}

/// What an execution gave.
pub(crate) type Outcome = ExecResultAndState<ExecutionResult, EvmState>;
/// Why there was none.
pub(crate) type Failure = EVMError<StoreError>;

/// The block environment of a number and time, with free gas.
pub(crate) fn environment(number: u64, timestamp: u64) -> BlockEnv {
    BlockEnv {
        number: U256::from(number),
        timestamp: U256::from(timestamp),
        gas_limit: BLOCK_GAS_LIMIT,
        basefee: 0,
        ..BlockEnv::default()
    }
}

/// Executes without storing. `check_nonce` is off for calls and estimates.
pub(crate) fn execute<DB: revm::Database<Error = StoreError>>(
    database: DB,
    chain_id: u64,
    block: BlockEnv,
    transaction: TxEnv,
    check_nonce: bool,
) -> Result<Outcome, Failure> {
    let mut evm = Context::mainnet()
        .with_db(database)
        .with_block(block)
        .modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SPEC);
            cfg.chain_id = chain_id;
            cfg.disable_nonce_check = !check_nonce;
            // The block's own limit holds; there is no lower cap a transaction.
            cfg.tx_gas_limit_cap = Some(BLOCK_GAS_LIMIT);
        })
        .build_mainnet();
    evm.transact(transaction)
}

/// A transaction of a block that is being made.
struct Executed {
    transaction: SignedTransaction,
    gas_used: u64,
    created: Option<Address>,
    receipt: Receipt<Log>,
}

/// A block that is being made.
pub(crate) struct BlockBuilder<'s> {
    chain_id: u64,
    header: Header,
    state: CacheDB<&'s Snapshot>,
    changes: Keccak256,
    outcomes: Keccak256,
    executed: Vec<Executed>,
    log_count: u32,
}

impl<'s> BlockBuilder<'s> {
    pub(crate) fn new(
        chain_id: u64,
        parent: &StoredBlock,
        timestamp: u64,
        state: &'s Snapshot,
    ) -> Self {
        let mut changes = Keccak256::new();
        changes.update(parent.header.state_root);
        Self {
            chain_id,
            header: Header {
                parent_hash: parent.header.hash_slow(),
                number: parent.header.number + 1,
                timestamp: timestamp.max(parent.header.timestamp),
                gas_limit: BLOCK_GAS_LIMIT,
                base_fee_per_gas: Some(0),
                ..Header::default()
            },
            state: CacheDB::new(state),
            changes,
            outcomes: Keccak256::new(),
            executed: Vec::new(),
            log_count: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.executed.is_empty()
    }

    /// Whether the block still has the gas that a transaction asks for.
    pub(crate) fn has_room_for(&self, transaction: &SignedTransaction) -> bool {
        transaction.inner.inner().gas_limit() <= BLOCK_GAS_LIMIT - self.header.gas_used
    }

    /// The next nonce of an account, with what this block did so far.
    pub(crate) fn nonce(&mut self, address: Address) -> Result<u64, StoreError> {
        use revm::Database as _;
        Ok(self.state.basic(address)?.map_or(0, |info| info.nonce))
    }

    /// Executes a transaction into the block; it stays out if it is invalid.
    pub(crate) fn add(
        &mut self,
        transaction: SignedTransaction,
        writer: &mut BlockWriter<'_>,
    ) -> Result<(), Failure> {
        let block = environment(self.header.number, self.header.timestamp);
        let outcome = execute(&mut self.state, self.chain_id, block, transaction.env(), true)?;
        self.changes.update(writer.apply(&outcome.state).map_err(EVMError::Database)?);
        self.state.commit(outcome.state);
        self.record(transaction, outcome.result);
        Ok(())
    }

    fn record(&mut self, transaction: SignedTransaction, result: ExecutionResult) {
        let gas_used = result.tx_gas_used();
        self.header.gas_used += gas_used;
        let success = result.is_success();
        self.outcomes.update(transaction.hash);
        self.outcomes.update([u8::from(success)]);
        self.outcomes.update(gas_used.to_be_bytes());
        let index = self.executed.len() as u64;
        let created = result.created_address();
        let logs: Vec<Log> = result
            .into_logs()
            .into_iter()
            .map(|inner| {
                let log = Log {
                    inner,
                    block_number: Some(self.header.number),
                    block_timestamp: Some(self.header.timestamp),
                    transaction_hash: Some(transaction.hash),
                    transaction_index: Some(index),
                    log_index: Some(u64::from(self.log_count)),
                    ..Log::default()
                };
                self.log_count += 1;
                log
            })
            .collect();
        let status = Eip658Value::Eip658(success);
        let receipt = Receipt { status, cumulative_gas_used: self.header.gas_used, logs };
        self.header.logs_bloom |= receipt.bloom_slow();
        self.executed.push(Executed { transaction, gas_used, created, receipt });
    }

    /// Seals the block and writes all that belongs to it.
    pub(crate) fn seal(mut self, writer: &mut BlockWriter<'_>) -> Result<StoredBlock, StoreError> {
        self.header.state_root = self.changes.finalize();
        let outcomes = self.outcomes.finalize();
        self.header.transactions_root = outcomes;
        self.header.receipts_root = outcomes;
        let hash = self.header.hash_slow();
        let number = self.header.number;
        let mut transactions = Vec::with_capacity(self.executed.len());
        for (index, mut executed) in self.executed.into_iter().enumerate() {
            for log in &mut executed.receipt.logs {
                log.block_hash = Some(hash);
                writer.put_log(number, log.log_index.unwrap_or_default(), log)?;
            }
            let SignedTransaction { hash: transaction_hash, raw, .. } =
                executed.transaction.clone();
            writer.put_transaction(
                &transaction_hash,
                &raw,
                &executed.into_answer(index, number, hash),
            )?;
            transactions.push(transaction_hash);
        }
        let block = StoredBlock { header: self.header, transactions };
        writer.put_block(number, hash, &block)?;
        Ok(block)
    }
}

impl Executed {
    fn into_answer(self, index: usize, block: u64, block_hash: B256) -> TransactionReceipt {
        let transaction = self.transaction.inner.inner();
        let receipt: ReceiptWithBloom<Receipt<Log>> = self.receipt.into();
        TransactionReceipt {
            inner: match transaction.tx_type() {
                TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
                TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
                _ => ReceiptEnvelope::Legacy(receipt),
            },
            transaction_hash: self.transaction.hash,
            transaction_index: Some(index as u64),
            block_hash: Some(block_hash),
            block_number: Some(block),
            gas_used: self.gas_used,
            effective_gas_price: 0,
            blob_gas_used: None,
            blob_gas_price: None,
            from: self.transaction.sender(),
            to: transaction.to(),
            contract_address: self.created,
        }
    }
}

/// The first block, without state.
pub(crate) fn genesis(timestamp: u64) -> StoredBlock {
    let header = Header {
        timestamp,
        gas_limit: BLOCK_GAS_LIMIT,
        base_fee_per_gas: Some(0),
        ..Header::default()
    };
    StoredBlock { header, transactions: Vec::new() }
}
