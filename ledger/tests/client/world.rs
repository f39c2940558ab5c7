//! A deployment on an embedded ledger, behind a node that the test scripts.

use crate::node::{Node, ask};
use alloy::primitives::B256;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{Account, ClientOptions, LedgerClient, LedgerError, RegistryClient};
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) ledger: EmbeddedLedger,
    /// A client that no fault reaches.
    pub(crate) registry: RegistryClient,
    pub(crate) member: Account,
    pub(crate) node: Node,
}

/// Does not wait long for what does not come.
pub(crate) fn impatient() -> ClientOptions {
    ClientOptions {
        request_timeout: Duration::from_secs(2),
        deadline: Duration::from_secs(30),
        resend_after: Duration::from_millis(200),
        quorum_timeout: Duration::from_secs(1),
        ..ClientOptions::default()
    }
}

pub(crate) fn account(seed: u64) -> Account {
    Account::random(&mut StdRng::seed_from_u64(seed))
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = EmbeddedLedger::open(&folder.path().join("ledger"), || 1_800_000_000).unwrap();
        let client = LedgerClient::embedded(&ledger, ClientOptions::default());
        let member = account(1);
        let registry =
            RegistryClient::deploy(client, &member, &[member.address()], 1).await.unwrap();
        let node = Node::start(&ledger).await;
        Self { folder, ledger, registry, member, node }
    }

    /// The deployment as seen through the node.
    pub(crate) fn through_node(&self, options: ClientOptions) -> RegistryClient {
        self.over(LedgerClient::http(&self.node.url, options).unwrap())
    }

    pub(crate) fn over(&self, client: LedgerClient) -> RegistryClient {
        RegistryClient::at(client, *self.registry.deployment())
    }

    /// How many transactions of an account are mined.
    pub(crate) fn mined(&self, account: &Account) -> u64 {
        let count =
            ask(&self.ledger, "eth_getTransactionCount", json!([account.address(), "latest"]));
        u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }
}

/// An act of any account: it says something about itself.
pub(crate) async fn act(
    registry: &RegistryClient,
    account: &Account,
    what: u8,
) -> Result<(), LedgerError> {
    let name = B256::repeat_byte(what);
    let identities = registry.identities();
    identities.set_attribute(account, account.address(), name, vec![what].into(), 86_400).await
}
