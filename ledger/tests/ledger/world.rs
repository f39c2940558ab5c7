//! A consortium of three, two of whom decide, on a ledger whose clock the test moves.

use alloy::consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::{Ethereum, TxSignerSync};
use alloy::primitives::{TxKind, U256};
use alloy::providers::RootProvider;
use alloy::rpc::client::RpcClient;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::SolCall;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::SchemaId;
use attestry_circuits::schnorr::{SigningKey, VerifyingKey};
use attestry_ledger::embedded::{EMBEDDED_CHAIN_ID, EmbeddedLedger};
use attestry_ledger::{
    Account, AccountKey, Accreditation, Address, ClientOptions, EntryIndex, LedgerClient,
    LedgerError, RegistryClient,
};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

sol!(IssuerRegistry, "../contracts/artifacts/IssuerRegistry.json");
sol! {
    function setAttribute(address identity, bytes32 name, bytes value, uint256 validity);
    function revokeAttribute(address identity, bytes32 name, bytes value);
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity);
    function revokeDelegate(address identity, bytes32 delegateType, address delegate);
    function changeOwner(address identity, address newOwner);
}

pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const SCHEMA: SchemaId = SchemaId { id: 1, version: 1 };

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) ledger: EmbeddedLedger,
    pub(crate) client: LedgerClient,
    pub(crate) members: [Account; 3],
    pub(crate) registry: RegistryClient,
    pub(crate) rng: StdRng,
}

pub(crate) fn open(
    folder: &TempDir,
    clock: &Arc<AtomicU64>,
) -> Result<EmbeddedLedger, LedgerError> {
    let clock = Arc::clone(clock);
    EmbeddedLedger::open(folder.path(), move || clock.load(Ordering::SeqCst))
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(START));
        let ledger = open(&folder, &clock).unwrap();
        let client = LedgerClient::embedded(&ledger, ClientOptions::default());
        let mut rng = StdRng::seed_from_u64(7);
        let members: [Account; 3] = std::array::from_fn(|_| Account::random(&mut rng));
        let addresses = members.each_ref().map(Account::address);
        let registry =
            RegistryClient::deploy(client.clone(), &members[0], &addresses, 2).await.unwrap();
        Self { folder, clock, ledger, client, members, registry, rng }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn account(&mut self) -> Account {
        Account::from(&self.account_key())
    }

    pub(crate) fn account_key(&mut self) -> AccountKey {
        AccountKey::random(&mut self.rng)
    }

    pub(crate) fn key(&mut self) -> VerifyingKey {
        SigningKey::random(&mut self.rng).verifying_key()
    }

    pub(crate) fn two(&self) -> [&Account; 2] {
        [&self.members[0], &self.members[1]]
    }

    pub(crate) fn accreditation(&mut self, issuer: Address) -> Accreditation {
        Accreditation {
            issuer,
            schema: SCHEMA,
            key: self.key(),
            accredited_until: START + 1_000_000,
        }
    }

    /// alloy's bare provider on the ledger.
    pub(crate) fn provider(&self) -> RootProvider<Ethereum> {
        RootProvider::new(RpcClient::new(self.ledger.transport(), true))
    }

    /// A JSON-RPC request that sets a 32-byte attribute, with the nonce that the test wants.
    pub(crate) fn raw_set_attribute(
        &self,
        account: &AccountKey,
        nonce: u64,
        name: &str,
        key: u8,
    ) -> Vec<u8> {
        let mut padded = [0; 32];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        let call = setAttributeCall {
            identity: account.address(),
            name: padded.into(),
            value: vec![key; 32].into(),
            validity: U256::from(86_400),
        };
        self.raw_call(account, nonce, self.registry.deployment().did_registry, &call)
    }

    /// A JSON-RPC request that calls a contract, with the nonce that the test wants.
    pub(crate) fn raw_call(
        &self,
        account: &AccountKey,
        nonce: u64,
        to: Address,
        call: &impl SolCall,
    ) -> Vec<u8> {
        let raw = signed_call(account, nonce, to, call);
        let params = json!([format!("0x{}", hex::encode(raw))]);
        json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": params })
            .to_string()
            .into_bytes()
    }

    pub(crate) async fn accredit(&mut self) -> (Account, EntryIndex) {
        let issuer = self.account();
        let index = self.accredit_issuer(issuer.address()).await;
        (issuer, index)
    }

    pub(crate) async fn accredit_issuer(&mut self, issuer: Address) -> EntryIndex {
        let accreditation = self.accreditation(issuer);
        self.registry.accredit(&self.two(), &accreditation).await.unwrap()
    }
}

/// A signed call of a contract.
pub(crate) fn signed_call(
    account: &AccountKey,
    nonce: u64,
    to: Address,
    call: &impl SolCall,
) -> Vec<u8> {
    signed(account, nonce, TxKind::Call(to), call.abi_encode())
}

/// A signed transaction.
pub(crate) fn signed(account: &AccountKey, nonce: u64, kind: TxKind, input: Vec<u8>) -> Vec<u8> {
    let mut transaction = TxLegacy {
        chain_id: Some(EMBEDDED_CHAIN_ID),
        nonce,
        gas_limit: 6_000_000,
        to: kind,
        input: input.into(),
        ..TxLegacy::default()
    };
    let signer = PrivateKeySigner::from_slice(&account.to_bytes()[..]).unwrap();
    let signature = signer.sign_transaction_sync(&mut transaction).unwrap();
    TxEnvelope::Legacy(transaction.into_signed(signature)).encoded_2718()
}

/// The name of the contract error in a result.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> String {
    match result {
        Err(LedgerError::Reverted { name }) => name,
        other => panic!("expected a contract's refusal, got {other:?}"),
    }
}
