//! The ledger goes away, and comes back: the office goes on, also through a restart of its own.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PRACTITIONER, Service, accredit, post, registry};

/// Issues, and revokes if asked to: the credential's entry in its list.
async fn issue(office: &str, revoked: bool) -> u32 {
    let practitioner: Value = serde_json::from_str(PRACTITIONER).unwrap();
    let holder = format!("0x{:064x}", 5);
    let order = json!({"resource": practitioner, "options": {"holder": holder, "item": 0}});
    let (status, issued) = post(&format!("{office}/credentials/issue"), &order).await;
    assert_eq!(status, 201, "{issued}");
    let credential = &issued["verifiableCredential"];
    if revoked {
        let id = credential["id"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
        let (status, _) =
            post(&format!("{office}/credentials/{id}/revoke"), &json!({"reason": "lapsed"})).await;
        assert_eq!(status, 200);
    }
    let index = &credential["credentialStatus"]["statusListIndex"];
    index.as_str().unwrap().parse().unwrap()
}

async fn readiness(office: &str) -> Value {
    let answer = reqwest::get(format!("{office}/readyz")).await.unwrap();
    assert_eq!(answer.status(), 200, "who only issues is served");
    answer.json().await.unwrap()
}

fn chain(data: &Path, port: &str) -> Service {
    Service::start(data, &["ledger", "serve", "--listen", &format!("127.0.0.1:{port}")])
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ledger_is_away_the_office_goes_on_and_then_tells_it_everything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let ledger = chain(data, "0");
    let url = ledger.url.clone();
    let port = url.rsplit_once(':').unwrap().1.to_owned();
    let (_, entry) = accredit(data, &url);
    let serve = ["issuer", "serve", "--open", "--listen", "127.0.0.1:0", "--ledger", &url];
    // Nothing is published but when it is asked for; documents name the service by one URL.
    let window = ["--publication-interval-s", "1000000", "--publication-padding", "1"];
    let named = ["--provider-entry", &entry, "--public-url", "https://office.example"];
    let serve = [&serve[..], &window, &named].concat();

    let office = Service::start(data, &serve);
    let mut revoked = vec![issue(&office.url, true).await];
    assert_eq!(readiness(&office.url).await["status"], "ready");
    drop(ledger);
    revoked.push(issue(&office.url, true).await);
    issue(&office.url, false).await;
    let (status, _) = post(&format!("{}/status-lists/publish", office.url), &json!({})).await;
    assert_eq!(status, 503);
    assert_eq!(readiness(&office.url).await["status"], "degraded");

    // Its own restart in the middle of it.
    drop(office);
    let office = Service::start(data, &serve);
    revoked.push(issue(&office.url, true).await);
    let waiting = readiness(&office.url).await;
    assert_eq!((&waiting["status"], &waiting["issuing"]), (&json!("degraded"), &json!(true)));

    let _ledger = chain(data, &port);
    let mut told = Value::Null;
    for _ in 0..100 {
        let (status, answer) =
            post(&format!("{}/status-lists/publish", office.url), &json!({})).await;
        if status == 200 {
            told = answer;
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let list = told.as_array().unwrap().iter().find(|list| list["list"] == entry.as_str());
    assert_eq!((&list.unwrap()["flips"], &list.unwrap()["unexplained"]), (&json!(3), &json!(0)));
    assert_eq!(readiness(&office.url).await["status"], "ready");
    let registry = registry(data, &url).await;
    let on_ledger = registry.status_list(entry.parse::<u32>().unwrap().into()).await.unwrap();
    revoked.sort_unstable();
    assert_eq!(on_ledger.set_indices(), revoked);
}
