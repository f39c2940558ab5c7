//! The issuer registry of a deployment: what it is, what it says, and what issuers publish.

use super::LedgerClient;
use crate::contracts::{AddressBook, Consortium, EthereumDIDRegistry, IssuerRegistry, PoseidonT6};
use crate::{Account, Identities, LedgerError};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolConstructor};
use attestry_circuits::field::{Fr, from_be_bytes, to_be_bytes};
use attestry_circuits::registry::{RegistryLeaf, RegistryRoot, RegistryTree};
use attestry_circuits::schnorr::VerifyingKey;
use attestry_circuits::status::{StatusList, StatusRoot};
use attestry_circuits::{IssuerId, SchemaId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const DID_REGISTRY: &str = "EthereumDIDRegistry";
const CONSORTIUM: &str = "Consortium";
const POSEIDON: &str = "PoseidonT6";
const ISSUER_REGISTRY: &str = "IssuerRegistry";

/// The contracts of one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The address book, from which the others are found.
    pub address_book: Address,
    /// ERC-1056.
    pub did_registry: Address,
    /// The members who govern.
    pub consortium: Address,
    /// The issuers, and the root of trust.
    pub issuer_registry: Address,
}

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
    /// Deploys all contracts, governed by `members` of whom `threshold` must approve.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] if the members or the threshold are not possible; those of sending.
    pub async fn deploy(
        client: LedgerClient,
        deployer: &Account,
        members: &[Address],
        threshold: u16,
    ) -> Result<Self, LedgerError> {
        let did_registry = client.create(deployer, EthereumDIDRegistry::BYTECODE.clone()).await?;
        let founders =
            Consortium::constructorCall { founders: members.to_vec(), initialThreshold: threshold };
        let consortium =
            client.create(deployer, init_code(&Consortium::BYTECODE, &founders)).await?;
        let poseidon = client.create(deployer, PoseidonT6::BYTECODE.clone()).await?;
        let registry = IssuerRegistry::constructorCall {
            consortium_: consortium,
            poseidon_: poseidon,
            emptyStatusRoot_: word(StatusList::new().root().as_field()),
        };
        let issuer_registry =
            client.create(deployer, init_code(&IssuerRegistry::BYTECODE, &registry)).await?;
        let book = AddressBook::constructorCall {
            names_: [DID_REGISTRY, CONSORTIUM, POSEIDON, ISSUER_REGISTRY].map(name).to_vec(),
            addresses: vec![did_registry, consortium, poseidon, issuer_registry],
        };
        let address_book =
            client.create(deployer, init_code(&AddressBook::BYTECODE, &book)).await?;
        Ok(Self::at(client, Deployment { address_book, did_registry, consortium, issuer_registry }))
    }

    /// Finds a deployment from its address book and checks that it is one.
    ///
    /// # Errors
    /// [`LedgerError::NotADeployment`]; those of reading.
    pub async fn open(client: LedgerClient, address_book: Address) -> Result<Self, LedgerError> {
        let find = async |wanted: &str| {
            client
                .read(address_book, AddressBook::addressOfCall { name: name(wanted) })
                .await
                .map_err(|error| match error {
                    LedgerError::Malformed(_) => {
                        LedgerError::NotADeployment("there is no address book")
                    }
                    LedgerError::Reverted { .. } => {
                        LedgerError::NotADeployment("the book lacks a contract")
                    }
                    other => other,
                })
        };
        let did_registry = find(DID_REGISTRY).await?;
        let consortium = find(CONSORTIUM).await?;
        let issuer_registry = find(ISSUER_REGISTRY).await?;
        let empty_list =
            client.read(issuer_registry, IssuerRegistry::emptyStatusRootCall {}).await?;
        let empty_tree = client.read(issuer_registry, IssuerRegistry::EMPTY_ROOTCall {}).await?;
        if empty_list != word(StatusList::new().root().as_field()) {
            return Err(LedgerError::NotADeployment("its status lists are of another kind"));
        }
        if empty_tree != word(RegistryTree::new().root().as_field()) {
            return Err(LedgerError::NotADeployment("its registry tree is of another kind"));
        }
        Ok(Self::at(client, Deployment { address_book, did_registry, consortium, issuer_registry }))
    }

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

fn init_code<C: SolConstructor>(code: &Bytes, arguments: &C) -> Bytes {
    [code.as_ref(), &arguments.abi_encode()].concat().into()
}

fn name(text: &str) -> B256 {
    let mut padded = [0; 32];
    padded[..text.len()].copy_from_slice(text.as_bytes());
    padded.into()
}
