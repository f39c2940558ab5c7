//! A presentation from the pool: what the verifier waits for, and what it is sent.

use crate::measure::time_each;
use anyhow::{Context, Result, ensure};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::IssuerId;
use attestry_circuits::registry::{RegistryLeaf, RegistryTree};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{
    Digest, Format, Nonce, Presentation, PresentationRequest, Query, ScopeParts, ZkParams,
    ZkSystem, rebuild_statement, verify_signature,
};
use attestry_credential::schema::{Schema, Subject};
use attestry_credential::vcdm::{Attestation, Document, StatusEntry};
use attestry_keys::{KeyStore, PreparedVerifyingKey, Proof, Prover};
use attestry_wallet_core::{
    CircuitProver, CredentialId, FileStore, KeyDerivation, RegistryView, Session, Wallet,
};
use serde_json::json;
use std::time::Duration;

/// 2026-11-22T00:00:00Z.
const NOW: u64 = 1_795_305_600;
const PASSPHRASE: &str = "a passphrase for measurements";
const POLICY: &str = include_str!("../../examples/policies/licensed-in-state.json");
/// Place of the board in the registry.
const ENTRY: u32 = 7;
/// Verifiers that ask, in turn.
const VERIFIERS: usize = 3;
/// Requests of each.
const REQUESTS: usize = 9;

/// The figures of showing.
#[derive(Debug)]
pub struct Shown {
    /// Median of answering a request that the holder has agreed to: admission, the answer's
    /// record made durable in the wallet's file, the one-time key's signature, the compact bytes.
    pub time: Duration,
    /// Length of those bytes, of a question whose answer discloses nothing.
    pub bytes: usize,
}

/// Proves ahead, opens the wallet again as after a restart, and answers from the pool; every
/// answer is decoded from its bytes and verified.
///
/// The wallet's file stands beside this program, where writing is as durable as the disk is.
///
/// # Errors
/// If anything fails that should not, or an answer is not from the pool or not verified.
pub fn run(keys: &KeyStore, rng: &mut (impl RngCore + CryptoRng)) -> Result<Shown> {
    let verifier = PreparedVerifyingKey::new(keys.verifying_key()?);
    let vk_hash = Digest::from_bytes(verifier.key().hash());
    let prover = CircuitProver::new(Prover::new(keys.proving_key()?)?, vk_hash);

    let boards_key = SigningKey::random(rng);
    let list = StatusList::new();
    let leaf = RegistryLeaf {
        key: boards_key.verifying_key(),
        issuer_id: IssuerId::from_address([0xb0; 20]),
        status_root: list.root(),
        schema: Schema::ProviderCredential.id(),
        version: 0,
        accredited_until: NOW + 10_000_000,
    };
    let mut registry = RegistryTree::new();
    registry.set(ENTRY as usize, leaf.hash())?;
    let view = RegistryView::new(&registry).with_entry(ENTRY as usize, leaf, &list);

    let program = std::env::current_exe()?;
    let beside = program.parent().context("the program is in no folder")?;
    let folder = tempfile::tempdir_in(beside)?;
    let mut store = FileStore::open(folder.path().join("wallet"))?;
    let mut wallet = Wallet::create(PASSPHRASE, KeyDerivation::MINIMUM, rng)?;
    let licence = licence(&mut wallet, &boards_key, leaf.issuer_id)?;
    for number in 0..VERIFIERS {
        let request = request(number, prover.params(), rng)?;
        wallet.keep_ready(&request, &request.queries[0].id, &licence, REQUESTS)?;
    }
    wallet.save(&mut store, rng)?;
    while wallet.refill_step(&view, &prover, NOW, &mut store, rng)? {}
    drop(wallet);

    let stored = store.load()?.context("nothing was stored")?;
    let mut wallet = Wallet::open(&stored, PASSPHRASE)?;
    ensure!(wallet.pool_size() == VERIFIERS * REQUESTS, "the pool did not survive");
    let requests = (0..VERIFIERS * REQUESTS)
        .map(|number| request(number, prover.params(), rng))
        .collect::<Result<Vec<_>>>()?;
    let (time, answers) = time_each(&requests, |request| {
        let session = Session { request, view: &view, prover: &prover, now: NOW + 20 };
        let query = &request.queries[0].id;
        let chosen = [(query.clone(), licence)].into();
        let response = wallet.present(&session, &chosen, &mut store, rng)?;
        let bytes = response.presentations.get(query).map(Presentation::to_bytes);
        bytes.context("the query is not answered")
    })?;
    ensure!(wallet.pool_size() == 0, "an answer was not from the pool");
    for (request, bytes) in requests.iter().zip(&answers) {
        check(request, bytes, &verifier)?;
    }
    let bytes = answers.iter().map(Vec::len).max().context("nothing was shown")?;
    Ok(Shown { time, bytes })
}

/// What the verifier does with the bytes.
fn check(
    request: &PresentationRequest,
    bytes: &[u8],
    verifier: &PreparedVerifyingKey,
) -> Result<()> {
    let presentation = Presentation::from_bytes(bytes)?;
    let query = &request.queries[0];
    verify_signature(&presentation, request, query)?;
    let statement = rebuild_statement(request, query, &presentation.parts)?;
    verifier.verify_statement(statement, &Proof::from_bytes(&presentation.proof)?)?;
    Ok(())
}

/// A licence for California, taken into the wallet.
fn licence(wallet: &mut Wallet, key: &SigningKey, board: IssuerId) -> Result<CredentialId> {
    let subject = json!({
        "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456", "name": "Alma Reyes",
        "jurisdiction": "CA", "authority": "single-state", "licenceType": "MD",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01", "expiresOn": "2027-06-30",
    });
    let document = Document::new(
        "urn:uuid:0b3d2f6c-4a2e-4d55-9b1e-2f8a6d1c7e90".to_owned(),
        format!("did:ethr:0x7a69:{board}"),
        wallet.holder_commitment(),
        (NOW - 1000, NOW + 1_000_000),
        StatusEntry { list: "https://board.example/status/1".to_owned(), index: 4711 },
        Subject::from_json(Schema::ProviderCredential, &subject)?,
    )?;
    let attestation = Attestation::sign(&document, [8; 16], ENTRY, key)?.to_json().to_string();
    Ok(wallet.accept(&document.to_json()?.to_string(), &attestation, None)?)
}

/// The request of this number: the verifiers ask in turn, each time with a new challenge.
fn request(
    number: usize,
    params: ZkParams,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<PresentationRequest> {
    let verifier = number % VERIFIERS;
    let parameters = [("state".to_owned(), json!("CA"))].into_iter().collect();
    let policy = PolicyDocument::from_json(POLICY.as_bytes())?;
    Ok(PresentationRequest {
        request_id: format!("r-{number}").parse()?,
        client_id: format!("did:ethr:0x7a69:0x{verifier:040x}").parse()?,
        response_uri: format!("https://clinic-{verifier}.example/presentations/{number}")
            .parse()?,
        nonce: Nonce::random(rng),
        scope: ScopeParts { purpose: "shift cover".to_owned(), epoch: 1 },
        queries: vec![Query::new("licence".parse()?, policy, parameters)?],
        expires_at: NOW + 300,
        max_age_s: 600,
        purpose: "To let you take a shift".to_owned(),
        format: Format::default(),
        zk_system_type: vec![ZkSystem::new("main".parse()?, params.circuit_hash, params.vk_hash)],
    })
}
