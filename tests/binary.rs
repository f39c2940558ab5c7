//! The binary as processes: commands, and services that are ended when they are dropped.

use attestry_ledger::{ClientOptions, LedgerClient, RegistryClient};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A command of the binary on a data directory.
pub(crate) fn attestry(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attestry"));
    command.env("ATTESTRY_DATA", data).env("ATTESTRY_PASSPHRASE", "correct horse battery staple");
    command
}

/// A service in a process of its own, killed when this is dropped: it has no time to tidy up.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
}

impl Service {
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = attestry(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced: Value = serde_json::from_str(&line).unwrap();
        let url = announced["listening"].as_str().unwrap().to_owned();
        Self { child, url }
    }
}

impl Service {
    /// Memory that the process has, KiB.
    #[allow(dead_code, reason = "some of the tests look at it")]
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last line of a command's output as JSON.
pub(crate) fn last_json(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// What a command says that succeeds.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> Value {
    last_json(&attestry(data).args(arguments).output().unwrap())
}

/// The deployment of a data directory, as the ledger at a URL has it.
pub(crate) async fn registry(data: &Path, url: &str) -> RegistryClient {
    let client = LedgerClient::http(url, ClientOptions::default()).unwrap();
    let deployment = std::fs::read(data.join("deployment.json")).unwrap();
    let deployment: Value = serde_json::from_slice(&deployment).unwrap();
    let book = deployment["address_book"].as_str().unwrap().parse().unwrap();
    RegistryClient::open(client, book).await.unwrap()
}

/// Puts the contracts on a ledger and accredits an issuer with development keys for licences: its
/// address and its entry.
pub(crate) fn accredit(data: &Path, ledger: &str) -> (String, String) {
    run(data, &["ledger", "init", "--ledger", ledger]);
    let board = run(data, &["issuer", "init"]);
    let (address, key) = (board["issuer"].as_str().unwrap(), board["key"].as_str().unwrap());
    let accredit = ["ledger", "accredit", "--ledger", ledger, "--issuer", address];
    let schema = ["--schema", "ProviderCredential/1", "--key", key];
    let entry = run(data, &[&accredit[..], &schema].concat())["entry"].to_string();
    (address.to_owned(), entry)
}
