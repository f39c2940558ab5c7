//! The tools that run under node, installed from `tests/interop`.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The folder of the npm package that names the tools.
static PACKAGE: LazyLock<PathBuf> =
    LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop"));

/// Why the tools cannot be used, if so.
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

/// Whether the tools are there; says that `test` is skipped if not.
pub(crate) fn is_there(test: &str) -> bool {
    let node = Command::new("node").arg("--version").output().map_err(|error| error.to_string());
    let Err(reason) = node.and_then(|_| INSTALLED.clone()) else { return true };
    // Not `eprintln!`, which the test harness hides when a test passes.
    let note = format!("skipped: {test}: node: {reason}\n");
    std::io::stderr().write_all(note.as_bytes()).unwrap();
    false
}

/// Runs snarkjs in `folder`.
pub(crate) fn snarkjs<I: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = I>,
) -> Output {
    Command::new("node")
        .arg(PACKAGE.join("node_modules/snarkjs/build/cli.cjs"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs snarkjs, which must succeed, and gives what it printed.
pub(crate) fn snarkjs_does(folder: &Path, command: &str) -> String {
    let output = snarkjs(folder, command.split(' '));
    let text = printed(&output);
    assert!(output.status.success(), "snarkjs {command}: {text}");
    text
}

/// What a program printed.
pub(crate) fn printed(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// Compiles a Solidity contract, and gives the bytecode that deploys it.
pub(crate) fn solc(source: &str, contract: &str) -> Vec<u8> {
    let mut compiler = Command::new("node")
        .arg(PACKAGE.join("compile.mjs"))
        .arg(contract)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    assert!(output.status.success());
    hex::decode(String::from_utf8(output.stdout).unwrap().trim()).unwrap()
}
