//! A small world: a medical board, a holder with a wallet, and a clinic that asks.

mod answering;
mod choosing;
mod crashing;
mod holding;
mod inquiring;
#[cfg(all(unix, feature = "file"))]
mod killed;
mod pool;
mod receiving;
mod refilling;

use crate::{
    CircuitProver, CredentialId, KeyDerivation, RegistryView, Session, VaultStore, Wallet,
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::registry::{RegistryLeaf, RegistryTree};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_circuits::{Fr, HolderCommitment, IssuerId};
use attestry_credential::presentation::{Digest, FORMAT, Identifier, PresentationRequest};
use attestry_credential::schema::{Schema, Subject};
use attestry_credential::vcdm::{Attestation, Document, StatusEntry};
use serde_json::{Value, json};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// 2026-11-22T00:00:00Z.
const NOW: u64 = 1_795_305_600;
const DAY: u64 = 86_400;
const PASSPHRASE: &str = "correct horse battery";
const LEAF_INDEX: usize = 7;

/// Another generator at each call, so that no two keys are equal.
fn rng() -> StdRng {
    static CALLS: AtomicU64 = AtomicU64::new(1000);
    StdRng::seed_from_u64(CALLS.fetch_add(1, Ordering::Relaxed))
}

fn id(text: &str) -> Identifier {
    text.parse().unwrap()
}

fn vk_hash() -> Digest {
    Digest::from_bytes([0x22; 32])
}

fn new_wallet(seed: u64) -> Wallet {
    let mut rng = StdRng::seed_from_u64(seed);
    Wallet::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut rng).unwrap()
}

/// An accredited issuer of one schema, and the registry that says so.
struct Board {
    key: SigningKey,
    issuer_id: IssuerId,
    schema: Schema,
    status: StatusList,
    leaf: RegistryLeaf,
    tree: RegistryTree,
}

impl Board {
    fn new(schema: Schema) -> Self {
        let key = SigningKey::random(&mut StdRng::seed_from_u64(7));
        let issuer_id = IssuerId::from_address([0xb0; 20]);
        let status = StatusList::new();
        let leaf = RegistryLeaf {
            key: key.verifying_key(),
            issuer_id,
            status_root: status.root(),
            schema: schema.id(),
            version: 0,
            accredited_until: NOW + 3650 * DAY,
        };
        let mut board = Self { key, issuer_id, schema, status, leaf, tree: RegistryTree::new() };
        board.publish();
        board
    }

    /// Brings the registry up to the leaf.
    fn publish(&mut self) {
        self.leaf.status_root = self.status.root();
        self.tree.set(LEAF_INDEX, self.leaf.hash()).unwrap();
    }

    fn revoke(&mut self, status_index: u32) {
        self.status.set(status_index, true).unwrap();
        self.publish();
    }

    fn suspend(&mut self) {
        self.tree.set(LEAF_INDEX, Fr::from(0u64)).unwrap();
    }

    /// A document and its attestation, as the board sends them.
    fn issue(&self, subject: &Value, envelope: Envelope) -> (String, String) {
        let document = Document::new(
            "urn:uuid:0b3d2f6c-4a2e-4d55-9b1e-2f8a6d1c7e90".to_owned(),
            format!("did:ethr:0x7a69:{}", self.issuer_id),
            envelope.holder,
            (envelope.valid_from, envelope.valid_until),
            StatusEntry {
                list: "https://board.example/status/1".to_owned(),
                index: envelope.status_index,
            },
            Subject::from_json(self.schema, subject).unwrap(),
        )
        .unwrap();
        let index = LEAF_INDEX as u32;
        let attestation = Attestation::sign(&document, [8; 16], index, &self.key).unwrap();
        (document.to_json().unwrap().to_string(), attestation.to_json().to_string())
    }

    fn view(&self) -> RegistryView<'_> {
        RegistryView::new(&self.tree).with_entry(LEAF_INDEX, self.leaf, &self.status)
    }
}

/// Keeps what is stored in memory; fails when told to.
#[derive(Default)]
struct MemoryStore {
    sealed: Vec<u8>,
    broken: bool,
}

impl VaultStore for MemoryStore {
    fn save(&mut self, sealed: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the disk is full"));
        }
        self.sealed = sealed.to_vec();
        Ok(())
    }

    fn append(&mut self, at: u64, record: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the disk is full"));
        }
        self.sealed.truncate(at as usize);
        self.sealed.extend_from_slice(record);
        Ok(())
    }
}

impl MemoryStore {
    fn reopen(&self) -> Wallet {
        Wallet::open(&self.sealed, PASSPHRASE).unwrap()
    }
}

fn licensed_in(state: &str) -> Value {
    json!({
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
        "parameters": { "state": state },
    })
}

fn request_for(queries: &[Value]) -> PresentationRequest {
    let prover = CircuitProver::native_check_alone(vk_hash());
    let request = json!({
        "request_id": "r-1",
        "client_id": "did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112233",
        "response_uri": "https://clinic.example/presentations/r-1",
        "nonce": "AAECAwQFBgcICQoLDA0ODw",
        "scope": { "purpose": "shift cover", "epoch": 1 },
        "queries": queries,
        "expires_at": NOW + 300,
        "max_age_s": 600,
        "purpose": "To let you take a shift",
        "format": FORMAT,
        "zk_system_type": [{
            "zkSystemId": "main", "system": "groth16-bn254", "params": prover.params(),
        }],
    });
    PresentationRequest::try_from(request).unwrap()
}

fn physician() -> Value {
    json!({
        "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456", "name": "Alma Reyes",
        "jurisdiction": "CA", "authority": "single-state", "licenceType": "MD",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01", "expiresOn": "2027-06-30",
    })
}

/// What may be varied of a credential's envelope.
#[derive(Clone, Copy)]
struct Envelope {
    holder: HolderCommitment,
    status_index: u32,
    valid_from: u64,
    valid_until: u64,
}

impl Envelope {
    fn of(wallet: &Wallet) -> Self {
        Self {
            holder: wallet.holder_commitment(),
            status_index: 4711,
            valid_from: NOW - 100 * DAY,
            valid_until: NOW + 100 * DAY,
        }
    }
}

/// A wallet that has accepted the board's licence for California.
fn licensed_wallet(board: &Board) -> (Wallet, CredentialId) {
    let mut wallet = new_wallet(1);
    let envelope = Envelope::of(&wallet);
    let (document, attestation) = board.issue(&physician(), envelope);
    let licence = wallet.accept(&document, &attestation, Some(&board.view())).unwrap();
    (wallet, licence)
}
