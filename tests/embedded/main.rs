//! The embedded ledger as a person runs it: served, looked at, verified.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn ledger(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attestry"));
    command.env("ATTESTRY_DATA", data).arg("ledger").args(arguments);
    command
}

fn output(data: &Path, arguments: &[&str]) -> Output {
    ledger(data, arguments).output().unwrap()
}

/// The lines that a command printed, as JSON.
fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn errors(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A served ledger, ended when this is dropped.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(data: &Path) -> Self {
        let mut command = ledger(data, &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: announced["listening"].as_str().unwrap().to_owned() }
    }

    /// Asks it to stop, as a service manager does.
    fn stop(mut self) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_second_server_and_a_verification_are_told_that_the_ledger_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let served = Served::start(data);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["verify"]] {
        let refused = errors(&output(data, arguments));
        assert!(refused.contains("in use by another process"), "{refused}");
    }
    served.stop();
    assert!(output(data, &["verify"]).status.success());
}

#[test]
fn an_address_that_others_reach_is_an_explicit_decision() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--listen", "0.0.0.0:0"];
    let refused = errors(&output(folder.path(), &serve));
    assert!(refused.contains("--expose"), "{refused}");
    assert!(!folder.path().join("ledger").exists());

    let mut child = ledger(folder.path(), &[&serve[..], &["--expose"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(warning.starts_with("warning: "), "{warning}");
}

#[test]
fn status_tells_what_the_file_holds_and_what_a_node_tells() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let path = format!("embedded:{}", data.join("ledger").display());
    let missing = errors(&output(data, &["status", "--ledger", &path]));
    assert!(missing.contains("there is no embedded ledger"), "{missing}");
    assert!(!data.join("ledger").exists());

    let served = Served::start(data);
    let fresh = lines(&output(data, &["status", "--ledger", &served.url]));
    assert_eq!(fresh.len(), 1, "no deployment, no registry");
    assert_eq!((&fresh[0]["chain_id"], &fresh[0]["block"]), (&json!(1_337_000), &json!(0)));
    assert!(output(data, &["init", "--ledger", &served.url]).status.success());
    let over_rpc = lines(&output(data, &["status", "--ledger", &served.url]));
    served.stop();

    let of_file = lines(&output(data, &["status", "--ledger", &path]));
    for field in ["chain_id", "block", "block_time"] {
        assert_eq!(of_file[0][field], over_rpc[0][field], "{field}");
    }
    let file = fs::metadata(data.join("ledger/ledger.redb")).unwrap().len();
    assert_eq!(of_file[0]["file_bytes"], file);
    assert_eq!((&of_file[0]["queued"], &of_file[0]["format"]), (&json!({}), &json!(1)));
    assert!(of_file[0]["transactions"].as_u64() >= of_file[0]["block"].as_u64());
    // The registry, which has no entry yet.
    assert_eq!(of_file[1..], over_rpc[1..]);
    assert!(of_file[1]["registry_root"].is_string());
}

#[test]
fn verify_says_what_it_replayed_and_fails_if_the_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let missing = errors(&output(data, &["verify"]));
    assert!(missing.contains("store failed"), "{missing}");

    let served = Served::start(data);
    assert!(output(data, &["init", "--ledger", &served.url]).status.success());
    served.stop();
    let whole = output(data, &["verify"]);
    assert!(whole.status.success());
    let [summary] = &lines(&whole)[..] else { panic!("{whole:?}") };
    assert_eq!(summary["whole"], true);
    assert!(summary["blocks"].as_u64() > Some(3) && summary["slots"].as_u64() > Some(3));

    // Every copy of a word of some receipt, wherever redb has it.
    let file = data.join("ledger/ledger.redb");
    let mut bytes = fs::read(&file).unwrap();
    let word = b"\"status\":\"0x1\"";
    let places: Vec<usize> =
        (0..bytes.len() - word.len()).filter(|at| bytes[*at..].starts_with(word)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + word.len() - 2] = b'0';
    }
    fs::write(&file, bytes).unwrap();
    let damaged = errors(&output(data, &["verify"]));
    assert!(damaged.contains("damaged"), "{damaged}");
}
