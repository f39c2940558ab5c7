//! The peer under node, installed from the lock file beside it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

/// The folder of the npm package that names the peer's libraries.
static PACKAGE: LazyLock<PathBuf> =
    LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop"));

/// Why the peer cannot be used, if so.
static INSTALLED: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let changed = |path| fs::metadata(PACKAGE.join(path)).and_then(|file| file.modified());
    let current =
        changed("package-lock.json").ok() <= changed("node_modules/.package-lock.json").ok();
    if current {
        return Ok(());
    }
    let outcome = Command::new("npm").args(["ci", "--silent"]).current_dir(&*PACKAGE).output();
    let output = outcome.map_err(|error| format!("npm: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
});

/// Whether the peer is there; says that `test` is skipped if not.
pub(crate) fn is_there(test: &str) -> bool {
    let node = Command::new("node").arg("--version").output().map_err(|error| error.to_string());
    let Err(reason) = node.and_then(|_| INSTALLED.clone()) else { return true };
    // Not `eprintln!`, which the test harness hides when a test passes.
    let note = format!("skipped: {test}: node: {reason}\n");
    std::io::stderr().write_all(note.as_bytes()).unwrap();
    false
}

/// What the peer answers to a request.
pub(crate) fn run(request: &Value) -> Value {
    let mut peer = Command::new("node")
        .arg(PACKAGE.join("peer.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    peer.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = peer.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
