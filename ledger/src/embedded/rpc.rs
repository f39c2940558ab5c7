//! The JSON-RPC methods of the embedded ledger.

use super::block::{self, BLOCK_GAS_LIMIT, environment};
use super::jsonrpc::{Answered, Deadline, Fault};
use super::store::{Snapshot, failed};
use super::submit::SubmitError;
use super::view::View;
use super::{EMBEDDED_CHAIN_ID, EmbeddedLedger};
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy::eips::eip2718::Decodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::rpc::types::{
    Block, BlockTransactions, FeeHistory, Filter, FilterBlockOption, Header, Transaction,
    TransactionReceipt, TransactionRequest,
};
use revm::context::TxEnv;
use revm::context_interface::result::{EVMError, ExecutionResult};
use revm::database_interface::{DatabaseRef, WrapDatabaseRef};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Logs that one answer may hold; a caller pages.
const MAX_LOGS: usize = 10_000;
/// Bytes of logs that one answer may hold: more than the gas of one block pays for.
const MAX_LOG_BYTES: usize = 32 << 20;
/// Blocks that one query of logs may span.
const MAX_LOG_BLOCKS: u64 = 10_000;
/// Percentiles that a fee history may ask for.
const MAX_PERCENTILES: usize = 100;
const CLIENT_VERSION: &str = concat!("attestry-ledger/", env!("CARGO_PKG_VERSION"));

impl EmbeddedLedger {
    /// Calls a method with the text of its parameters, which is empty if there are none.
    pub(crate) fn call(&self, method: &str, params: &str, deadline: Deadline) -> Answered {
        let view = self.view();
        match method {
            "eth_sendRawTransaction" => {
                self.send(&[params]).pop().unwrap_or_else(|| Err(Fault::parameters()))
            }
            "eth_chainId" => encode(U64::from(EMBEDDED_CHAIN_ID)),
            "net_version" => encode(EMBEDDED_CHAIN_ID.to_string()),
            "web3_clientVersion" => encode(CLIENT_VERSION),
            "eth_syncing" => encode(false),
            "eth_gasPrice" | "eth_maxPriorityFeePerGas" => encode(U64::ZERO),
            "eth_blockNumber" => encode(U64::from(view.head.number)),
            _ => {
                let now = self.now().max(view.head.timestamp);
                Query { view: &view, now, deadline }.answer(method, &Parameters::read(params)?)
            }
        }
    }

    /// Takes the transactions of several `eth_sendRawTransaction`, given the text of each one's parameters.
    pub(crate) fn send(&self, params: &[&str]) -> Vec<Answered> {
        let raw: Vec<Result<Bytes, Fault>> =
            params.iter().map(|params| Parameters::read(params)?.at(0)).collect();
        let readable: Vec<&Bytes> = raw.iter().flatten().collect();
        let mut outcomes = self.submit(&readable).into_iter();
        raw.into_iter()
            .map(|raw| {
                raw?;
                match outcomes.next() {
                    Some(Ok(hash)) => encode(hash),
                    Some(Err(SubmitError::Store(error))) => Err(error.into()),
                    Some(Err(SubmitError::Invalid(reason))) => Err(Fault::server(reason)),
                    None => Err(Fault::new(-32603, "transaction was not processed")),
                }
            })
            .collect()
    }
}

/// A question about one view of the ledger.
struct Query<'v> {
    view: &'v View,
    /// When the next block would be made, Unix seconds.
    now: u64,
    deadline: Deadline,
}

impl Query<'_> {
    fn answer(&self, method: &str, parameters: &Parameters<'_>) -> Answered {
        let snapshot = &self.view.snapshot;
        match method {
            "eth_feeHistory" => self.fee_history(parameters),
            "eth_getTransactionCount" => {
                self.latest_only(parameters, 1)?;
                encode(U64::from(snapshot.nonce(parameters.at(0)?)?))
            }
            "eth_getBalance" => {
                self.latest_only(parameters, 1)?;
                let account = snapshot.basic_ref(parameters.at(0)?)?;
                encode(account.map_or(U256::ZERO, |account| account.balance))
            }
            "eth_getCode" => {
                self.latest_only(parameters, 1)?;
                encode(snapshot.code_at(parameters.at(0)?)?)
            }
            "eth_getStorageAt" => {
                self.latest_only(parameters, 2)?;
                let value = snapshot.storage_ref(parameters.at(0)?, parameters.at(1)?)?;
                encode(B256::from(value))
            }
            "eth_call" => self.eth_call(parameters),
            "eth_estimateGas" => self.estimate_gas(parameters),
            "eth_getTransactionReceipt" => match snapshot.receipt(&parameters.at(0)?)? {
                Some(row) => as_text(row),
                None => encode(()),
            },
            "eth_getTransactionByHash" => encode(transaction(snapshot, &parameters.at(0)?)?),
            "eth_getBlockByNumber" => {
                let number = self.resolve(parameters.at(0)?);
                encode(block_answer(snapshot, number, parameters.or_default(1)?)?)
            }
            "eth_getBlockByHash" => match snapshot.block_number(&parameters.at(0)?)? {
                Some(number) => encode(block_answer(snapshot, number, parameters.or_default(1)?)?),
                None => encode(()),
            },
            "eth_getLogs" => self.logs(parameters),
            _ => Err(Fault::new(-32601, "the method does not exist")),
        }
    }

    fn resolve(&self, tag: BlockNumberOrTag) -> u64 {
        match tag {
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Earliest => 0,
            // A block is final as soon as it is there.
            _ => self.view.head.number,
        }
    }

    /// Only the latest state is kept.
    fn latest_only(&self, parameters: &Parameters<'_>, position: usize) -> Result<(), Fault> {
        let current = match parameters.or_default(position)? {
            BlockId::Hash(hash) => hash.block_hash == self.view.hash,
            BlockId::Number(tag) => self.resolve(tag) == self.view.head.number,
        };
        if current { Ok(()) } else { Err(Fault::server("only the latest state is kept")) }
    }

    fn fee_history(&self, parameters: &Parameters<'_>) -> Answered {
        let count: U64 = parameters.at(0)?;
        let latest = self.view.head.number;
        let newest = self.resolve(parameters.or_default(1)?).min(latest);
        let percentiles: Option<Vec<f64>> = parameters.or_default(2)?;
        if percentiles.as_ref().is_some_and(|percentiles| percentiles.len() > MAX_PERCENTILES) {
            return Err(Fault::limit("more than 100 percentiles"));
        }
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
        let transaction = TxEnv {
            caller: request.from.unwrap_or_default(),
            gas_limit,
            kind: request.to.unwrap_or_default(),
            value: request.value.unwrap_or_default(),
            data: request.input.input().cloned().unwrap_or_default(),
            chain_id: Some(EMBEDDED_CHAIN_ID),
            ..TxEnv::default()
        };
        let block = environment(self.view.head.number + 1, self.now);
        let database = WrapDatabaseRef(&self.view.snapshot);
        block::execute(database, EMBEDDED_CHAIN_ID, block, transaction, false)
            .map(|outcome| outcome.result)
            .map_err(|failure| match failure {
                EVMError::Database(error) => error.into(),
                other => Fault::server(other.to_string()),
            })
    }

    fn eth_call(&self, parameters: &Parameters<'_>) -> Answered {
        let request: TransactionRequest = parameters.at(0)?;
        self.latest_only(parameters, 1)?;
        encode(succeeded(self.run(&request, gas_cap(&request))?)?)
    }

    /// The least gas with which the call succeeds, to within 1/64.
    fn estimate_gas(&self, parameters: &Parameters<'_>) -> Answered {
        let request: TransactionRequest = parameters.at(0)?;
        self.latest_only(parameters, 1)?;
        let mut enough = gas_cap(&request);
        let result = self.run(&request, enough)?;
        let spent = result.gas().total_gas_spent();
        succeeded(result)?;
        let mut too_little = spent.saturating_sub(1);
        // A call holds back 1/64 of its gas from each call inside it, so this is mostly enough.
        let mut middle = spent + spent / 32 + 1;
        while enough - too_little > (too_little / 64).max(1) {
            self.deadline.check()?;
            middle = middle.clamp(too_little + 1, enough - 1);
            match self.run(&request, middle) {
                Ok(result) if result.is_success() => enough = middle,
                _ => too_little = middle,
            }
            middle = (too_little + (enough - too_little) / 2).min(2 * too_little);
        }
        encode(U64::from(enough))
    }

    fn logs(&self, parameters: &Parameters<'_>) -> Answered {
        /// What a filter looks at.
        #[derive(Deserialize)]
        struct Sought {
            address: Address,
            topics: Vec<B256>,
        }
        let filter: Filter = parameters.at(0)?;
        let snapshot = &self.view.snapshot;
        let (from, to) = match filter.block_option {
            FilterBlockOption::Range { from_block, to_block } => (
                self.resolve(from_block.unwrap_or_default()),
                self.resolve(to_block.unwrap_or_default()).min(self.view.head.number),
            ),
            FilterBlockOption::AtBlockHash(hash) => {
                let number = snapshot.block_number(&hash)?;
                let number = number.ok_or_else(|| Fault::server("unknown block"))?;
                (number, number)
            }
        };
        let mut found = String::from("[");
        let mut count = 0;
        if to.saturating_sub(from) >= MAX_LOG_BLOCKS {
            return Err(Fault::limit("query spans more than 10000 blocks"));
        }
        if from <= to {
            for row in snapshot.logs(from, to)? {
                self.deadline.check()?;
                let (_, row) = row?;
                let sought: Sought = serde_json::from_slice(&row).map_err(failed)?;
                if !filter.matches_address(sought.address) || !filter.matches_topics(&sought.topics)
                {
                    continue;
                }
                if count == MAX_LOGS {
                    return Err(Fault::limit("query returned more than 10000 results"));
                }
                if found.len() + row.len() > MAX_LOG_BYTES {
                    return Err(Fault::limit("query returned more than 32 MiB"));
                }
                if count > 0 {
                    found.push(',');
                }
                found.push_str(&as_text(row)?);
                count += 1;
            }
        }
        found.push(']');
        Ok(found)
    }
}

/// Gas that a call may use: what it asks for, but no more than a block has.
fn gas_cap(request: &TransactionRequest) -> u64 {
    request.gas.unwrap_or(BLOCK_GAS_LIMIT).min(BLOCK_GAS_LIMIT)
}

/// Positional parameters, each read when it is asked for.
struct Parameters<'p>(Vec<&'p RawValue>);

impl<'p> Parameters<'p> {
    fn read(text: &'p str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        // Named parameters are an object, which no method here takes.
        serde_json::from_str(text).map(Self).map_err(|_| Fault::parameters())
    }

    fn at<T: DeserializeOwned>(&self, position: usize) -> Result<T, Fault> {
        let text = self.0.get(position).ok_or_else(Fault::parameters)?.get();
        serde_json::from_str(text).map_err(|_| Fault::parameters())
    }

    fn or_default<T: DeserializeOwned + Default>(&self, position: usize) -> Result<T, Fault> {
        match self.0.get(position).map(|value| value.get()) {
            None | Some("null") => Ok(T::default()),
            Some(_) => self.at(position),
        }
    }
}

fn encode(value: impl Serialize) -> Answered {
    serde_json::to_string(&value).map_err(|_| Fault::new(-32603, "answer cannot be encoded"))
}

/// A row that is an answer already.
fn as_text(row: Vec<u8>) -> Answered {
    String::from_utf8(row).map_err(|error| failed(error).into())
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

fn transaction(snapshot: &Snapshot, hash: &B256) -> Result<Option<Transaction>, Fault> {
    let (Some(receipt), Some(raw)) = (snapshot.receipt(hash)?, snapshot.raw_transaction(hash)?)
    else {
        return Ok(None);
    };
    let receipt: TransactionReceipt = serde_json::from_slice(&receipt).map_err(failed)?;
    let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).map_err(failed)?;
    Ok(Some(Transaction {
        effective_gas_price: Some(0),
        inner: Recovered::new_unchecked(envelope, receipt.from),
        block_hash: receipt.block_hash,
        block_number: receipt.block_number,
        transaction_index: receipt.transaction_index,
        block_timestamp: None,
    }))
}

fn block_answer(snapshot: &Snapshot, number: u64, full: bool) -> Result<Option<Block>, Fault> {
    let Some(block) = snapshot.block(number)? else {
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
