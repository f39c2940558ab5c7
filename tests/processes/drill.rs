//! An issuer's keys at the command line: encrypted, rotated, ended while its service runs, and what
//! they signed reissued.

use super::{POLICY, PRACTITIONER, Service, attestry, last_json, post, run};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Office {
    data: PathBuf,
    ledger: Service,
    passphrase: String,
}

fn secret_file(path: PathBuf, text: &str) -> String {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

impl Office {
    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = attestry(&self.data);
        command.args(arguments).env("ATTESTRY_LEDGER_URL", &self.ledger.url);
        command.env("ATTESTRY_KEY_PASSPHRASE_FILE", &self.passphrase).output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Value {
        last_json(&self.command(arguments))
    }

    fn accredit(&self, keys: &Value) -> String {
        let text = |member: &str| keys[member].as_str().unwrap();
        let accredit = ["ledger", "accredit", "--schema", "ProviderCredential/1"];
        let of = ["--issuer", text("issuer"), "--key", text("key")];
        self.run(&[accredit, of].concat())["entry"].to_string()
    }

    fn serve(&self, entry: &str) -> Service {
        let arguments = ["issuer", "serve", "--open", "--listen", "127.0.0.1:0"];
        let of = ["--ledger", &self.ledger.url, "--provider-entry", entry];
        let passphrase = ["--key-passphrase-file", &self.passphrase];
        let url = ["--public-url", "https://board.example"];
        Service::start(&self.data, &[&arguments[..], &of, &passphrase, &url].concat())
    }

    fn accept(&self, issued: &Value) {
        let mut accept = attestry(&self.data)
            .args(["wallet", "accept", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        accept.stdin.take().unwrap().write_all(issued.to_string().as_bytes()).unwrap();
        assert!(last_json(&accept.wait_with_output().unwrap())["accepted"].is_string());
    }

    /// What becomes of showing the wallet's licence to a clinic.
    async fn present(&self, clinic: &Service) -> Output {
        let policy: Value = serde_json::from_str(POLICY).unwrap();
        let parameters = json!({"state": "CA"});
        let question = json!({"policy": policy, "parameters": parameters, "purpose": "practise"});
        let (status, session) = post(&format!("{}/presentations", clinic.url), &question).await;
        assert_eq!(status, 201, "{session}");
        let request = session["request_uri"].as_str().unwrap();
        self.command(&["wallet", "present", "--request", request])
    }
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_encrypted_and_opened_by_a_file_or_a_descriptor_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let passphrase = secret_file(data.join("passphrase"), "correct horse battery staple\n");
    let by_file = ["--key-passphrase-file", &passphrase];

    let open = run(data, &["issuer", "init"]);
    let refused = attestry(data).args(["issuer", "keys", "encrypt"]).stdin(Stdio::null()).output();
    assert!(said(&refused.unwrap()).contains("passphrase"));
    let encrypted = run(data, &[&["issuer", "keys", "encrypt"][..], &by_file].concat());
    assert_eq!((&encrypted["issuer"], &encrypted["key"]), (&open["issuer"], &open["key"]));
    assert_eq!(mode(&data.join("issuer/issuer-keys.json")), 0o600);
    assert!(!data.join("issuer/issuer-keys.insecure-development.json").exists());
    assert_eq!(run(data, &["issuer", "keys", "show"]), encrypted, "without a passphrase");

    let program = env!("CARGO_BIN_EXE_attestry");
    let by_descriptor =
        format!("exec '{program}' issuer init --key-passphrase-fd 3 3<'{passphrase}'");
    let opened =
        Command::new("sh").args(["-c", &by_descriptor]).env("ATTESTRY_DATA", data).output();
    assert_eq!(last_json(&opened.unwrap()), open);

    let new = secret_file(data.join("new"), "another good passphrase");
    let change = ["issuer", "keys", "passphrase", "--new-passphrase-file", &new];
    assert!(attestry(data).args(change).args(by_file).status().unwrap().success());
    let wrong = attestry(data).args(["issuer", "init"]).args(by_file).output().unwrap();
    assert!(!wrong.status.success() && said(&wrong).contains("wrong passphrase"));
    assert_eq!(run(data, &["issuer", "init", "--key-passphrase-file", &new]), open);
    let again = attestry(data).args(["issuer", "keys", "create"]).args(by_file).output().unwrap();
    assert!(said(&again).contains("already"));
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o644)).unwrap();
    let init = ["issuer", "init", "--key-passphrase-file", &new];
    assert!(said(&attestry(data).args(init).output().unwrap()).contains("others"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_epoch_is_refused_a_healthy_one_is_not_and_a_reissued_licence_passes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    run(data, &["keys", "develop"]);
    let office = Office {
        data: data.to_owned(),
        ledger: Service::start(data, &["ledger", "serve", "--listen", "127.0.0.1:0"]),
        passphrase: secret_file(data.join("passphrase"), "correct horse battery staple"),
    };
    office.run(&["ledger", "init"]);
    let first = office.run(&["issuer", "keys", "create"]);
    let entry = office.accredit(&first);
    let board = office.serve(&entry);
    let serve =
        ["verifier", "serve", "--open", "--listen", "127.0.0.1:0", "--registry-grace-s", "0"];
    let clinic = Service::start(data, &[&serve[..], &["--ledger", &office.ledger.url]].concat());

    let holder = run(data, &["wallet", "init"])["holder"].clone();
    let practitioner: Value = serde_json::from_str(PRACTITIONER).unwrap();
    let order = json!({"resource": practitioner, "options": {"holder": holder, "item": 0}});
    let (status, issued) = post(&format!("{}/credentials/issue", board.url), &order).await;
    assert_eq!(status, 201);
    office.accept(&issued);
    let old = issued["verifiableCredential"]["id"].as_str().unwrap();

    // A new epoch does not touch what the first one signed.
    let second = office.run(&["issuer", "keys", "rotate"]);
    assert_eq!((&second["epoch"], &second["published"]), (&json!(2), &json!(true)));
    assert_eq!(second["issuer"], first["issuer"]);
    assert_ne!(second["key"], first["key"]);
    let next_entry = office.accredit(&second);
    drop(board);
    let board = office.serve(&next_entry);
    let shown = office.present(&clinic).await;
    assert_eq!(last_json(&shown)["verified"], true);

    // The first epoch's keys are in other hands, while the service runs.
    let member = data.join("consortium.insecure-development.json");
    let compromise = ["issuer", "compromise", "--epoch", "1", "--reason", "key-compromise"];
    let left = office.command(&compromise);
    assert!(!left.status.success(), "the consortium is to act");
    let suspend = format!("attestry ledger suspend --entry {entry}");
    assert!(json_lines(&left).iter().any(|line| line["command"] == json!(suspend)));
    let member = ["--member-key-file", member.to_str().unwrap()];
    let ended = office.command(&[&compromise[..], &member].concat());
    assert!(ended.status.success(), "{}", said(&ended));
    let lines = json_lines(&ended);
    let of_type = |name: &str| lines.iter().filter(|line| line["type"] == name).collect::<Vec<_>>();
    assert_eq!(of_type("entry")[0]["state"], "suspended");
    let [credential] = of_type("credential")[..] else { panic!("one credential: {lines:?}") };
    assert_eq!((&credential["id"], &credential["holder"]), (&json!(old), &holder));
    let name = practitioner.pointer(super::FAMILY_NAME_PATH).unwrap().as_str().unwrap();
    assert!(!lines.iter().any(|line| line.to_string().contains(name)));
    let shown = office.command(&["issuer", "keys", "show"]);
    assert_eq!(json_lines(&shown).len(), 1, "the first epoch's secrets are gone");
    assert!(!office.present(&clinic).await.status.success());

    // Its licence is reissued under the second epoch, once.
    let url = ["--public-url", "https://board.example", "--provider-entry", &next_entry];
    let reissue = [&["issuer", "reissue", "--epoch", "1"][..], &url].concat();
    let reissued = office.run(&reissue);
    assert_eq!(reissued["id"], old);
    let again = office.command(&reissue);
    assert!(again.status.success() && json_lines(&again).is_empty());
    let successor = reissued["successor"].as_str().unwrap();
    let answer = reqwest::get(format!("{}/credentials/{successor}", board.url)).await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let member = |name: &str| answer[name].clone();
    office.accept(&json!({
        "verifiableCredential": member("verifiableCredential"),
        "attestation": member("attestation"),
    }));
    let shown = office.present(&clinic).await;
    assert_eq!(last_json(&shown)["verified"], true);
}
