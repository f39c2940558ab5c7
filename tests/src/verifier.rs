//! A clinic or a sponsor, and the keys that proofs are made and checked with.

use crate::Now;
use ark_std::rand::rngs::OsRng;
use attestry_circuits::r1cs::CircuitId;
use attestry_credential::presentation::Digest;
use attestry_keys::{KeyStore, Prover};
use attestry_ledger::{Account, RegistryClient};
use attestry_service::{DatabaseUrl, TenantId};
use attestry_verifier::{
    AcceptedCircuits, PolicyCatalogue, ReceiptKey, Storage, Verifier, VerifierConfig, VerifierParts,
};
use attestry_wallet_core::CircuitProver;
use std::path::Path;
use std::sync::Arc;

/// Development keys, made once for all runs below this folder.
pub fn development_keys(root: &str) -> KeyStore {
    KeyStore::insecure_development_keys_below(root, &mut OsRng).unwrap()
}

/// The wallets' prover.
pub fn prover(keys: &KeyStore) -> CircuitProver {
    let vk_hash = Digest::from_bytes(keys.verifying_key().unwrap().hash());
    CircuitProver::new(Prover::new(keys.proving_key().unwrap()).unwrap(), vk_hash)
}

/// A verifier that reads the registry, with its database in a folder.
pub async fn verifier(
    registry: &RegistryClient,
    keys: &KeyStore,
    folder: &Path,
    now: Now,
) -> Verifier {
    let account = Account::random(&mut OsRng);
    let did = registry.identities().did(account.address()).await.unwrap();
    let circuit_id = CircuitId::presentation().to_string();
    let circuits =
        AcceptedCircuits::none().with(&circuit_id, keys.verifying_key().unwrap()).unwrap();
    let url = DatabaseUrl::Sqlite(folder.join("verifier.sqlite"));
    Verifier::new(VerifierParts {
        config: VerifierConfig::new(
            did.to_string().to_lowercase().parse().unwrap(),
            "https://clinic.example".parse().unwrap(),
        ),
        circuits,
        policies: PolicyCatalogue::none(),
        registry: registry.clone(),
        storage: Storage::open(&url, TenantId::default()).await.unwrap(),
        account,
        receipt_key: ReceiptKey::from_seed(&[9; 32]),
        clock: Arc::new(now),
        rng: Box::new(OsRng),
    })
}
