//! did:ethr identities over ERC-1056: keys and owners as events, documents from them.

mod base58;
mod document;
mod history;

pub use document::{DidDocument, Resolution, VerificationMethod};

use crate::contracts::EthereumDIDRegistry as Registry;
use crate::{Account, LedgerClient, LedgerError};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use attestry_circuits::schnorr::VerifyingKey;
use serde_json::Value;
use std::str::FromStr;

/// A did:ethr identifier: `did:ethr:0x<chain id, hexadecimal>:0x<address>`.
///
/// It is written with the checksummed address, and read in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EthrDid {
    chain_id: u64,
    address: Address,
}

impl EthrDid {
    /// The identity of an address on a chain.
    pub fn new(chain_id: u64, address: Address) -> Self {
        Self { chain_id, address }
    }

    /// The chain.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The identity's address. Its owner may be another account.
    pub fn address(&self) -> Address {
        self.address
    }
}

impl std::fmt::Display for EthrDid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "did:ethr:{:#x}:{}", self.chain_id, self.address.to_checksum(None))
    }
}

impl FromStr for EthrDid {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let parse = || {
            let (chain, address) = text.strip_prefix("did:ethr:0x")?.split_once(":0x")?;
            let canonical = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
            if !canonical(chain) || !canonical(address) || address.len() != 40 {
                return None;
            }
            let chain_id = u64::from_str_radix(chain, 16).ok()?;
            Some(Self { chain_id, address: address.parse().ok()? })
        };
        parse().ok_or(LedgerError::InvalidDid)
    }
}

/// A verification key that an identity can publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DidKey {
    /// For W3C credentials: `did/pub/Ed25519/veriKey/base58`.
    Ed25519([u8; 32]),
    /// For attestations: `did/pub/BabyJubJub/veriKey/hex`, x ‖ y, 32 bytes big-endian each.
    BabyJubJub(VerifyingKey),
}

impl DidKey {
    fn attribute(&self) -> (B256, Bytes) {
        let (name, value) = match self {
            Self::Ed25519(key) => ("did/pub/Ed25519/veriKey/base58", Bytes::copy_from_slice(key)),
            Self::BabyJubJub(key) => {
                ("did/pub/BabyJubJub/veriKey/hex", Bytes::copy_from_slice(&key.to_bytes()))
            }
        };
        let mut padded = [0; 32];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        (padded.into(), value)
    }
}

/// What another account may do for an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelegateRole {
    /// Sign assertions: `veriKey`.
    Sign,
    /// Sign assertions and authenticate: `sigAuth`.
    Authenticate,
}

impl DelegateRole {
    fn name(self) -> B256 {
        let mut padded = [0; 32];
        padded[..7].copy_from_slice(match self {
            Self::Sign => b"veriKey",
            Self::Authenticate => b"sigAuth",
        });
        padded.into()
    }
}

/// The identities of an ERC-1056 registry. An account is its own identity, without any transaction.
#[derive(Clone, Debug)]
pub struct Identities {
    client: LedgerClient,
    registry: Address,
}

impl Identities {
    pub(crate) fn new(client: LedgerClient, registry: Address) -> Self {
        Self { client, registry }
    }

    /// The DID of an address on this ledger.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`], [`LedgerError::TimedOut`].
    pub async fn did(&self, address: Address) -> Result<EthrDid, LedgerError> {
        Ok(EthrDid::new(self.client.chain_id().await?, address))
    }

    /// Publishes a key, valid for `validity_s` seconds from now.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `bad_actor` if the account does not own the identity; those of sending.
    pub async fn publish_key(
        &self,
        owner: &Account,
        identity: Address,
        key: &DidKey,
        validity_s: u64,
    ) -> Result<(), LedgerError> {
        let (name, value) = key.attribute();
        self.set_attribute(owner, identity, name, value, validity_s).await
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// As [`Identities::publish_key`].
    pub async fn revoke_key(
        &self,
        owner: &Account,
        identity: Address,
        key: &DidKey,
    ) -> Result<(), LedgerError> {
        let (name, value) = key.attribute();
        self.send(owner, Registry::revokeAttributeCall { identity, name, value }).await
    }

    /// Publishes any ERC-1056 attribute, such as a service endpoint.
    ///
    /// # Errors
    /// As [`Identities::publish_key`].
    pub async fn set_attribute(
        &self,
        owner: &Account,
        identity: Address,
        name: B256,
        value: Bytes,
        validity_s: u64,
    ) -> Result<(), LedgerError> {
        let validity = U256::from(validity_s);
        self.send(owner, Registry::setAttributeCall { identity, name, value, validity }).await
    }

    /// Lets another account act for an identity, for `validity_s` seconds from now.
    ///
    /// # Errors
    /// As [`Identities::publish_key`].
    pub async fn add_delegate(
        &self,
        owner: &Account,
        identity: Address,
        role: DelegateRole,
        delegate: Address,
        validity_s: u64,
    ) -> Result<(), LedgerError> {
        let (role, validity) = (role.name(), U256::from(validity_s));
        self.send(
            owner,
            Registry::addDelegateCall { identity, delegateType: role, delegate, validity },
        )
        .await
    }

    /// Takes a delegate's role away.
    ///
    /// # Errors
    /// As [`Identities::publish_key`].
    pub async fn revoke_delegate(
        &self,
        owner: &Account,
        identity: Address,
        role: DelegateRole,
        delegate: Address,
    ) -> Result<(), LedgerError> {
        let call = Registry::revokeDelegateCall { identity, delegateType: role.name(), delegate };
        self.send(owner, call).await
    }

    /// Hands an identity to another account.
    ///
    /// # Errors
    /// As [`Identities::publish_key`].
    pub async fn change_owner(
        &self,
        owner: &Account,
        identity: Address,
        new_owner: Address,
    ) -> Result<(), LedgerError> {
        self.send(owner, Registry::changeOwnerCall { identity, newOwner: new_owner }).await
    }

    /// Deactivates an identity for good: its owner becomes nobody.
    ///
    /// # Errors
    /// As [`Identities::publish_key`].
    pub async fn deactivate(&self, owner: &Account, identity: Address) -> Result<(), LedgerError> {
        self.change_owner(owner, identity, Address::ZERO).await
    }

    /// The document of a DID, as of `now` (Unix seconds), from all its events.
    ///
    /// # Errors
    /// [`LedgerError::InvalidDid`] if it is on another chain; [`LedgerError::Malformed`] if the node lacks events that
    /// the contract points to; those of reading.
    pub async fn resolve(&self, did: &EthrDid, now: u64) -> Result<Resolution, LedgerError> {
        self.resolve_until(did, now, None).await
    }

    /// The same, or none if the identity is on another ledger.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn resolve_here(
        &self,
        did: &EthrDid,
        now: u64,
    ) -> Result<Option<Resolution>, LedgerError> {
        if self.did(did.address()).await? != *did {
            return Ok(None);
        }
        Ok(Some(self.resolve(did, now).await?))
    }

    /// The DID document as JSON; none if the text is no did:ethr of this ledger.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn document(&self, did: &str, now: u64) -> Result<Option<Value>, LedgerError> {
        let Ok(did) = did.parse() else { return Ok(None) };
        let Some(resolution) = self.resolve_here(&did, now).await? else { return Ok(None) };
        let document = serde_json::to_value(resolution.document);
        document.map(Some).map_err(|_| LedgerError::Malformed("a DID document has no JSON"))
    }

    /// The document of a DID as it was in a block, as of that block's time.
    ///
    /// # Errors
    /// As [`Identities::resolve`]; [`LedgerError::Malformed`] if there is no such block.
    pub async fn resolve_version(
        &self,
        did: &EthrDid,
        block: u64,
    ) -> Result<Resolution, LedgerError> {
        let now = self.client.time_of(block.into()).await?;
        self.resolve_until(did, now, Some(block)).await
    }

    async fn resolve_until(
        &self,
        did: &EthrDid,
        now: u64,
        last: Option<u64>,
    ) -> Result<Resolution, LedgerError> {
        if did.chain_id() != self.client.chain_id().await? {
            return Err(LedgerError::InvalidDid);
        }
        let history = self.history(did.address()).await?;
        let assembled = document::assemble(did, &history, now, last);
        Ok(Resolution {
            document: assembled.document,
            deactivated: assembled.deactivated,
            updated: self.with_time(assembled.version).await?,
            next_update: self.with_time(assembled.next_version).await?,
        })
    }

    /// A block with its time.
    async fn with_time(&self, block: Option<u64>) -> Result<Option<(u64, u64)>, LedgerError> {
        match block {
            Some(block) => Ok(Some((block, self.client.time_of(block.into()).await?))),
            None => Ok(None),
        }
    }

    async fn send(&self, account: &Account, call: impl SolCall) -> Result<(), LedgerError> {
        self.client.send(account, self.registry, call).await.map(|_| ())
    }
}
