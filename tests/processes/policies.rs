//! Policies on the command line, before they are asked.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary::attestry;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/policies/{name}.json"))
}

/// The lines of a command, and whether it succeeds.
fn lines(command: &str, arguments: &[&Path]) -> (Vec<Value>, bool) {
    let nowhere = tempfile::tempdir().unwrap();
    let output =
        attestry(nowhere.path()).args(["policy", command]).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (lines, output.status.success())
}

#[test]
fn a_policy_is_explained_with_its_hash_and_parameters() {
    let (lines, succeeds) =
        lines("explain", &[&example("nurse-in-texas"), &example("licence-type-in-state")]);
    assert!(succeeds);
    let words = lines[0]["words"].as_str().unwrap();
    assert!(words.starts_with("active, unencumbered RN licence valid in Texas today"), "{words}");
    assert_eq!(lines[0]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(lines[1]["parameters"], json!(["state"]));
    assert_eq!(lines[1]["disclosed"], json!(["licence_type"]));
    let (lines, _) =
        self::lines("explain", &[&example("licensed-in-state"), Path::new("--parameter=state=CA")]);
    assert!(lines[0]["words"].as_str().unwrap().contains("valid in California today"));
}

#[test]
fn a_dangerous_policy_fails_its_lint_and_a_warning_does_not() {
    let (lines, succeeds) = lines("lint", &[&example("licensed-in-state")]);
    assert!(succeeds);
    assert_eq!(lines[0]["code"], "searchable-value");
    assert_eq!(lines[0]["policy"], "licensed-in-state");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("npi.json");
    let document = json!({
        "id": "npi", "version": 1, "title": "Who it is", "schema": "ProviderCredential/1",
        "require": [{ "claim": "npi", "op": "eq", "reveal": true }]
    });
    std::fs::write(&file, document.to_string()).unwrap();
    let (lines, succeeds) = self::lines("lint", &[&file]);
    assert!(!succeeds);
    assert_eq!(lines[0]["code"], "reveals-identifier");
    assert_eq!(lines[0]["severity"], "danger");
    assert_eq!(lines[0]["path"], "require[0]");
}
