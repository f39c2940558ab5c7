//! The issuer registry of a deployment: what it is, what it says, and what issuers publish.

use super::{Deployment, LedgerClient};
use crate::contracts::IssuerRegistry;
use crate::{Account, Identities, LedgerError};
use alloy::primitives::{Address, U256};
use alloy::sol_types::SolCall;
use attestry_circuits::field::{Fr, from_be_bytes, to_be_bytes};
use attestry_circuits::registry::{RegistryLeaf, RegistryRoot};
use attestry_circuits::schnorr::VerifyingKey;
use attestry_circuits::status::{StatusList, StatusRoot};
use attestry_circuits::{IssuerId, SchemaId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Place of an entry in the registry, and of its leaf in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryIndex(u32);

impl EntryIndex {
    /// The place as a number, from 0.
    pub fn as_u32(self) -> u32 {
        self.0
    }

    pub(super) fn as_word(self) -> U256 {
        U256::from(self.0)
    }

    pub(super) fn from_word(word: U256) -> Result<Self, LedgerError> {
        u32::try_from(word).map(Self).map_err(|_| LedgerError::Malformed("an entry index"))
    }
}

impl From<u32> for EntryIndex {
    fn from(index: u32) -> Self {
        Self(index)
    }
}

/// What the consortium accredits.
#[derive(Clone, Copy, Debug)]
pub struct Accreditation {
    /// The issuer's address; it alone publishes the entry's status list.
    pub issuer: Address,
    /// The schema that it may issue.
    pub schema: SchemaId,
    /// The key that it signs with.
    pub key: VerifyingKey,
    /// Last second of accreditation, Unix, 40 bits.
    pub accredited_until: u64,
}

/// Whether an entry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// Its leaf is in the tree.
    Active,
    /// A member has suspended it; the consortium may lift that.
    Suspended,
    /// Over for good.
    Ended,
}

impl EntryState {
    /// The contract's `State`; its `None` is no entry.
    fn decode(state: u8) -> Result<Self, LedgerError> {
        match state {
            1 => Ok(Self::Active),
            2 => Ok(Self::Suspended),
            3 => Ok(Self::Ended),
            _ => Err(LedgerError::Malformed("an entry state")),
        }
    }
}

/// An entry of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub index: EntryIndex,
    /// What it commits to while it is active.
    pub leaf: RegistryLeaf,
    /// Whether it counts.
    pub state: EntryState,
}

impl Entry {
    /// The element at its place in the tree: 0 unless it is active.
    pub fn tree_leaf(&self) -> Fr {
        match self.state {
            EntryState::Active => self.leaf.hash(),
            EntryState::Suspended | EntryState::Ended => Fr::default(),
        }
    }

    pub(super) fn decode(
        index: EntryIndex,
        entry: &IssuerRegistry::Entry,
    ) -> Result<Self, LedgerError> {
        let key = VerifyingKey::from_coordinates(field(entry.key.x)?, field(entry.key.y)?)
            .map_err(|_| LedgerError::InvalidIssuerKey)?;
        Ok(Self {
            index,
            leaf: RegistryLeaf {
                key,
                issuer_id: IssuerId::from_address(entry.issuer.into_array()),
                status_root: status_root(entry.statusRoot)?,
                schema: SchemaId::from_u32(entry.schema),
                version: entry.version,
                accredited_until: entry.accreditedUntil.to::<u64>(),
            },
            state: EntryState::decode(entry.state)?,
        })
    }
}

/// When a root was current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootRecord {
    /// When it became current, Unix seconds.
    pub published_at: u64,
    /// When it was replaced, Unix seconds; `None` while it is current.
    pub superseded_at: Option<u64>,
}

/// A deployment on a ledger.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    pub(super) client: LedgerClient,
    pub(super) deployment: Deployment,
}

impl RegistryClient {
    /// A client of a deployment that is known already. The ledger is not contacted.
    pub fn at(client: LedgerClient, deployment: Deployment) -> Self {
        Self { client, deployment }
    }

    /// The contracts.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The connection.
    pub fn ledger(&self) -> &LedgerClient {
        &self.client
    }

    /// The same deployment for one act that is done once: see [`LedgerClient::idempotent`].
    #[must_use]
    pub fn idempotent(&self, key: &[u8]) -> Self {
        Self { client: self.client.idempotent(key), deployment: self.deployment }
    }

    /// The did:ethr identities of this deployment.
    pub fn identities(&self) -> Identities {
        Identities::new(self.client.clone(), self.deployment.did_registry)
    }

    /// The current root.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn root(&self) -> Result<RegistryRoot, LedgerError> {
        let root = self.read(IssuerRegistry::rootCall {}).await?;
        Ok(RegistryRoot::from_field(field(root)?))
    }

    /// Whether a root is current, or was replaced no longer than `grace` ago by the ledger's clock. A root that the
    /// registry never had is not fresh.
    ///
    /// # Errors
    /// Those of reading: no answer is not "fresh".
    pub async fn is_fresh(&self, root: RegistryRoot, grace: Duration) -> Result<bool, LedgerError> {
        let candidate = word(root.as_field());
        self.read(IssuerRegistry::isFreshCall { candidate, grace: U256::from(grace.as_secs()) })
            .await
    }

    /// When a root was current; `None` if the registry never had it.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn root_record(&self, root: RegistryRoot) -> Result<Option<RootRecord>, LedgerError> {
        let record = self.read(IssuerRegistry::rootRecordCall(word(root.as_field()))).await?;
        let (published_at, superseded_at) =
            (record.publishedAt.to::<u64>(), record.supersededAt.to::<u64>());
        Ok((published_at != 0).then_some(RootRecord {
            published_at,
            superseded_at: (superseded_at != 0).then_some(superseded_at),
        }))
    }

    /// One entry as the contract has it now.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `UnknownEntry`; those of reading.
    pub async fn entry(&self, index: EntryIndex) -> Result<Entry, LedgerError> {
        let entry = self.read(IssuerRegistry::entryAtCall { index: index.as_word() }).await?;
        Entry::decode(index, &entry)
    }

    /// How many entries there are, of any state.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn entry_count(&self) -> Result<u32, LedgerError> {
        let count = self.read(IssuerRegistry::entryCountCall {}).await?;
        u32::try_from(count).map_err(|_| LedgerError::Malformed("the entry count"))
    }

    /// Publishes status changes: `list` is the list as last published, `flips` the indices to invert. Returns the
    /// list as it is now. An index that appears twice or is out of range is refused here.
    ///
    /// # Errors
    /// [`LedgerError::InvalidFlips`]; [`LedgerError::Reverted`] with `StatusRootMismatch` if somebody published since,
    /// `NotIssuer`, `EntryHasEnded` or `TooManyFlips`; those of sending.
    pub async fn publish_status(
        &self,
        issuer: &Account,
        index: EntryIndex,
        list: &StatusList,
        flips: &[u32],
    ) -> Result<StatusList, LedgerError> {
        let mut sorted = flips.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.is_empty() || sorted.len() != flips.len() {
            return Err(LedgerError::InvalidFlips);
        }
        let mut updated = list.clone();
        updated.flip_all(&sorted).map_err(|_| LedgerError::InvalidFlips)?;
        let packed: Vec<u8> =
            sorted.iter().flat_map(|flip| flip.to_be_bytes()[1..].to_vec()).collect();
        let call = IssuerRegistry::publishStatusCall {
            index: index.as_word(),
            expectedRoot: word(list.root().as_field()),
            newRoot: word(updated.root().as_field()),
            flips: packed.into(),
        };
        self.client.send(issuer, self.deployment.issuer_registry, call).await?;
        Ok(updated)
    }

    pub(super) async fn read<C: SolCall>(&self, call: C) -> Result<C::Return, LedgerError> {
        self.client.read(self.deployment.issuer_registry, call).await
    }
}

/// A field element as the contracts have it.
pub(super) fn word(element: Fr) -> U256 {
    U256::from_be_bytes(to_be_bytes(&element))
}

pub(super) fn field(word: U256) -> Result<Fr, LedgerError> {
    from_be_bytes(&word.to_be_bytes()).map_err(|_| LedgerError::Malformed("a field element"))
}

pub(super) fn status_root(word: U256) -> Result<StatusRoot, LedgerError> {
    field(word).map(StatusRoot::from_field)
}
