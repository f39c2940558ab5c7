//! The demonstration and the previews, as a person runs them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn attestry() -> Command {
    Command::new(env!("CARGO_BIN_EXE_attestry"))
}

fn lines(output: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(output.to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_step_of_the_demonstration_comes_out_as_expected() {
    let data = tempfile::tempdir().unwrap();
    let output = attestry().args(["demo", "--json", "--data"]).arg(data.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut steps = lines(&output.stdout);
    assert!(output.status.success(), "{steps:#?}{errors}");
    let totals = steps.pop().unwrap();
    assert_eq!(totals["steps"], steps.len());
    assert_eq!(totals["unexpected"], 0);
    for step in &steps {
        assert_eq!(step["expected"], step["outcome"], "{step}");
        assert!(step["reason"].is_string() && step["ms"].is_u64(), "{step}");
    }
    let with = |outcome: &str| steps.iter().filter(|step| step["outcome"] == outcome).count();
    assert_eq!(with("accepted"), 3);
    assert_eq!(with("refused"), 13);
    let reasons: BTreeSet<&str> = steps
        .iter()
        .filter(|step| step["outcome"] == "refused")
        .map(|step| step["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons.len(), 13, "each refusal has its own reason: {reasons:#?}");

    // A state in which the clinician may not practise is a step that comes out otherwise.
    let output = attestry()
        .args(["demo", "--json", "--state", "TX", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let mut steps = lines(&output.stdout);
    assert_eq!(steps.pop().unwrap()["unexpected"], 1);
    assert_eq!(steps.last().unwrap()["outcome"], "refused");

    // So is a resource from which no licence may be issued.
    let consent = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/consent.json");
    let output = attestry()
        .args(["demo", "--json", "--practitioner"])
        .arg(consent)
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let steps = lines(&output.stdout);
    let refused = steps.iter().find(|step| step["step"] == "issue the licence").unwrap();
    assert_eq!(refused["outcome"], "refused");
    assert!(refused["reason"].as_str().unwrap().starts_with("not-issuable"), "{refused}");
}

#[test]
fn previews_tell_for_each_resource_what_would_be_issued_or_why_not() {
    let example =
        |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let output = attestry()
        .args(["issuer", "preview"])
        .args([example("practitioner.json"), example("consent.json")])
        .output()
        .unwrap();
    assert!(output.status.success());
    let previews = lines(&output.stdout);
    assert!(previews.len() >= 2);
    for preview in previews {
        assert_eq!(preview["outcome"], "issuable", "{preview}");
        assert!(preview["claims"].is_object() && preview["file"].is_string(), "{preview}");
    }
}

#[test]
fn previews_of_the_official_samples_exit_with_success_and_a_reason_each() {
    let folder = match std::env::var_os("ATTESTRY_SHARED_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let Ok(entries) = std::fs::read_dir(folder.join("fhir-r4")) else {
        // Straight to standard error, where the test harness does not hide it.
        let line = format!("skipped: there are no official samples at {}", folder.display());
        writeln!(std::io::stderr(), "{line}").unwrap();
        return;
    };
    let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let output = attestry().args(["issuer", "preview"]).args(&files).output().unwrap();
    assert!(output.status.success());
    let previews = lines(&output.stdout);
    let named: BTreeSet<&str> =
        previews.iter().map(|preview| preview["file"].as_str().unwrap()).collect();
    assert_eq!(named.len(), files.len(), "each file has a line");
    for preview in &previews {
        let expected = if preview["outcome"] == "issuable" { "claims" } else { "reason" };
        assert!(!preview[expected].is_null(), "{preview}");
    }
}
