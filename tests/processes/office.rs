//! An office with API keys, whose audit log is exported, checked offline and found on the ledger.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PRACTITIONER, Service, accredit, attestry, last_json, run};

fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = attestry(data).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_works_by_keys_and_its_log_is_on_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let ledger = Service::start(data, &["ledger", "serve", "--listen", "127.0.0.1:0"]);
    let (address, entry) = accredit(data, &ledger.url);
    let made = ["issuer", "api-key", "create", "--name", "desk", "--role", "registrar"];
    let made = run(data, &made);
    let serve = ["issuer", "serve", "--listen", "127.0.0.1:0", "--ledger", &ledger.url];
    let window = ["--provider-entry", &entry, "--publication-interval-s", "1"];
    let issuer = Service::start(data, &[&serve[..], &window].concat());

    // Only who has the key issues.
    let holder = format!("0x{}", "01".repeat(32));
    let practitioner: Value = serde_json::from_str(PRACTITIONER).unwrap();
    let order = json!({"resource": practitioner, "options": {"holder": holder, "item": 0}});
    let request = || {
        let client = reqwest::Client::new();
        client.post(format!("{}/credentials/issue", issuer.url)).json(&order)
    };
    assert_eq!(request().send().await.unwrap().status(), 401);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(request().bearer_auth(secret).send().await.unwrap().status(), 201);
    let id = made["id"].as_str().unwrap();
    run(data, &["issuer", "api-key", "revoke", id]);
    assert_eq!(request().bearer_auth(secret).send().await.unwrap().status(), 401);
    let listed = run(data, &["issuer", "api-key", "list"]);
    assert!(listed["revokedAt"].is_string() && listed.get("secret").is_none());

    // The log, in every format, offline.
    let file = |name: &str| data.join(name).to_str().unwrap().to_owned();
    for format in ["csv", "fhir", "json"] {
        let path = file(format);
        let export = ["audit", "export", "--format", format, "--output", &path];
        assert!(attestry(data).args(export).status().unwrap().success());
        let report = run(data, &["audit", "verify", &path, "--tenant", "default"]);
        assert_eq!(report["format"], format);
        assert!(refused(data, &export).contains("cannot make"), "a file is not replaced");
    }
    let (path, cut) = (file("json"), file("cut"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(file("changed"), text.replacen("key:desk", "key:disk", 1)).unwrap();
    let message = refused(data, &["audit", "verify", &file("changed")]);
    assert!(message.contains("was changed"), "{message}");
    let lines: Vec<_> = text.lines().collect();
    let shorter = [&lines[..lines.len() - 2], &lines[lines.len() - 1..]].concat().join("\n");
    std::fs::write(&cut, shorter + "\n").unwrap();
    run(data, &["audit", "verify", &cut]);
    let report = run(data, &["audit", "verify", &path]);
    let head = report["head"].as_str().unwrap();
    let message = refused(data, &["audit", "verify", &cut, "--head", head]);
    assert!(message.contains("is missing"), "{message}");

    // And on the ledger, once the window has passed in which the last entry was appended.
    let on_ledger = ["--ledger", &ledger.url, "--issuer", &address];
    let verify = [&["audit", "verify", path.as_str()][..], &on_ledger].concat();
    let mut found = Value::Null;
    for _ in 0..120 {
        let output = attestry(data).args(&verify).output().unwrap();
        if output.status.success() {
            found = last_json(&output);
            if found["ledger"]["upTo"] == found["entries"] {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(found["ledger"]["upTo"], found["entries"], "{found}");
    let message = refused(data, &[&["audit", "verify", cut.as_str()][..], &on_ledger].concat());
    assert!(message.contains("of no entry of the file"), "{message}");
}
