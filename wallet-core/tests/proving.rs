//! A real proof: a board issues, a physician's wallet proves, a clinic verifies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::registry::{RegistryLeaf, RegistryTree};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_circuits::{IssuerId, r1cs::CircuitId};
use attestry_credential::presentation::{
    Digest, FORMAT, Identifier, Presentation, PresentationRequest, rebuild_statement,
    verify_signature,
};
use attestry_credential::schema::{Schema, Subject};
use attestry_credential::vcdm::{Attestation, Document, StatusEntry};
use attestry_keys::{KeyStore, PreparedVerifyingKey, Proof, Prover, VerifyError};
use attestry_wallet_core::{
    CircuitProver, FileStore, KeyDerivation, RegistryView, Session, Wallet,
};
use serde_json::json;

/// 2026-11-22T00:00:00Z.
const NOW: u64 = 1_795_305_600;
const PASSPHRASE: &str = "correct horse battery";

fn development_keys() -> KeyStore {
    let mut rng = StdRng::seed_from_u64(1);
    KeyStore::insecure_development_keys_below(env!("CARGO_TARGET_TMPDIR"), &mut rng).unwrap()
}

fn clinics_request(vk_hash: Digest) -> PresentationRequest {
    let circuit_hash = Digest::from_bytes(CircuitId::presentation().to_bytes());
    let request = json!({
        "request_id": "r-1",
        "client_id": "did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112233",
        "response_uri": "https://clinic.example/presentations/r-1",
        "nonce": "AAECAwQFBgcICQoLDA0ODw",
        "scope": { "purpose": "shift cover", "epoch": 1 },
        "queries": [{
            "id": "licence",
            "policy": {
                "id": "licensed-in-state", "version": 1, "title": "An active licence in a state",
                "schema": "ProviderCredential/1",
                "require": [
                    { "claim": "status", "op": "eq", "value": "active" },
                    { "claim": "expires_on", "op": "ge", "value": "$today" },
                    { "claim": "jurisdiction", "op": "eq", "value": "$state" },
                    { "claim": "licence_type", "op": "eq", "reveal": true },
                ],
            },
            "parameters": { "state": "CA" },
        }],
        "expires_at": NOW + 300,
        "max_age_s": 600,
        "purpose": "To let you take a shift",
        "format": FORMAT,
        "zk_system_type": [{
            "zkSystemId": "main", "system": "groth16-bn254",
            "params": { "circuit_hash": circuit_hash, "vk_hash": vk_hash },
        }],
    });
    PresentationRequest::try_from(request).unwrap()
}

/// What the clinic does with an answer, given its own request and verifying key.
fn clinic_verifies(
    request: &PresentationRequest,
    presentation: &Presentation,
    key: &PreparedVerifyingKey,
) -> Result<(), VerifyError> {
    let query = &request.queries[0];
    let statement = rebuild_statement(request, query, &presentation.parts).unwrap();
    let proof = Proof::from_bytes(&presentation.proof)?;
    key.verify_statement(statement, &proof).map(|_| ())
}

#[test]
fn the_clinic_verifies_what_the_physicians_wallet_proved_ahead_of_time() {
    let mut rng = StdRng::seed_from_u64(3);
    let keys = development_keys();
    let verifying_key = keys.verifying_key().unwrap();
    let vk_hash = Digest::from_bytes(verifying_key.hash());
    let clinics_key = PreparedVerifyingKey::new(verifying_key);
    let prover = CircuitProver::new(Prover::new(keys.proving_key().unwrap()).unwrap(), vk_hash);

    // The board knows its key and what it attests.
    let boards_key = SigningKey::random(&mut rng);
    let board = IssuerId::from_address([0xb0; 20]);
    let mut physicians_wallet =
        Wallet::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut rng).unwrap();
    let licence = json!({
        "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456",
        "name": "Alma Reyes", "jurisdiction": "CA", "authority": "single-state",
        "licenceType": "MD", "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01",
        "expiresOn": "2027-06-30",
    });
    let document = Document::new(
        "urn:uuid:0b3d2f6c-4a2e-4d55-9b1e-2f8a6d1c7e90".to_owned(),
        format!("did:ethr:0x7a69:{board}"),
        physicians_wallet.holder_commitment(),
        (NOW - 1000, NOW + 1_000_000),
        StatusEntry { list: "https://board.example/status/1".to_owned(), index: 4711 },
        Subject::from_json(Schema::ProviderCredential, &licence).unwrap(),
    )
    .unwrap();
    let attestation = Attestation::sign(&document, [8; 16], 7, &boards_key).unwrap();

    // The ledger shows everybody the registry and the list.
    let list = StatusList::new();
    let leaf = RegistryLeaf {
        key: boards_key.verifying_key(),
        issuer_id: board,
        status_root: list.root(),
        schema: Schema::ProviderCredential.id(),
        version: 0,
        accredited_until: NOW + 10_000_000,
    };
    let mut registry = RegistryTree::new();
    registry.set(7, leaf.hash()).unwrap();
    let view = RegistryView::new(&registry).with_entry(7, leaf, &list);

    // The physician accepts the licence and proves before the challenge exists.
    let document = document.to_json().unwrap().to_string();
    let attestation = attestation.to_json().to_string();
    let licence = physicians_wallet.accept(&document, &attestation, Some(&view)).unwrap();
    let query: Identifier = "licence".parse().unwrap();
    let earlier = clinics_request(vk_hash);
    let session = Session { request: &earlier, view: &view, prover: &prover, now: NOW };
    physicians_wallet.prepare(&session, &query, &licence, &mut rng).unwrap();

    // The clinic asks; the answer takes the proof out of the stored wallet before it leaves.
    let mut request = earlier.clone();
    request.nonce = "EBESExQVFhcYGRobHB0eHw".parse().unwrap();
    let session = Session { request: &request, now: NOW + 20, ..session };
    let folder = tempfile::tempdir().unwrap();
    let mut store = FileStore::open(folder.path().join("wallet")).unwrap();
    physicians_wallet.save(&mut store, &mut rng).unwrap();
    let chosen = physicians_wallet.choose(&request, Some(&view), NOW + 20).unwrap();
    let chosen = chosen.first().unwrap();
    let response = physicians_wallet.present(&session, &chosen, &mut store, &mut rng).unwrap();
    let reopened = Wallet::open(&store.load().unwrap().unwrap(), PASSPHRASE).unwrap();
    assert_eq!((reopened.pool_size(), reopened.log().len()), (0, 1));

    // What arrives is small, signed for this challenge, and proven.
    let sent = response.presentations[&query].to_bytes();
    assert!(sent.len() <= 500, "{} bytes", sent.len());
    let received = Presentation::from_bytes(&sent).unwrap();
    response.check_complete(&request).unwrap();
    verify_signature(&received, &request, &request.queries[0]).unwrap();
    assert_eq!(received.parts.registry_root, registry.root());
    assert_eq!(clinic_verifies(&request, &received, &clinics_key), Ok(()));

    // Nothing of the statement can be exchanged.
    assert!(verify_signature(&received, &earlier, &earlier.queries[0]).is_err());
    let mut other_scope = request.clone();
    other_scope.scope.epoch += 1;
    let refused = Err(VerifyError::InvalidProof);
    assert_eq!(clinic_verifies(&other_scope, &received, &clinics_key), refused);
    let mut disclosing_otherwise = received.clone();
    let disclosed = received.parts.disclosed.clone().with("licence_type", "DO");
    disclosing_otherwise.parts.disclosed = disclosed;
    assert_eq!(clinic_verifies(&request, &disclosing_otherwise, &clinics_key), refused);
    let mut under_another_key = received.clone();
    under_another_key.parts.presentation_key[0] ^= 1;
    assert_eq!(clinic_verifies(&request, &under_another_key, &clinics_key), refused);
    let mut later = received.clone();
    later.parts.now += 1;
    assert_eq!(clinic_verifies(&request, &later, &clinics_key), refused);
}
