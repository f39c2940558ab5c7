//! The JSON-RPC of the embedded ledger: one function from request bytes to answer bytes.

use super::block::{self, BLOCK_GAS_LIMIT, StoredBlock, environment};
use super::store::{Snapshot, StoreError};
use super::{EMBEDDED_CHAIN_ID, EmbeddedLedger, SubmitError};
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::{Recovered, SignerRecoverable};
use alloy::eips::eip2718::Decodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::rpc::types::{
    Block, BlockTransactions, FeeHistory, Filter, FilterBlockOption, Header, Log, Transaction,
    TransactionReceipt, TransactionRequest,
};
use revm::context::TxEnv;
use revm::context_interface::result::{EVMError, ExecutionResult};
use revm::database_interface::{DatabaseRef, WrapDatabaseRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Requests that one batch may hold.
pub(crate) const MAX_BATCH: usize = 128;
/// Logs that one answer may hold; a caller pages.
const MAX_LOGS: usize = 10_000;
const CLIENT_VERSION: &str = concat!("attestry-ledger/", env!("CARGO_PKG_VERSION"));

/// A JSON-RPC error.
#[derive(Debug)]
struct Fault {
    code: i64,
    message: String,
    data: Option<Bytes>,
}

impl Fault {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    fn parameters() -> Self {
        Self::new(-32602, "invalid params")
    }

    fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "embedded ledger store");
        Self::new(-32603, "storage failure")
    }
}

type Answered = Result<Value, Fault>;

impl EmbeddedLedger {
    /// Answers a JSON-RPC request or batch. Any bytes get an answer; a transaction that is acknowledged is on disk.
    ///
    /// It blocks for as long as the disk takes: call it off the async threads.
    pub fn dispatch(&self, request: &[u8]) -> Vec<u8> {
        let answer = match serde_json::from_slice::<Value>(request) {
            Err(_) => failure(Value::Null, &Fault::new(-32700, "parse error")),
            Ok(Value::Array(requests)) if requests.is_empty() => {
                failure(Value::Null, &Fault::new(-32600, "empty batch"))
            }
            Ok(Value::Array(requests)) if requests.len() > MAX_BATCH => {
                failure(Value::Null, &Fault::new(-32600, "batch too large"))
            }
            Ok(Value::Array(requests)) => {
                requests.into_iter().map(|request| self.answer(request)).collect()
            }
            Ok(request) => self.answer(request),
        };
        answer.to_string().into_bytes()
    }

    fn answer(&self, mut request: Value) -> Value {
        let id = request.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let id = id.unwrap_or(Value::Null);
        let parameters = match request.get_mut("params").map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(parameters)) => parameters,
            Some(_) => return failure(id, &Fault::parameters()),
        };
        let Some(method) = request.get("method").and_then(Value::as_str) else {
            return failure(id, &Fault::new(-32600, "invalid request"));
        };
        match self.call(method, &Parameters(parameters)) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(fault) => failure(id, &fault),
        }
    }

    fn call(&self, method: &str, parameters: &Parameters) -> Answered {
        match method {
            "eth_chainId" => encode(U64::from(EMBEDDED_CHAIN_ID)),
            "net_version" => encode(EMBEDDED_CHAIN_ID.to_string()),
            "web3_clientVersion" => encode(CLIENT_VERSION),
            "eth_syncing" => encode(false),
            "eth_gasPrice" | "eth_maxPriorityFeePerGas" => encode(U64::ZERO),
            "eth_feeHistory" => self.fee_history(parameters),
            "eth_blockNumber" => encode(U64::from(self.latest()?.header.number)),
            "eth_getTransactionCount" => {
                self.latest_only(parameters, 1)?;
                encode(U64::from(self.snapshot()?.nonce(parameters.at(0)?)?))
            }
            "eth_getBalance" => {
                self.latest_only(parameters, 1)?;
                let account = self.snapshot()?.basic_ref(parameters.at(0)?)?;
                encode(account.map_or(U256::ZERO, |account| account.balance))
            }
            "eth_getCode" => {
                self.latest_only(parameters, 1)?;
                encode(self.snapshot()?.code_at(parameters.at(0)?)?)
            }
            "eth_getStorageAt" => {
                self.latest_only(parameters, 2)?;
                let value = self.snapshot()?.storage_ref(parameters.at(0)?, parameters.at(1)?)?;
                encode(B256::from(value))
            }
            "eth_call" => self.eth_call(parameters),
            "eth_estimateGas" => self.estimate_gas(parameters),
            "eth_sendRawTransaction" => {
                let raw: Bytes = parameters.at(0)?;
                encode(self.submit(&raw).map_err(|error| match error {
                    SubmitError::Store(error) => error.into(),
                    invalid => Fault::server(invalid.to_string()),
                })?)
            }
            "eth_getTransactionReceipt" => {
                let receipt: Option<TransactionReceipt> =
                    self.snapshot()?.receipt(&parameters.at(0)?)?;
                encode(receipt)
            }
            "eth_getTransactionByHash" => {
                let snapshot = self.snapshot()?;
                encode(transaction(&snapshot, &parameters.at(0)?)?)
            }
            "eth_getBlockByNumber" => {
                let snapshot = self.snapshot()?;
                let number = resolve(parameters.at(0)?, latest_number(&snapshot)?);
                encode(block_answer(&snapshot, number, parameters.or_default(1)?)?)
            }
            "eth_getBlockByHash" => {
                let snapshot = self.snapshot()?;
                match snapshot.block_number(&parameters.at(0)?)? {
                    Some(number) => {
                        encode(block_answer(&snapshot, number, parameters.or_default(1)?)?)
                    }
                    None => Ok(Value::Null),
                }
            }
            "eth_getLogs" => self.logs(parameters),
            _ => Err(Fault::new(-32601, "the method does not exist")),
        }
    }

    fn latest(&self) -> Result<StoredBlock, Fault> {
        let snapshot = self.snapshot()?;
        let number = latest_number(&snapshot)?;
        snapshot.block(number)?.ok_or_else(|| Fault::server("the latest block is missing"))
    }

    /// Only the latest state is kept.
    fn latest_only(&self, parameters: &Parameters, position: usize) -> Result<(), Fault> {
        let at: BlockId = parameters.or_default(position)?;
        let latest = self.latest()?;
        let current = match at {
            BlockId::Hash(hash) => hash.block_hash == latest.header.hash_slow(),
            BlockId::Number(tag) => resolve(tag, latest.header.number) == latest.header.number,
        };
        if current { Ok(()) } else { Err(Fault::server("only the latest state is kept")) }
    }

    fn fee_history(&self, parameters: &Parameters) -> Answered {
        let count: U64 = parameters.at(0)?;
        let latest = self.latest()?.header.number;
        let newest = resolve(parameters.or_default(1)?, latest).min(latest);
        let percentiles: Option<Vec<f64>> = parameters.or_default(2)?;
        let count = count.to::<u64>().clamp(1, 1024).min(newest + 1);
        let blocks = count as usize;
        encode(FeeHistory {
            base_fee_per_gas: vec![0; blocks + 1],
            gas_used_ratio: vec![0.0; blocks],
            oldest_block: newest + 1 - count,
            reward: percentiles.map(|percentiles| vec![vec![0; percentiles.len()]; blocks]),
            ..FeeHistory::default()
        })
    }

    fn run(&self, request: &TransactionRequest, gas_limit: u64) -> Result<ExecutionResult, Fault> {
        let snapshot = self.snapshot()?;
        let head = self.latest()?.header;
        let environment = environment(head.number + 1, self.now().max(head.timestamp));
        let transaction = TxEnv {
            caller: request.from.unwrap_or_default(),
            gas_limit,
            kind: request.to.unwrap_or_default(),
            value: request.value.unwrap_or_default(),
            data: request.input.input().cloned().unwrap_or_default(),
            chain_id: Some(EMBEDDED_CHAIN_ID),
            ..TxEnv::default()
        };
        let database = WrapDatabaseRef(snapshot);
        block::execute(database, EMBEDDED_CHAIN_ID, environment, transaction, false)
            .map(|outcome| outcome.result)
            .map_err(|failure| match failure {
                EVMError::Database(error) => error.into(),
                other => Fault::server(other.to_string()),
            })
    }

    fn eth_call(&self, parameters: &Parameters) -> Answered {
        let request: TransactionRequest = parameters.at(0)?;
        self.latest_only(parameters, 1)?;
        let gas = request.gas.unwrap_or(BLOCK_GAS_LIMIT).min(BLOCK_GAS_LIMIT);
        encode(succeeded(self.run(&request, gas)?)?)
    }

    /// The least gas with which the call succeeds, to within 1/64.
    fn estimate_gas(&self, parameters: &Parameters) -> Answered {
        let request: TransactionRequest = parameters.at(0)?;
        self.latest_only(parameters, 1)?;
        let mut enough = request.gas.unwrap_or(BLOCK_GAS_LIMIT).min(BLOCK_GAS_LIMIT);
        let result = self.run(&request, enough)?;
        let mut too_little = result.gas().total_gas_spent().saturating_sub(1);
        succeeded(result)?;
        while enough - too_little > (too_little / 64).max(1) {
            // The first guess is near the gas spent; a call that holds gas back needs 1/63 more.
            let middle =
                (too_little + too_little / 32 + 1).min(too_little + (enough - too_little) / 2);
            match self.run(&request, middle) {
                Ok(result) if result.is_success() => enough = middle,
                _ => too_little = middle,
            }
        }
        encode(U64::from(enough))
    }

    fn logs(&self, parameters: &Parameters) -> Answered {
        let filter: Filter = parameters.at(0)?;
        let snapshot = self.snapshot()?;
        let latest = latest_number(&snapshot)?;
        let (from, to) = match filter.block_option {
            FilterBlockOption::Range { from_block, to_block } => (
                resolve(from_block.unwrap_or_default(), latest),
                resolve(to_block.unwrap_or_default(), latest).min(latest),
            ),
            FilterBlockOption::AtBlockHash(hash) => {
                let number = snapshot.block_number(&hash)?;
                let number = number.ok_or_else(|| Fault::server("unknown block"))?;
                (number, number)
            }
        };
        let mut found: Vec<Log> = Vec::new();
        if from <= to {
            for log in snapshot.logs(from, to)? {
                let log: Log = log?;
                if filter.matches(&log.inner) {
                    if found.len() == MAX_LOGS {
                        return Err(Fault::new(-32005, "query returned more than 10000 results"));
                    }
                    found.push(log);
                }
            }
        }
        encode(found)
    }
}

/// Positional parameters.
struct Parameters(Vec<Value>);

impl Parameters {
    fn at<T: DeserializeOwned>(&self, position: usize) -> Result<T, Fault> {
        let value = self.0.get(position).ok_or_else(Fault::parameters)?;
        T::deserialize(value).map_err(|_| Fault::parameters())
    }

    fn or_default<T: DeserializeOwned + Default>(&self, position: usize) -> Result<T, Fault> {
        match self.0.get(position) {
            None | Some(Value::Null) => Ok(T::default()),
            Some(_) => self.at(position),
        }
    }
}

fn encode(value: impl Serialize) -> Answered {
    serde_json::to_value(value).map_err(|_| Fault::new(-32603, "answer cannot be encoded"))
}

fn failure(id: Value, fault: &Fault) -> Value {
    let mut error = json!({ "code": fault.code, "message": fault.message });
    if let Some(data) = &fault.data {
        error["data"] = json!(data);
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

fn succeeded(result: ExecutionResult) -> Result<Bytes, Fault> {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => {
            Err(Fault { code: 3, message: "execution reverted".into(), data: Some(output) })
        }
        ExecutionResult::Halt { reason, .. } => {
            Err(Fault::server(format!("execution halted: {reason:?}")))
        }
    }
}

fn latest_number(snapshot: &Snapshot) -> Result<u64, Fault> {
    snapshot.latest_number()?.ok_or_else(|| Fault::server("there is no block"))
}

fn resolve(tag: BlockNumberOrTag, latest: u64) -> u64 {
    match tag {
        BlockNumberOrTag::Number(number) => number,
        BlockNumberOrTag::Earliest => 0,
        _ => latest,
    }
}

fn transaction(snapshot: &Snapshot, hash: &B256) -> Result<Option<Transaction>, Fault> {
    let receipt: Option<TransactionReceipt> = snapshot.receipt(hash)?;
    let (Some(receipt), Some(raw)) = (receipt, snapshot.raw_transaction(hash)?) else {
        return Ok(None);
    };
    let corrupt = || Fault::new(-32603, "a stored transaction cannot be read");
    let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).map_err(|_| corrupt())?;
    let signer: Address = envelope.recover_signer().map_err(|_| corrupt())?;
    Ok(Some(Transaction {
        effective_gas_price: Some(0),
        inner: Recovered::new_unchecked(envelope, signer),
        block_hash: receipt.block_hash,
        block_number: receipt.block_number,
        transaction_index: receipt.transaction_index,
        block_timestamp: None,
    }))
}

fn block_answer(snapshot: &Snapshot, number: u64, full: bool) -> Result<Option<Block>, Fault> {
    let Some(block) = snapshot.block::<StoredBlock>(number)? else {
        return Ok(None);
    };
    let transactions = if full {
        let found = block.transactions.iter().map(|hash| transaction(snapshot, hash));
        let found: Result<Vec<_>, _> = found.collect();
        BlockTransactions::Full(found?.into_iter().flatten().collect())
    } else {
        BlockTransactions::Hashes(block.transactions)
    };
    let header = Header::new(block.header);
    Ok(Some(Block { header, uncles: Vec::new(), transactions, withdrawals: None }))
}
