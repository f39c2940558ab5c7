//! A deployment with its consortium, offices, verifiers and people.

use crate::chain::Chain;
use crate::now;
use ark_std::rand::rngs::OsRng;
use attestry_credential::schema::Schema;
use attestry_issuer::IssuerKeys;
use attestry_keys::KeyStore;
use attestry_keys::interop::solidity::verifying_key_words;
use attestry_ledger::{Account, RegistryClient};
use attestry_tests::{Office, development_keys};
use std::path::PathBuf;
use tempfile::TempDir;

/// Three members, of whom two decide.
pub(crate) struct World {
    pub(crate) chain: Chain,
    pub(crate) registry: RegistryClient,
    pub(crate) members: Vec<Account>,
    pub(crate) keys: KeyStore,
    folder: TempDir,
}

impl World {
    pub(crate) async fn deployed() -> Self {
        let chain = Chain::open().await;
        let mut members = Vec::new();
        for _ in 0..3 {
            members.push(chain.account().await);
        }
        let addresses: Vec<_> = members.iter().map(Account::address).collect();
        let (client, deployer) = (chain.client.clone(), &members[0]);
        let registry = RegistryClient::deploy(client, deployer, &addresses, 2).await.unwrap();
        let keys = development_keys(env!("CARGO_TARGET_TMPDIR"));
        let verifying_key = verifying_key_words(&keys.verifying_key().unwrap());
        let registry =
            registry.deploy_presentation_verifier(deployer, &verifying_key).await.unwrap();
        // Whoever knows the book finds the rest.
        let book = registry.deployment().address_book;
        let found = RegistryClient::open(chain.client.clone(), book).await.unwrap();
        assert_eq!(found.deployment(), registry.deployment());
        Self { chain, registry, members, keys, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn signers(&self) -> Vec<&Account> {
        self.members.iter().collect()
    }

    /// A folder of its own for a service.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Keys whose account can pay for gas.
    pub(crate) async fn issuer_keys(&self) -> IssuerKeys {
        let keys = IssuerKeys::random(&mut OsRng);
        self.chain.fund(keys.address()).await;
        keys
    }

    /// An accredited office.
    pub(crate) async fn office(&self, name: &str, schema: Schema) -> Office {
        let (keys, folder) = (self.issuer_keys().await, self.folder(name));
        Office::accredited(&self.registry, &self.signers(), keys, schema, &folder, now).await
    }
}
