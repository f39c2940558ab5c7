//! anvil from npm, started on a free port and ended with the test.

use alloy::network::Ethereum;
use alloy::providers::{Provider, RootProvider};
use attestry_ledger::Account;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

static PACKAGE: LazyLock<PathBuf> =
    LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/anvil"));

/// The program, or why it cannot be had.
static PROGRAM: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let changed = |path| fs::metadata(PACKAGE.join(path)).and_then(|file| file.modified());
    let locked = changed("package-lock.json").ok();
    if locked > changed("node_modules/.package-lock.json").ok() {
        let outcome = Command::new("npm").args(["ci", "--silent"]).current_dir(&*PACKAGE).output();
        let output = outcome.map_err(|error| format!("npm: {error}"))?;
        if !output.status.success() {
            return Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    Ok(PACKAGE.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"))
});

pub(crate) struct Anvil {
    process: Child,
    pub(crate) url: String,
    provider: RootProvider<Ethereum>,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Anvil {
    /// Starts a node; `None`, and a note, where it cannot be had.
    pub(crate) fn start(test: &str, arguments: &[&str]) -> Option<Self> {
        let program = match &*PROGRAM {
            Ok(program) => program,
            Err(reason) => {
                // Not `eprintln!`, which the test harness hides when a test passes.
                let note = format!("skipped: {test}: anvil: {reason}\n");
                std::io::stderr().write_all(note.as_bytes()).unwrap();
                return None;
            }
        };
        let mut process = Command::new(program)
            .args(["--port", "0", "--accounts", "1"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = lines.find_map(|line| {
            line.unwrap().strip_prefix("Listening on ").map(|address| format!("http://{address}"))
        });
        // Reads on, so that the node is never held up by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = listening.unwrap();
        let provider = RootProvider::new_http(url.parse().unwrap());
        Some(Self { process, url, provider })
    }

    pub(crate) async fn ask(&self, method: &'static str, parameters: Value) -> Value {
        self.provider.raw_request(method.into(), parameters).await.unwrap()
    }

    pub(crate) async fn fund(&self, account: &Account) {
        let ether = json!([account.address(), "0xde0b6b3a7640000"]);
        self.ask("anvil_setBalance", ether).await;
    }

    /// Mines so many blocks.
    pub(crate) async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    pub(crate) async fn head(&self) -> u64 {
        self.provider.get_block_number().await.unwrap()
    }

    pub(crate) async fn mined(&self, account: &Account) -> u64 {
        self.provider.get_transaction_count(account.address()).await.unwrap()
    }

    /// Waits until a transaction of an account is mined.
    pub(crate) async fn has_mined(&self, account: &Account) {
        for _ in 0..1_500 {
            if self.mined(account).await > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nothing was mined in half a minute");
    }
}
