//! Following a deployment from block to block: every root that the registry has had, and who has withdrawn.

use super::rebuild::{NO_ENTRY, OUT_OF_ORDER, RegistryEvent, decode};
use super::registry::{Entry, RegistryClient, field};
use crate::LedgerError;
use crate::contracts::PresentationVerifier;
use alloy::rpc::types::{BlockNumberOrTag, Filter, Log};
use alloy::sol_types::SolEvent;
use attestry_circuits::Nullifier;
use attestry_circuits::registry::{RegistryRoot, RegistryTree};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A block as a client saw it. Another hash at the same number is another block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSeen {
    /// The block's number.
    pub number: u64,
    /// The block's hash.
    pub hash: [u8; 32],
    /// The block's time, Unix seconds.
    pub time: u64,
}

/// What has happened since a block.
#[derive(Debug)]
pub enum RegistryNews {
    /// Nothing: there is no later block.
    None,
    /// The ledger does not have the block any more. What was learnt from it does not count.
    Reorganised,
    /// Later blocks, to be added with [`RegistryHistory::add`].
    Blocks(NewBlocks),
}

/// What later blocks hold.
#[derive(Debug)]
pub struct NewBlocks {
    head: BlockSeen,
    logs: Vec<Log>,
    /// The contract's root at the head or later.
    root: RegistryRoot,
    /// Times of the blocks that have events and are recent enough.
    times: BTreeMap<u64, u64>,
}

/// Whether a root is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootStanding {
    /// It is.
    Current,
    /// It was replaced at this time, Unix seconds; `None` if that was too long ago to matter.
    Superseded(Option<u64>),
}

/// All roots that the registry has had, and all nullifiers that were withdrawn on the ledger, up to a block.
#[derive(Clone, Debug)]
pub struct RegistryHistory {
    head: BlockSeen,
    entries: Vec<Entry>,
    tree: RegistryTree,
    roots: HashMap<RegistryRoot, RootStanding>,
    withdrawn: HashSet<Nullifier>,
    /// The same, in the ledger's order.
    withdrawals: Vec<Nullifier>,
}

impl RegistryClient {
    /// What has happened since a block, or since the deployment. `memory_s` is for how long after its replacement the
    /// time of a root's replacement matters.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn news(
        &self,
        since: Option<BlockSeen>,
        memory_s: u64,
    ) -> Result<RegistryNews, LedgerError> {
        let (from, latest) = match since {
            None => (self.deployment_block().await?, self.client.block_number().await?),
            Some(seen) => {
                let (latest, found) = tokio::try_join!(
                    self.client.block_number(),
                    self.client.block_seen(seen.number)
                )?;
                if found != Some(seen) {
                    return Ok(RegistryNews::Reorganised);
                }
                if latest <= seen.number {
                    return Ok(RegistryNews::None);
                }
                (seen.number + 1, latest)
            }
        };
        // The block's name first: if another takes its place while its events are read, the next call finds out.
        let head = self.client.block_seen(latest).await?;
        let head = head.ok_or(LedgerError::Malformed("a block is missing"))?;
        let logs = self.client.logs(&self.followed(), from, latest).await?;
        let times = self.times_of(&logs, head, memory_s).await?;
        let root = self.root().await?;
        Ok(RegistryNews::Blocks(NewBlocks { head, logs, root, times }))
    }

    fn followed(&self) -> Filter {
        let contracts =
            [Some(self.deployment.issuer_registry), self.deployment.presentation_verifier];
        let mut topics = RegistryEvent::SIGNATURES.to_vec();
        topics.push(PresentationVerifier::Withdrawn::SIGNATURE_HASH);
        Filter::new()
            .address(contracts.into_iter().flatten().collect::<Vec<_>>())
            .event_signature(topics)
    }

    /// Times of the blocks of these logs, from the last backwards as long as they matter.
    async fn times_of(
        &self,
        logs: &[Log],
        head: BlockSeen,
        memory_s: u64,
    ) -> Result<BTreeMap<u64, u64>, LedgerError> {
        let mut times = BTreeMap::from([(head.number, head.time)]);
        for block in logs.iter().rev().filter_map(|log| log.block_number) {
            if times.contains_key(&block) {
                continue;
            }
            let time = self.client.time_of(BlockNumberOrTag::Number(block)).await?;
            if head.time.saturating_sub(time) > memory_s {
                break;
            }
            times.insert(block, time);
        }
        Ok(times)
    }
}

impl RegistryHistory {
    /// The history that the first blocks give.
    ///
    /// # Errors
    /// As [`RegistryHistory::add`].
    pub fn new(blocks: NewBlocks) -> Result<Self, LedgerError> {
        let tree = RegistryTree::new();
        let roots = HashMap::from([(tree.root(), RootStanding::Current)]);
        let (head, entries) = (blocks.head, Vec::new());
        let (withdrawn, withdrawals) = (HashSet::new(), Vec::new());
        let mut history = Self { head, entries, tree, roots, withdrawn, withdrawals };
        history.add(blocks)?;
        Ok(history)
    }

    /// Adds later blocks. If that fails, nothing is added.
    ///
    /// # Errors
    /// [`LedgerError::RootMismatch`] if the events do not give the contract's root, as when the ledger moved on
    /// between two reads; [`LedgerError::Malformed`] for events that cannot be.
    pub fn add(&mut self, blocks: NewBlocks) -> Result<(), LedgerError> {
        let (mut entries, mut tree) = (self.entries.clone(), self.tree.clone());
        let (mut roots, mut withdrawn) = (Vec::new(), Vec::new());
        for log in &blocks.logs {
            if log.topic0() == Some(&PresentationVerifier::Withdrawn::SIGNATURE_HASH) {
                let nullifier = decode::<PresentationVerifier::Withdrawn>(log)?.nullifier;
                withdrawn.push(Nullifier::from_field(field(nullifier)?));
                continue;
            }
            let entry = changed(&mut entries, RegistryEvent::read(log)?)?;
            let before = tree.root();
            tree.set(entry.index.as_u32() as usize, entry.tree_leaf())
                .map_err(|_| LedgerError::Malformed("an entry past the tree's capacity"))?;
            if tree.root() != before {
                let time = log.block_number.and_then(|block| blocks.times.get(&block));
                roots.push((before, RootStanding::Superseded(time.copied())));
                // A root returns if the same state does.
                roots.push((tree.root(), RootStanding::Current));
            }
        }
        if tree.root() != blocks.root {
            return Err(LedgerError::RootMismatch);
        }
        (self.head, self.entries, self.tree) = (blocks.head, entries, tree);
        self.roots.extend(roots);
        withdrawn.retain(|nullifier| self.withdrawn.insert(*nullifier));
        self.withdrawals.extend(withdrawn);
        Ok(())
    }

    /// The last block that was added.
    pub fn head(&self) -> BlockSeen {
        self.head
    }

    /// What has become of a root; `None` if the registry never had it.
    pub fn root(&self, root: RegistryRoot) -> Option<RootStanding> {
        self.roots.get(&root).copied()
    }

    /// All roots, in no order.
    pub fn roots(&self) -> impl Iterator<Item = (RegistryRoot, RootStanding)> {
        self.roots.iter().map(|(root, standing)| (*root, *standing))
    }

    /// All nullifiers that were withdrawn, each once, in the ledger's order.
    pub fn withdrawn(&self) -> &[Nullifier] {
        &self.withdrawals
    }

    /// Whether a nullifier was withdrawn.
    pub fn is_withdrawn(&self, nullifier: Nullifier) -> bool {
        self.withdrawn.contains(&nullifier)
    }
}

/// The entry that an event changes, as it is then.
fn changed(entries: &mut Vec<Entry>, event: RegistryEvent) -> Result<Entry, LedgerError> {
    match event {
        RegistryEvent::Entry(entry) => {
            let (place, next) = (entry.index.as_u32() as usize, entries.len());
            match entries.get_mut(place) {
                Some(known) => *known = entry,
                None if place == next => entries.push(entry),
                None => return Err(LedgerError::Malformed(OUT_OF_ORDER)),
            }
            Ok(entry)
        }
        RegistryEvent::Status { index, root, .. } => {
            let entry = entries.get_mut(index.as_u32() as usize);
            let entry = entry.ok_or(LedgerError::Malformed(NO_ENTRY))?;
            entry.leaf.status_root = root;
            Ok(*entry)
        }
    }
}
