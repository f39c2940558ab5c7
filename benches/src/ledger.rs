//! The embedded ledger: what senders wait for, what a verifier waits for, and what the file costs.

use crate::measure::{microseconds, milliseconds, time_each};
use alloy::consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::{Ethereum, TxSignerSync};
use alloy::primitives::{Address, Bytes, TxKind, U256, keccak256};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_ledger::embedded::{EMBEDDED_CHAIN_ID, EmbeddedLedger, ServeLimits, verify};
use attestry_ledger::{Account, AccountKey, ClientOptions, LedgerClient, RegistryClient};
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

sol! {
    function setAttribute(address identity, bytes32 name, bytes value, uint256 validity);
}

/// 2026-11-22T00:00:00Z.
const NOW: u64 = 1_795_305_600;
/// Transactions of the sender that is alone.
const ALONE: u64 = 1_000;
const SENDERS: u64 = 16;
/// Transactions of each of several senders.
const EACH: u64 = 250;
/// Fresh-root checks.
const CHECKS: usize = 2_001;
/// Openings of the file.
const OPENINGS: usize = 5;

/// Figures of one run. A transaction sets an attribute in the registry of identities; it is acknowledged over HTTP when
/// its block is on the disk on which this program is.
#[derive(Debug, Serialize)]
pub struct LedgerReport {
    /// Acknowledged transactions a second of one sender, who waits for each.
    pub transactions_per_s: f64,
    /// The same of 16 senders at once.
    pub transactions_16_senders_per_s: f64,
    /// Blocks that the transactions of the 16 went into.
    pub blocks_of_16_senders: u64,
    /// Whether a registry root is fresh, by `eth_call`, in process.
    pub fresh_root_us: f64,
    /// The same over HTTP.
    pub fresh_root_http_us: f64,
    /// Blocks in the file by the end.
    pub blocks: u64,
    /// Transactions in the file by the end.
    pub transactions: u64,
    /// The file's size.
    pub file_bytes: u64,
    /// Opening the file.
    pub open_ms: f64,
    /// Opening the file as a process left it that was killed.
    pub open_after_kill_ms: f64,
    /// Blocks replayed and compared a second.
    pub verify_blocks_per_s: f64,
    /// The same in transactions.
    pub verify_transactions_per_s: f64,
}

impl fmt::Display for LedgerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line =
            |what: &str, figure: f64, unit: &str| writeln!(f, "  {what:<40}{figure:>12.1} {unit}");
        line("acknowledged, one sender", self.transactions_per_s, "transactions/s")?;
        line("acknowledged, 16 senders", self.transactions_16_senders_per_s, "transactions/s")?;
        line("in blocks", self.blocks_of_16_senders as f64, "")?;
        line("is a root fresh, in process", self.fresh_root_us, "µs")?;
        line("is a root fresh, over HTTP", self.fresh_root_http_us, "µs")?;
        line("blocks", self.blocks as f64, "")?;
        line("transactions", self.transactions as f64, "")?;
        line("file", self.file_bytes as f64 / 1e6, "MB")?;
        line("open", self.open_ms, "ms")?;
        line("open after a kill", self.open_after_kill_ms, "ms")?;
        line("verify", self.verify_blocks_per_s, "blocks/s")?;
        line("verify", self.verify_transactions_per_s, "transactions/s")
    }
}

/// Serves a ledger with contracts, loads it, and measures everything in [`LedgerReport`].
///
/// # Errors
/// If anything fails that should not.
pub fn run() -> Result<LedgerReport> {
    let program = std::env::current_exe()?;
    let beside = program.parent().context("the program is in no folder")?;
    let folder = tempfile::tempdir_in(beside)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (mut report, killed) = runtime.block_on(load(folder.path(), beside))?;
    // Ends the server, which has the file open.
    drop(runtime);

    let (opened, _) = time_each(0..OPENINGS, |_| open(folder.path()))?;
    report.open_ms = milliseconds(opened);
    let (opened, _) = time_each(&killed, |copy| open(copy.path()))?;
    report.open_after_kill_ms = milliseconds(opened);
    let start = Instant::now();
    let found = verify(folder.path())?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(found.damages.is_empty(), "the ledger is damaged: {:?}", found.damages);
    report.verify_blocks_per_s = found.blocks as f64 / seconds;
    report.verify_transactions_per_s = found.transactions as f64 / seconds;
    Ok(report)
}

fn open(folder: &Path) -> Result<()> {
    Ok(EmbeddedLedger::open(folder, || NOW).map(drop)?)
}

/// What is measured while the ledger is open, and copies of its file as a killed process would leave it.
async fn load(folder: &Path, beside: &Path) -> Result<(LedgerReport, Vec<tempfile::TempDir>)> {
    let mut rng = StdRng::seed_from_u64(SENDERS);
    let ledger = EmbeddedLedger::open(folder, || NOW)?;
    let client = LedgerClient::embedded(&ledger, ClientOptions::default());
    let member = Account::random(&mut rng);
    let registry = RegistryClient::deploy(client, &member, &[member.address()], 1).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(ledger.clone().serve(listener, ServeLimits::default()));

    let identities = registry.deployment().did_registry;
    let alone = signed(&AccountKey::random(&mut rng), identities, ALONE)?;
    let start = Instant::now();
    send(url.clone(), alone).await?;
    let transactions_per_s = ALONE as f64 / start.elapsed().as_secs_f64();

    let before = ledger.status()?.block;
    let prepared = (0..SENDERS)
        .map(|_| signed(&AccountKey::random(&mut rng), identities, EACH))
        .collect::<Result<Vec<_>>>()?;
    let mut sending = JoinSet::new();
    let start = Instant::now();
    for transactions in prepared {
        sending.spawn(send(url.clone(), transactions));
    }
    sending.join_all().await.into_iter().collect::<Result<()>>()?;
    let elapsed = start.elapsed().as_secs_f64();

    let http = LedgerClient::http(&url, ClientOptions::default())?;
    let book = registry.deployment().address_book;
    let over_http = RegistryClient::open(http, book).await?;
    let fresh_root = check(&registry).await?;
    let fresh_root_http = check(&over_http).await?;

    let status = ledger.status()?;
    let mut killed = Vec::new();
    for _ in 0..OPENINGS {
        let copy = tempfile::tempdir_in(beside)?;
        std::fs::copy(folder.join("ledger.redb"), copy.path().join("ledger.redb"))?;
        killed.push(copy);
    }
    let report = LedgerReport {
        transactions_per_s,
        transactions_16_senders_per_s: (SENDERS * EACH) as f64 / elapsed,
        blocks_of_16_senders: status.block - before,
        fresh_root_us: microseconds(fresh_root),
        fresh_root_http_us: microseconds(fresh_root_http),
        blocks: status.block + 1,
        transactions: status.transactions,
        file_bytes: status.file_bytes,
        open_ms: 0.0,
        open_after_kill_ms: 0.0,
        verify_blocks_per_s: 0.0,
        verify_transactions_per_s: 0.0,
    };
    Ok((report, killed))
}

/// Transactions of an account, from its first one on.
fn signed(account: &AccountKey, registry: Address, count: u64) -> Result<Vec<Bytes>> {
    let signer = PrivateKeySigner::from_slice(&account.to_bytes()[..])?;
    let sign = |nonce: u64| {
        let call = setAttributeCall {
            identity: account.address(),
            name: [b'n'; 32].into(),
            value: U256::from(nonce).to_be_bytes_vec().into(),
            validity: U256::from(86_400),
        };
        let mut transaction = TxLegacy {
            chain_id: Some(EMBEDDED_CHAIN_ID),
            nonce,
            gas_limit: 200_000,
            to: TxKind::Call(registry),
            input: call.abi_encode().into(),
            ..TxLegacy::default()
        };
        let signature = signer.sign_transaction_sync(&mut transaction)?;
        Ok(TxEnvelope::Legacy(transaction.into_signed(signature)).encoded_2718().into())
    };
    (0..count).map(sign).collect()
}

/// Sends transactions one after the other, on a connection of its own.
async fn send(url: String, transactions: Vec<Bytes>) -> Result<()> {
    let provider = RootProvider::<Ethereum>::new(RpcClient::new_http(url.parse()?));
    for transaction in transactions {
        let acknowledged = *provider.send_raw_transaction(&transaction).await?.tx_hash();
        ensure!(acknowledged == keccak256(&transaction), "another transaction was acknowledged");
    }
    Ok(())
}

/// Median time of a fresh-root check.
async fn check(registry: &RegistryClient) -> Result<Duration> {
    let root = registry.root().await?;
    let mut times = Vec::with_capacity(CHECKS);
    for _ in 0..CHECKS {
        let start = Instant::now();
        ensure!(registry.is_fresh(root, Duration::ZERO).await?, "the current root is not fresh");
        times.push(start.elapsed());
    }
    Ok(crate::measure::median(times))
}
