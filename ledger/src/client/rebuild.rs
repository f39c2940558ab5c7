//! Rebuilding from events: whole lists and the whole tree, checked against the contract's roots.

use super::registry::{Entry, EntryIndex, RegistryClient, status_root};
use crate::LedgerError;
use crate::contracts::IssuerRegistry;
use alloy::primitives::{B256, Bytes};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use attestry_circuits::registry::RegistryTree;
use attestry_circuits::status::{StatusList, StatusRoot};

/// How often to read again when the ledger moved on between two reads.
const ATTEMPTS: usize = 4;
const FLIP_BYTES: usize = 3;
pub(super) const OUT_OF_ORDER: &str = "an entry before its predecessor";
pub(super) const NO_ENTRY: &str = "a status of no entry";

/// The registry as of one block: the tree, and each entry with its status list.
#[derive(Clone, Debug)]
pub struct RegistrySnapshot {
    /// The tree; its root was the contract's.
    pub tree: RegistryTree,
    /// All entries in order. An entry's list is `None` if its issuer published a root that is not that of its flips:
    /// nobody can prove anything under such an entry, and the others are not held up by it.
    pub entries: Vec<(Entry, Option<StatusList>)>,
}

impl RegistryClient {
    /// The whole registry, rebuilt from events and checked against the contract's root. Everything in it fits
    /// together, whatever happens on the ledger meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::RootMismatch`]; those of reading.
    pub async fn snapshot(&self) -> Result<RegistrySnapshot, LedgerError> {
        let (replayed, tree) = self.rebuild().await?;
        let entries = replayed
            .into_iter()
            .map(|Replayed { entry, flips }| Ok((entry, list_of(&entry, &flips)?)))
            .collect::<Result<_, LedgerError>>()?;
        Ok(RegistrySnapshot { tree, entries })
    }

    /// All entries, in order, rebuilt from events and checked against the contract's root.
    ///
    /// # Errors
    /// [`LedgerError::RootMismatch`]; those of reading.
    pub async fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let (replayed, _) = self.rebuild().await?;
        Ok(replayed.into_iter().map(|replayed| replayed.entry).collect())
    }

    /// The whole tree, rebuilt from events and checked against the contract's root.
    ///
    /// # Errors
    /// [`LedgerError::RootMismatch`]; those of reading.
    pub async fn registry_tree(&self) -> Result<RegistryTree, LedgerError> {
        self.rebuild().await.map(|(_, tree)| tree)
    }

    /// The status list of an entry, rebuilt from its publications.
    ///
    /// # Errors
    /// [`LedgerError::StatusRootMismatch`] if the events do not give the root that the entry has: the issuer published
    /// a root that is not that of its flips. Those of reading.
    pub async fn status_list(&self, index: EntryIndex) -> Result<StatusList, LedgerError> {
        let filter = Filter::new()
            .event_signature(IssuerRegistry::StatusPublished::SIGNATURE_HASH)
            .topic1(B256::from(index.as_word()));
        for _ in 0..ATTEMPTS {
            let mut flips = Vec::new();
            for log in &self.events(filter.clone()).await? {
                let published = decode::<IssuerRegistry::StatusPublished>(log)?;
                flips.extend(unpack(&published.flips)?);
            }
            if let Some(list) = list_of(&self.entry(index).await?, &flips)? {
                return Ok(list);
            }
        }
        Err(LedgerError::StatusRootMismatch { index: index.as_u32() })
    }

    async fn rebuild(&self) -> Result<(Vec<Replayed>, RegistryTree), LedgerError> {
        let filter = Filter::new().event_signature(RegistryEvent::SIGNATURES.to_vec());
        for _ in 0..ATTEMPTS {
            let replayed = replay(&self.events(filter.clone()).await?)?;
            let mut tree = RegistryTree::new();
            for Replayed { entry, .. } in &replayed {
                tree.set(entry.index.as_u32() as usize, entry.tree_leaf())
                    .map_err(|_| LedgerError::Malformed("an entry past the tree's capacity"))?;
            }
            if tree.root() == self.root().await? {
                return Ok((replayed, tree));
            }
        }
        Err(LedgerError::RootMismatch)
    }

    async fn events(&self, filter: Filter) -> Result<Vec<Log>, LedgerError> {
        let latest = self.client.block_number().await?;
        let from = self.deployment_block().await?;
        self.client.logs(&filter.address(self.deployment.issuer_registry), from, latest).await
    }

    /// The block from which the registry's events are to be read.
    pub(super) async fn deployment_block(&self) -> Result<u64, LedgerError> {
        let block = self.read(IssuerRegistry::deploymentBlockCall {}).await?;
        u64::try_from(block).map_err(|_| LedgerError::Malformed("a block number"))
    }
}

/// An entry, and every flip of its list so far.
struct Replayed {
    entry: Entry,
    flips: Vec<u32>,
}

/// What an event says of an entry.
pub(super) enum RegistryEvent {
    /// The entry as it is from then on.
    Entry(Entry),
    /// The entry's list as it is from then on, and the packed flips that make it so.
    Status { index: EntryIndex, root: StatusRoot, flips: Bytes },
}

impl RegistryEvent {
    /// The topics of the events.
    pub(super) const SIGNATURES: [B256; 2] = [
        IssuerRegistry::EntryChanged::SIGNATURE_HASH,
        IssuerRegistry::StatusPublished::SIGNATURE_HASH,
    ];

    pub(super) fn read(log: &Log) -> Result<Self, LedgerError> {
        if log.topic0() == Some(&IssuerRegistry::EntryChanged::SIGNATURE_HASH) {
            let changed = decode::<IssuerRegistry::EntryChanged>(log)?;
            let index = EntryIndex::from_word(changed.index)?;
            return Ok(Self::Entry(Entry::decode(index, &changed.entry)?));
        }
        let published = decode::<IssuerRegistry::StatusPublished>(log)?;
        Ok(Self::Status {
            index: EntryIndex::from_word(published.index)?,
            root: status_root(published.statusRoot)?,
            flips: published.flips,
        })
    }
}

fn replay(logs: &[Log]) -> Result<Vec<Replayed>, LedgerError> {
    let mut entries: Vec<Replayed> = Vec::new();
    for log in logs {
        match RegistryEvent::read(log)? {
            RegistryEvent::Entry(entry) => {
                let (place, next) = (entry.index.as_u32() as usize, entries.len());
                match entries.get_mut(place) {
                    Some(replayed) => replayed.entry = entry,
                    None if place == next => {
                        entries.push(Replayed { entry, flips: Vec::new() });
                    }
                    None => return Err(LedgerError::Malformed(OUT_OF_ORDER)),
                }
            }
            RegistryEvent::Status { index, root, flips } => {
                let replayed = entries.get_mut(index.as_u32() as usize);
                let replayed = replayed.ok_or(LedgerError::Malformed(NO_ENTRY))?;
                replayed.entry.leaf.status_root = root;
                replayed.flips.extend(unpack(&flips)?);
            }
        }
    }
    Ok(entries)
}

/// The list with these flips, if it has the root that the entry commits to.
fn list_of(entry: &Entry, flips: &[u32]) -> Result<Option<StatusList>, LedgerError> {
    let mut list = StatusList::new();
    list.flip_all(flips).map_err(|_| LedgerError::Malformed("a flip out of range"))?;
    Ok((list.root() == entry.leaf.status_root).then_some(list))
}

pub(super) fn decode<E: SolEvent>(log: &Log) -> Result<E, LedgerError> {
    E::decode_log(&log.inner).map(|log| log.data).map_err(|_| LedgerError::Malformed("an event"))
}

fn unpack(flips: &[u8]) -> Result<Vec<u32>, LedgerError> {
    if !flips.len().is_multiple_of(FLIP_BYTES) {
        return Err(LedgerError::Malformed("packed flips"));
    }
    let flips = flips.chunks_exact(FLIP_BYTES);
    Ok(flips.map(|flip| u32::from_be_bytes([0, flip[0], flip[1], flip[2]])).collect())
}
