//! Two issuers, one holder, one request: a licence and a DEA registration, and what stays private.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ark_std::rand::rngs::OsRng;
use attestry_circuits::r1cs::CircuitId;
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{Digest, PresentationResponse, Query, ScopeParts};
use attestry_credential::schema::Schema;
use attestry_issuer::{
    IssueRequest, Issuer, IssuerConfig, IssuerKeys, Source, Storage as Register, Validity,
};
use attestry_keys::{KeyStore, Prover};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{
    Account, Accreditation, ClientOptions, LedgerClient, RegistryClient, RegistrySnapshot,
};
use attestry_verifier::{
    AcceptedCircuits, Decision, NewSession, PolicyCatalogue, ReceiptKey, Session, Storage,
    Verifier, VerifierConfig, VerifierParts,
};
use attestry_wallet_core::{
    CircuitProver, KeyDerivation, RegistryView, Session as Answering, VaultStore, Wallet,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// 2027-01-15T08:00:00Z.
const NOW: u64 = 1_800_000_000;
const LICENCE_POLICY: &str = include_str!("../../examples/policies/schedule-two-licence.json");
const REGISTRATION_POLICY: &str =
    include_str!("../../examples/policies/schedule-two-registration.json");
const NAME: &str = "Teodora Lindqvist";
const NPI: &str = "1003357849";
const LICENCE_NUMBER: &str = "C 555777";
/// Made up, with a right check digit: (1+3+5) + 2·(2+4+6) = 33.
const DEA_NUMBER: &str = "BL1234563";

struct Forgetful;

impl VaultStore for Forgetful {
    fn save(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }

    fn append(&mut self, _: u64, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

struct Office {
    issuer: Issuer,
}

impl Office {
    /// An office that the consortium accredits for provider credentials.
    async fn accredited(registry: &RegistryClient, member: &Account, folder: &Path) -> Self {
        let keys = IssuerKeys::random(&mut OsRng);
        let accreditation = Accreditation {
            issuer: keys.address(),
            schema: Schema::ProviderCredential.id(),
            key: keys.attestation_key(),
            accredited_until: NOW + 10_000_000,
        };
        let entry = registry.accredit(&[member], &accreditation).await.unwrap();
        let entries = BTreeMap::from([(Schema::ProviderCredential, entry)]);
        let config = IssuerConfig::new("https://office.example", entries);
        let register = Register::open(folder).await.unwrap();
        let issuer = Issuer::open(config, keys, registry.clone(), register, || NOW).await.unwrap();
        Self { issuer }
    }

    async fn issue(&self, subject: Value, wallet: &mut Wallet) {
        let request = IssueRequest {
            source: Source::Subject(Schema::ProviderCredential, subject),
            holder: wallet.holder_commitment(),
            validity: Validity::default(),
            idempotency_key: None,
        };
        let issued = self.issuer.issue(request, &mut OsRng).await.unwrap().credential;
        let (document, attestation) = (issued.verifiable_credential, issued.attestation);
        wallet.accept(&document.to_string(), &attestation.to_string(), None).unwrap();
    }
}

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

fn wallet() -> Wallet {
    Wallet::create("a passphrase of a test", KeyDerivation::MINIMUM, &mut OsRng).unwrap()
}

fn view(ledger: &RegistrySnapshot) -> RegistryView<'_> {
    ledger.entries.iter().fold(RegistryView::new(&ledger.tree), |view, (entry, list)| {
        view.with_entry(entry.index.as_u32() as usize, entry.leaf, list.as_ref().unwrap())
    })
}

fn answer(
    wallet: &mut Wallet,
    session: &Session,
    ledger: &RegistrySnapshot,
    prover: &CircuitProver,
) -> PresentationResponse {
    let view = view(ledger);
    let chosen = wallet.choose(&session.request, Some(&view), NOW).unwrap().first().unwrap();
    let answering = Answering { request: &session.request, view: &view, prover, now: NOW };
    wallet.present(&answering, &chosen, &mut Forgetful, &mut OsRng).unwrap()
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
    };
    verifier.open_session(asked).await.unwrap()
}

async fn verifier(registry: &RegistryClient, keys: &KeyStore, folder: &Path) -> Verifier {
    let did = registry.identities().did(Account::random(&mut OsRng).address()).await.unwrap();
    let circuit_id = CircuitId::presentation().to_string();
    let circuits =
        AcceptedCircuits::none().with(&circuit_id, keys.verifying_key().unwrap()).unwrap();
    Verifier::new(VerifierParts {
        config: VerifierConfig::new(
            did.to_string().to_lowercase().parse().unwrap(),
            "https://clinic.example".parse().unwrap(),
        ),
        circuits,
        policies: PolicyCatalogue::none(),
        registry: registry.clone(),
        storage: Storage::open(&folder.join("verifier.sqlite")).await.unwrap(),
        receipt_key: ReceiptKey::from_seed(&[9; 32]),
        clock: Arc::new(|| NOW),
        rng: Box::new(OsRng),
    })
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
    let root = env!("CARGO_TARGET_TMPDIR");
    let keys = KeyStore::insecure_development_keys_below(root, &mut OsRng).unwrap();
    let vk_hash = Digest::from_bytes(keys.verifying_key().unwrap().hash());
    let prover = CircuitProver::new(Prover::new(keys.proving_key().unwrap()).unwrap(), vk_hash);

    let ledger = EmbeddedLedger::open(&at("ledger"), || NOW).unwrap();
    let client = LedgerClient::embedded(&ledger, ClientOptions::default());
    let member = Account::random(&mut OsRng);
    let registry = RegistryClient::deploy(client, &member, &[member.address()], 1).await.unwrap();
    let medical_board = Office::accredited(&registry, &member, &at("board")).await;
    let drug_enforcement = Office::accredited(&registry, &member, &at("dea")).await;
    let clinic = verifier(&registry, &keys, folder.path()).await;

    let mut prescriber = wallet();
    medical_board.issue(licence(), &mut prescriber).await;
    drug_enforcement.issue(registration(), &mut prescriber).await;
    let mut colleague = wallet();
    medical_board.issue(licence(), &mut colleague).await;
    drug_enforcement.issue(registration(), &mut colleague).await;
    let public = registry.snapshot().await.unwrap();

    // The clinic accepts, and sees one nullifier for both.
    let session = ask_for_both(&clinic).await;
    let honest = answer(&mut prescriber, &session, &public, &prover);
    let decision = clinic.respond(&session.request.request_id, &honest).await.unwrap();
    assert!(matches!(decision, Decision::Accepted { .. }), "{decision:?}");

    // A licence of one and a registration of another are not one prescriber.
    let session = ask_for_both(&clinic).await;
    let mut pooled = answer(&mut prescriber, &session, &public, &prover);
    let other = answer(&mut colleague, &session, &public, &prover);
    let registration_query = "registration".parse().unwrap();
    let borrowed = other.presentations[&registration_query].clone();
    pooled.presentations.insert(registration_query, borrowed);
    match clinic.respond(&session.request.request_id, &pooled).await.unwrap() {
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
