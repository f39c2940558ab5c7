//! Nothing that a holder discloses reaches the log.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

use attestry_credential::policy::Disclosed;
use attestry_service::Actor;
use attestry_verifier::Refusal;
use serde_json::{Map, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{World, asked, is_accepted, only, query, refusal};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_disclosed_value_is_logged_or_printed_for_debugging() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let world = World::new().await;
    let nurse = world.nurse(4);
    let npi = json!({
        "id": "which-npi", "version": 1, "title": "Who", "schema": "ProviderCredential/1",
        "require": [{ "claim": "npi", "op": "eq", "reveal": true }]
    });
    let open = async || {
        let asked = asked(vec![query("q1", &npi, Map::new())], 0, false);
        world.verifier.open_session(&Actor::operator(), asked).await.unwrap()
    };
    let session = open().await;
    let answer = world.answer(&nurse, &session.request).await;
    let verified = world.verifier.check(&session.request, &answer, world.now()).await.unwrap();
    assert!(is_accepted(&world.decide(&session, &answer).await));
    let outcome = world.verifier.outcome(&session.id).await.unwrap();

    let session = open().await;
    let mut answer = world.answer(&nurse, &session.request).await;
    only(&mut answer).parts.disclosed = Disclosed::none().with("npi", "1234567893");
    assert_eq!(refusal(world.decide(&session, &answer).await), Refusal::Altered);

    let mut text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("accepted") && text.contains("altered"));
    text.push_str(&format!("{verified:?} {outcome:?} {answer:?}"));
    for npi in ["1003310905", "1234567893", "3bcd4f39", "499602d5"] {
        assert!(!text.contains(npi), "{npi}");
    }
}
