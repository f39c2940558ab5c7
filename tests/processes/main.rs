//! The whole line as separate processes: ledger, issuer, verifier and wallet talk over HTTP.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../binary.rs"]
mod binary;
mod drill;
mod office;
mod outage;
mod policies;

use attestry_credential::presentation::PresentationResponse;
use attestry_keys::PreparedVerifyingKey;
use attestry_keys::interop::snarkjs;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use binary::{Service, accredit, attestry, last_json, registry, run};

/// Made up for these tests; no person's.
const PRACTITIONER: &str = include_str!("../../examples/practitioner.json");
const POLICY: &str = include_str!("../../examples/policies/licence-type-in-state.json");
const FAMILY_NAME_PATH: &str = "/name/0/family";

/// Writes the configuration of an issuer that everybody may use.
fn issuer_config(data: &Path, ledger: &str, entry: &str) -> String {
    let data_path = data.display();
    let text = format!(
        "[http]
         listen = \"127.0.0.1:0\"
         [database]
         url = \"sqlite:{data_path}/issuer/issuer.sqlite\"
         [ledger]
         url = \"{ledger}\"
         deployment_file = \"{data_path}/deployment.json\"
         outbox_file = \"{data_path}/issuer/outbox.redb\"
         [access]
         mode = \"open\"
         [tenants.default]
         entries = {{ provider_credential = {entry} }}
         keys = {{ folder = \"{data_path}/issuer\" }}"
    );
    let path = data.join("issuer.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn post(url: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().post(url).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_issued_presented_verified_revoked_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    run(data, &["keys", "develop"]);

    // The consortium: a ledger with contracts, and an accredited issuer.
    let ledger = Service::start(data, &["ledger", "serve", "--listen", "127.0.0.1:0"]);
    let (_, entry) = accredit(data, &ledger.url);

    // The services of the board and of a clinic.
    let config = issuer_config(data, &ledger.url, &entry);
    run(data, &["issuer", "config", "check", "--connect", &config]);
    let issuer = Service::start(data, &["issuer", "serve", "--config", &config]);
    let verifier = Service::start(
        data,
        &[
            "verifier",
            "serve",
            "--open",
            "--listen",
            "127.0.0.1:0",
            "--ledger",
            &ledger.url,
            "--registry-grace-s",
            "0",
        ],
    );

    // The board issues to the clinician's wallet.
    let holder = run(data, &["wallet", "init"])["holder"].clone();
    let practitioner: Value = serde_json::from_str(PRACTITIONER).unwrap();
    let order = json!({"resource": practitioner, "options": {"holder": holder, "item": 0}});
    let answer = reqwest::Client::new()
        .post(format!("{}/credentials/issue", issuer.url))
        .json(&order)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let credential_path = answer.headers()["location"].to_str().unwrap().to_owned();
    let issued: Value = answer.json().await.unwrap();
    let (status, _) = post(&format!("{}/status-lists/publish", issuer.url), &json!({})).await;
    assert_eq!(status, 200);
    let mut accept = attestry(data)
        .args(["wallet", "accept", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    accept.stdin.take().unwrap().write_all(issued.to_string().as_bytes()).unwrap();
    assert!(last_json(&accept.wait_with_output().unwrap())["accepted"].is_string());
    let held = run(data, &["wallet", "list"]);
    assert_eq!(held["kind"], "ProviderCredential");

    // The clinic asks, the clinician presents, the clinic learns yes.
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let question = json!({
        "policy": policy, "parameters": {"state": "CA"}, "purpose": "may practise here",
        "response_mode": "direct_post.jwt",
    });
    let ask = async || {
        let (status, session) = post(&format!("{}/presentations", verifier.url), &question).await;
        assert_eq!(status, 201, "{session}");
        session
    };
    let session = ask().await;
    let link = session["deep_link"].as_str().unwrap().to_owned();
    let ready = ["--ready", "2"];
    let present = ["wallet", "present", "--ledger", &ledger.url, "--request", &link];
    let kept = data.join("kept");
    let keep = [&present[..], &ready, &["--keep", kept.to_str().unwrap()]].concat();
    assert_eq!(run(data, &keep)["verified"], true);
    let outcome =
        reqwest::get(format!("{}/presentations/{}", verifier.url, session["id"].as_str().unwrap()));
    let outcome: Value = outcome.await.unwrap().json().await.unwrap();
    assert_eq!(outcome["status"], "accepted");
    let name = practitioner.pointer(FAMILY_NAME_PATH).unwrap().as_str().unwrap();
    assert!(!outcome.to_string().contains(name), "a verifier never learns the name");

    // What the clinic accepted is a plain Groth16 proof, which other tools can check.
    let [request, presentation, out] =
        ["request.json", "presentation.json", "out"].map(|name| kept.join(name));
    let exported = attestry(data)
        .args(["keys", "export", "--format", "snarkjs", "--out"])
        .arg(&out)
        .arg("--request")
        .arg(&request)
        .arg("--presentation")
        .arg(&presentation)
        .output()
        .unwrap();
    let files = last_json(&exported)["files"].as_array().unwrap().clone();
    let text = |index: usize| std::fs::read_to_string(files[index].as_str().unwrap()).unwrap();
    let key = snarkjs::read_verification_key(&text(0)).unwrap();
    let proof = snarkjs::read_proof(&text(1)).unwrap();
    let inputs = snarkjs::read_public_signals(&text(2)).unwrap();
    assert_eq!(PreparedVerifyingKey::new(key).verify(&inputs, &proof), Ok(()));

    // The receipt and the answer are checked without any service: by a key, by a snapshot.
    check_offline(data, &kept, &ledger.url, &verifier.url, &outcome).await;

    // The same session takes no second answer, though the wallet has one ready.
    let again = attestry(data).args(present).output().unwrap();
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stdout).contains("replayed"));

    // The board revokes; from then on the wallet has nothing to present.
    let (status, _) = post(
        &format!("{}{credential_path}/revoke", issuer.url),
        &json!({"reason": "disciplinary-action"}),
    )
    .await;
    assert_eq!(status, 200);
    let (status, _) = post(&format!("{}/status-lists/publish", issuer.url), &json!({})).await;
    assert_eq!(status, 200);
    let session = ask().await;
    let request_uri = session["request_uri"].as_str().unwrap().to_owned();
    let present = ["wallet", "present", "--ledger", &ledger.url, "--request", &request_uri];
    let refused = attestry(data).args(present).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("revoked"));

    // To withdraw, the clinician needs neither the board nor the clinic: the ledger is enough.
    let asked: Value = serde_json::from_slice(&std::fs::read(&request).unwrap()).unwrap();
    let (client, purpose) = (asked["client_id"].as_str(), asked["scope"]["purpose"].as_str());
    let scope = ["--client-id", client.unwrap(), "--purpose", purpose.unwrap()];
    let withdrawal = run(data, &[&["wallet", "withdraw"][..], &scope].concat());
    let carried = data.join("withdrawal.json");
    std::fs::write(&carried, withdrawal.to_string()).unwrap();
    let carried = carried.to_str().unwrap();
    for _ in 0..2 {
        let done = run(data, &["ledger", "withdraw", "--ledger", &ledger.url, carried]);
        assert!(done["withdrawn"].is_string());
    }

    // Another licence the clinician's wallet fetches itself, by a link and a code sent apart.
    let order = json!({"resource": practitioner, "options": {"item": 0}});
    let (status, offered) = post(&format!("{}/offers", issuer.url), &order).await;
    assert_eq!(status, 201, "{offered}");
    let (link, tx_code) = (offered["deepLink"].as_str(), offered["txCode"].as_str());
    let receive = ["wallet", "receive", "--ledger", &ledger.url, link.unwrap()];
    let without_code = attestry(data).args(receive).output().unwrap();
    assert!(!without_code.status.success());
    assert!(String::from_utf8_lossy(&without_code.stderr).contains("transaction code"));
    let code_file = data.join("code");
    std::fs::write(&code_file, format!("{}\n", tx_code.unwrap())).unwrap();
    let code_file = ["--tx-code-file", code_file.to_str().unwrap()];
    let received = run(data, &[&receive[..], &code_file].concat());
    assert!(received["accepted"].is_string());
    let offer = format!("{}/offers/{}", issuer.url, offered["id"].as_str().unwrap());
    let offer: Value = reqwest::get(offer).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&offer["state"], &offer["notified"]),
        (&json!("issued"), &json!("credential_accepted"))
    );
    let again = attestry(data).args(receive).args(code_file).output().unwrap();
    assert!(!again.status.success());
}

/// Checks, offline, a receipt and the answer that the wallet kept; and that changed ones are none.
async fn check_offline(data: &Path, kept: &Path, ledger: &str, verifier: &str, outcome: &Value) {
    let [receipt, jwk, answer, changed, snapshot] =
        ["receipt", "jwk.json", "presentation.json", "changed.json", "snapshot.json"]
            .map(|name| kept.join(name));
    let key = reqwest::get(format!("{verifier}/receipt-key")).await.unwrap().text().await.unwrap();
    std::fs::write(&jwk, key).unwrap();
    let jws = outcome["receipt"].as_str().unwrap();
    std::fs::write(&receipt, jws).unwrap();
    let verify = |receipt: &Path| {
        let mut verify = attestry(data);
        verify.args(["receipt", "verify"]).arg(receipt).arg("--jwk").arg(&jwk);
        verify.arg("--response").arg(&answer).output().unwrap()
    };
    let said = last_json(&verify(&receipt));
    assert_eq!((&said["valid"], &said["responseMatches"]), (&json!(true), &json!(true)), "{said}");
    assert_eq!(said["receipt"]["result"], "accepted");
    let (head, signature) = jws.rsplit_once('.').unwrap();
    std::fs::write(&receipt, format!("{head}x.{signature}")).unwrap();
    assert!(!verify(&receipt).status.success());

    run(data, &["ledger", "snapshot", "--ledger", ledger, "--output", snapshot.to_str().unwrap()]);
    let mut response = PresentationResponse::from_json(&std::fs::read(&answer).unwrap()).unwrap();
    response.presentations.values_mut().next().unwrap().parts.now -= 1;
    std::fs::write(&changed, serde_json::to_vec(&response).unwrap()).unwrap();
    let check = |file: &Path| {
        let mut check = attestry(data);
        check.args(["verifier", "check", "--snapshot"]).arg(&snapshot).arg("--request");
        check.arg(kept.join("request.json")).arg(file).output().unwrap()
    };
    assert_eq!(last_json(&check(&answer))["verified"], true);
    let refused = check(&changed);
    assert!(!refused.status.success());
    let said: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((&said["verified"], &said["reason"]), (&json!(false), &json!("altered")));
}
