//! Nothing of a subject is in a log line.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ark_std::rand::rngs::OsRng;
use attestry_issuer::Reason;
use attestry_service::Actor;
use reqwest::Method;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::http::{Office, order, read};
use crate::imports::{HEADER, row};
use crate::offers::{Board, Person, claim};
use crate::world::{NAME, NPI, World, holder};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_at_debug_level_name_neither_the_subject_nor_the_holder() {
    let lines = Lines::default();
    // Global, so that the lines of every thread, and of the tests beside this one, are read too.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(lines.clone())
        .try_init()
        .unwrap();
    let mut world = World::new().await;
    let issuer = world.open().await;
    let office = Office::open(issuer.clone()).await;
    assert_eq!(office.post("/credentials/issue", &order()).await.0, 201);
    let mut bad = order();
    bad["resource"]["identifier"][0]["value"] = json!("1234567890");
    assert_eq!(office.post("/credentials/issue", &bad).await.0, 422);
    import(&office).await;
    let credential = world.issue(&issuer).await;
    issuer.revoke(&Actor::operator(), credential.id, Reason::DisciplinaryAction).await.unwrap();
    issuer.publish(&mut OsRng).await.unwrap();
    let board = Board::open().await;
    // So long that no other number of a log line is the same by chance.
    let offered = board.offer(json!({ "txCode": { "length": 12 } })).await;
    let person = Person::new(3);
    let wrong = person.take_up(&offered).await.token_request(Some("000000000000")).unwrap();
    claim(&board.office, &wrong).await;
    let token = person.token(&board.office, &offered).await;
    let (status, _) = person.ask(&board, &board.office, &token).await;
    assert_eq!(status, 200);
    let reference = offered["offerUri"].as_str().unwrap().rsplit('/').next().unwrap();
    let tx_code = offered["txCode"].as_str().unwrap();
    let person = person.wallet.holder_commitment().to_string();

    let text = lines.text();
    assert!(text.contains("status list published") && text.contains("answered"), "logs were read");
    let salt = credential.attested().unwrap().attestation["salt"].as_str().unwrap().to_owned();
    for secret in [
        NAME,
        NPI,
        "Alma",
        "Secret",
        "chart-4711",
        "A 123456",
        "1234567890",
        &holder().to_string(),
        &salt,
    ] {
        assert!(!text.contains(secret), "a log line names {secret}");
    }
    for secret in [reference, &wrong.code, tx_code, &token, &person] {
        assert!(!text.contains(secret), "a log line names {secret}");
    }
}

/// A roster with a row that becomes a credential, and rows that do not.
async fn import(office: &Office) {
    let good = row("Bo Secret", "chart-4711");
    let rows = [&good, &good.replace(NPI, "1234567890"), &good.replace("Bo", "=Bo")];
    let file = format!("{HEADER}\r\n{}", rows.map(String::as_str).concat());
    let path = "/imports?schema=ProviderCredential/1";
    let sent = office.request(Method::POST, path).header("content-type", "text/csv");
    let (status, import) = read(sent.body(file).send().await.unwrap()).await;
    assert_eq!(status, 202);
    let path = format!("/imports/{}", import["id"].as_str().unwrap());
    while office.get(&path).await.1["state"] != "finished" {
        tokio::task::yield_now().await;
    }
    let (_, import) = office.get(&path).await;
    assert_eq!((&import["issued"], &import["failed"]), (&json!(1), &json!(2)));
}
