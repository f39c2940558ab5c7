//! Blocks: how transactions become one.

use super::state::{self, StateTables};
use super::store::{StoreError, failed};
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
use revm::database::{CacheDB, DatabaseRef};
use revm::primitives::hardfork::SpecId;
use revm::state::EvmState;
use revm::{Context, DatabaseCommit, ExecuteEvm, MainBuilder, MainContext};
use serde::{Deserialize, Serialize};

/// Gas that a block may use.
pub(crate) const BLOCK_GAS_LIMIT: u64 = 60_000_000;
/// Bytes that a transaction may have.
const MAX_TRANSACTION_BYTES: usize = 128 << 10;
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
        if raw.len() > MAX_TRANSACTION_BYTES {
            return Err("oversized data");
        }
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

/// A block, as the rows that it adds to the store.
pub(crate) struct SealedBlock {
    pub(crate) header: Header,
    pub(crate) hash: B256,
    /// The [`StoredBlock`], as JSON.
    pub(crate) row: Vec<u8>,
    pub(crate) transactions: Vec<TransactionRows>,
    /// The logs as JSON, in order.
    pub(crate) logs: Vec<Vec<u8>>,
}

/// What is stored of a transaction.
pub(crate) struct TransactionRows {
    pub(crate) hash: B256,
    pub(crate) raw: Vec<u8>,
    /// The receipt, as JSON.
    pub(crate) receipt: Vec<u8>,
}

/// A block that is being made on the state of its parent.
pub(crate) struct BlockBuilder<D> {
    chain_id: u64,
    header: Header,
    state: CacheDB<D>,
    changes: Keccak256,
    outcomes: Keccak256,
    executed: Vec<Executed>,
    log_count: u64,
}

impl<D: DatabaseRef<Error = StoreError>> BlockBuilder<D> {
    pub(crate) fn new(
        chain_id: u64,
        parent: &Header,
        parent_hash: B256,
        timestamp: u64,
        state: D,
    ) -> Self {
        let mut changes = Keccak256::new();
        changes.update(parent.state_root);
        Self {
            chain_id,
            header: Header {
                parent_hash,
                number: parent.number + 1,
                timestamp: timestamp.max(parent.timestamp),
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

    /// Executes a transaction into the block and writes the new state; it stays out if it is invalid.
    pub(crate) fn add(
        &mut self,
        transaction: SignedTransaction,
        tables: &mut impl StateTables,
    ) -> Result<(), Failure> {
        let block = environment(self.header.number, self.header.timestamp);
        let outcome = execute(&mut self.state, self.chain_id, block, transaction.env(), true)?;
        let changes = state::apply(&outcome.state, tables).map_err(EVMError::Database)?;
        self.changes.update(changes);
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
                    log_index: Some(self.log_count),
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

    /// Seals the block.
    pub(crate) fn seal(mut self) -> Result<SealedBlock, StoreError> {
        self.header.state_root = self.changes.finalize();
        let outcomes = self.outcomes.finalize();
        self.header.transactions_root = outcomes;
        self.header.receipts_root = outcomes;
        let hash = self.header.hash_slow();
        let number = self.header.number;
        let mut transactions = Vec::with_capacity(self.executed.len());
        let mut logs = Vec::new();
        for (index, mut executed) in self.executed.into_iter().enumerate() {
            for log in &mut executed.receipt.logs {
                log.block_hash = Some(hash);
                logs.push(serde_json::to_vec(log).map_err(failed)?);
            }
            let raw = std::mem::take(&mut executed.transaction.raw);
            let transaction = executed.transaction.hash;
            let answer = executed.into_answer(index, number, hash);
            let receipt = serde_json::to_vec(&answer).map_err(failed)?;
            transactions.push(TransactionRows { hash: transaction, raw, receipt });
        }
        SealedBlock::new(self.header, hash, transactions, logs)
    }
}

impl SealedBlock {
    fn new(
        header: Header,
        hash: B256,
        transactions: Vec<TransactionRows>,
        logs: Vec<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let hashes = transactions.iter().map(|rows| rows.hash).collect();
        let block = StoredBlock { header, transactions: hashes };
        let row = serde_json::to_vec(&block).map_err(failed)?;
        Ok(Self { header: block.header, hash, row, transactions, logs })
    }

    /// The first block, without state.
    pub(crate) fn genesis(timestamp: u64) -> Result<Self, StoreError> {
        let header = Header {
            timestamp,
            gas_limit: BLOCK_GAS_LIMIT,
            base_fee_per_gas: Some(0),
            ..Header::default()
        };
        let hash = header.hash_slow();
        Self::new(header, hash, Vec::new(), Vec::new())
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
