//! Two issuers, one holder, one request: a licence and a DEA registration, and what stays private.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ark_std::rand::rngs::OsRng;
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{PresentationResponse, Query, ScopeParts};
use attestry_credential::schema::Schema;
use attestry_issuer::{IssuerKeys, Source};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{Account, ClientOptions, LedgerClient, RegistryClient, RegistrySnapshot};
use attestry_service::Actor;
use attestry_tests::{Now, Office, Person, development_keys, prover, verifier};
use attestry_verifier::{Decision, NewSession, Reply, Session, Verifier};
use attestry_wallet_core::CircuitProver;
use serde_json::{Map, Value, json};
use std::path::Path;

/// 2027-01-15T08:00:00Z.
const NOW: Now = || 1_800_000_000;
const LICENCE_POLICY: &str = include_str!("../../examples/policies/schedule-two-licence.json");
const REGISTRATION_POLICY: &str =
    include_str!("../../examples/policies/schedule-two-registration.json");
const NAME: &str = "Teodora Lindqvist";
const NPI: &str = "1003357849";
const LICENCE_NUMBER: &str = "C 555777";
/// Made up, with a right check digit: (1+3+5) + 2·(2+4+6) = 33.
const DEA_NUMBER: &str = "BL1234563";

fn licence() -> Value {
    json!({
        "kind": "licence", "npi": NPI, "licenceNumber": LICENCE_NUMBER, "name": NAME,
        "jurisdiction": "CA", "authority": "single-state", "licenceType": "MD",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2018-03-01", "expiresOn": "2028-02-28"
    })
}

fn registration() -> Value {
    json!({
        "kind": "dea-registration", "npi": NPI, "licenceNumber": DEA_NUMBER, "name": NAME,
        "authority": "federal",
        "status": "active", "deaSchedules": ["II", "III"], "deaState": "CA",
        "expiresOn": "2028-02-28"
    })
}

fn answer(
    person: &mut Person,
    session: &Session,
    ledger: &RegistrySnapshot,
    prover: &CircuitProver,
) -> PresentationResponse {
    person.answer(&session.request, ledger, prover, NOW()).unwrap()
}

async fn ask_for_both(verifier: &Verifier) -> Session {
    let query = |id: &str, policy: &str| {
        let policy = PolicyDocument::from_json(policy.as_bytes()).unwrap();
        let parameters = Map::from_iter([("state".to_owned(), json!("CA"))]);
        Query::new(id.parse().unwrap(), policy, parameters).unwrap()
    };
    let asked = NewSession {
        queries: vec![query("licence", LICENCE_POLICY), query("registration", REGISTRATION_POLICY)],
        scope: ScopeParts { purpose: "prescribing".into(), epoch: 0 },
        purpose: "May you prescribe Schedule II here?".into(),
        count_once: false,
        reply: Reply::default(),
        acknowledged: Vec::new(),
    };
    verifier.open_session(&Actor::operator(), asked).await.unwrap()
}

/// Whether any file below a folder holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prescriber_shows_two_credentials_of_one_holder_and_two_people_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let keys = development_keys(env!("CARGO_TARGET_TMPDIR"));
    let prover = prover(&keys);

    let ledger = EmbeddedLedger::open(&at("ledger"), NOW).unwrap();
    let client = LedgerClient::embedded(&ledger, ClientOptions::default());
    let member = Account::random(&mut OsRng);
    let registry = RegistryClient::deploy(client, &member, &[member.address()], 1).await.unwrap();
    let open = async |name: &str| {
        let (keys, schema) = (IssuerKeys::random(&mut OsRng), Schema::ProviderCredential);
        Office::accredited(&registry, &[&member], keys, schema, &at(name), NOW).await
    };
    let (medical_board, drug_enforcement) = (open("board").await, open("dea").await);
    let clinic = verifier(&registry, &keys, folder.path(), NOW).await;

    let stated = |subject| Source::Subject(Schema::ProviderCredential, subject);
    let (mut prescriber, mut colleague) = (Person::new(), Person::new());
    for person in [&mut prescriber, &mut colleague] {
        medical_board.issue(stated(licence()), person).await;
        drug_enforcement.issue(stated(registration()), person).await;
    }
    let public = registry.snapshot().await.unwrap();

    // The clinic accepts, and sees one nullifier for both.
    let session = ask_for_both(&clinic).await;
    let honest = answer(&mut prescriber, &session, &public, &prover);
    let decision =
        clinic.respond(&Actor::wallet("test"), &session.request.request_id, &honest).await.unwrap();
    assert!(matches!(decision, Decision::Accepted { .. }), "{decision:?}");

    // A licence of one and a registration of another are not one prescriber.
    let session = ask_for_both(&clinic).await;
    let mut pooled = answer(&mut prescriber, &session, &public, &prover);
    let other = answer(&mut colleague, &session, &public, &prover);
    let registration_query = "registration".parse().unwrap();
    let borrowed = other.presentations[&registration_query].clone();
    pooled.presentations.insert(registration_query, borrowed);
    match clinic
        .respond(&Actor::wallet("test"), &session.request.request_id, &pooled)
        .await
        .unwrap()
    {
        Decision::Refused { refusal, .. } => assert_eq!(refusal.reason(), "different-holders"),
        accepted => panic!("{accepted:?}"),
    }

    // What was sent names nobody, and neither does the ledger.
    let sent = serde_json::to_string(&honest).unwrap();
    for personal in [NAME, NPI, LICENCE_NUMBER, DEA_NUMBER] {
        assert!(!sent.contains(personal));
        assert!(!holds(&at("ledger"), personal));
    }
}
