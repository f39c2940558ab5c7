//! The issuer registry: a Merkle tree whose leaves accredit an issuer's key for a schema and
//! commit to the status list that it publishes.
//!
//! Arity 5, depth 5, Poseidon (width 6, capacity 0); the contract `IssuerRegistry` keeps the same
//! tree on the ledger. An empty, suspended or ended entry is the leaf 0.

use crate::credential::{IssuerId, SchemaId, pack};
use crate::field::{Fr, field_newtype};
use crate::poseidon;
use crate::schnorr::VerifyingKey;
use crate::status::StatusRoot;
use std::collections::BTreeMap;

/// Children of a node.
pub const ARITY: usize = 5;
/// Levels above the leaves.
pub const DEPTH: usize = 5;
/// Leaves of the tree.
pub const CAPACITY: usize = ARITY.pow(DEPTH as u32);

field_newtype! {
    /// Root of the issuer registry: the root of trust of a presentation.
    RegistryRoot
}

/// A leaf index at or past [`CAPACITY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("registry index is not below {CAPACITY}")]
pub struct LeafOutOfRange;

/// One accreditation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryLeaf {
    /// The issuer's BabyJubJub key.
    pub key: VerifyingKey,
    /// The issuer.
    pub issuer_id: IssuerId,
    /// The list that the issuer publishes for this entry.
    pub status_root: StatusRoot,
    /// The schema that it may issue.
    pub schema: SchemaId,
    /// Counts suspensions, reinstatements and rotations, so that no root repeats.
    pub version: u16,
    /// Last second of accreditation, Unix, 40 bits.
    pub accredited_until: u64,
}

impl RegistryLeaf {
    /// H(key.x, key.y, issuer id, status root, meta), where
    /// meta = schema + version·2^32 + accredited_until·2^48.
    pub fn hash(&self) -> Fr {
        let meta = pack(&[
            (u64::from(self.schema.as_u32()), 0),
            (u64::from(self.version), 32),
            (self.accredited_until, 48),
        ]);
        poseidon::hash(&[
            self.key.x(),
            self.key.y(),
            self.issuer_id.as_field(),
            self.status_root.as_field(),
            meta,
        ])
    }
}

/// All children of each node between a leaf and the root, from the leaf's level up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPath {
    /// The children.
    pub children: [[Fr; ARITY]; DEPTH],
}

impl RegistryPath {
    /// The root that the path leads to, if each node is among its parent's children.
    pub fn root(&self, leaf: Fr) -> Option<RegistryRoot> {
        let mut current = leaf;
        for children in &self.children {
            if !children.contains(&current) {
                return None;
            }
            current = poseidon::hash(children);
        }
        Some(RegistryRoot(current))
    }
}

/// The tree, sparse: only nodes that differ from the empty tree's are kept.
#[derive(Clone, Debug, Default)]
pub struct RegistryTree {
    levels: [BTreeMap<usize, Fr>; DEPTH + 1],
}

impl RegistryTree {
    /// A tree of empty leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a leaf hash; zero for an empty, suspended or ended entry.
    ///
    /// # Errors
    /// [`LeafOutOfRange`].
    pub fn set(&mut self, index: usize, leaf: Fr) -> Result<(), LeafOutOfRange> {
        if index >= CAPACITY {
            return Err(LeafOutOfRange);
        }
        self.levels[0].insert(index, leaf);
        let mut node = index;
        for level in 0..DEPTH {
            node /= ARITY;
            let hash = poseidon::hash(&self.children(level, node));
            self.levels[level + 1].insert(node, hash);
        }
        Ok(())
    }

    /// The root.
    pub fn root(&self) -> RegistryRoot {
        RegistryRoot(self.node(DEPTH, 0))
    }

    /// What a proof about a leaf needs.
    ///
    /// # Errors
    /// [`LeafOutOfRange`].
    pub fn path(&self, index: usize) -> Result<RegistryPath, LeafOutOfRange> {
        if index >= CAPACITY {
            return Err(LeafOutOfRange);
        }
        let mut node = index;
        let children = std::array::from_fn(|level| {
            node /= ARITY;
            self.children(level, node)
        });
        Ok(RegistryPath { children })
    }

    fn children(&self, level: usize, parent: usize) -> [Fr; ARITY] {
        std::array::from_fn(|i| self.node(level, parent * ARITY + i))
    }

    fn node(&self, level: usize, index: usize) -> Fr {
        self.levels[level].get(&index).copied().unwrap_or_else(|| empty_node(level))
    }
}

/// The node that an empty subtree of this height has.
fn empty_node(level: usize) -> Fr {
    static NODES: std::sync::OnceLock<[Fr; DEPTH + 1]> = std::sync::OnceLock::new();
    NODES.get_or_init(|| {
        let mut nodes = [Fr::default(); DEPTH + 1];
        for level in 0..DEPTH {
            nodes[level + 1] = poseidon::hash(&[nodes[level]; ARITY]);
        }
        nodes
    })[level]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_a_leaf_past_the_capacity() {
        let mut tree = RegistryTree::new();
        assert_eq!(tree.set(CAPACITY, Fr::from(1u64)), Err(LeafOutOfRange));
        assert_eq!(tree.path(CAPACITY), Err(LeafOutOfRange));
    }

    #[test]
    fn clearing_a_leaf_restores_the_empty_root() {
        let mut tree = RegistryTree::new();
        let empty = tree.root();
        tree.set(7, Fr::from(1u64)).unwrap();
        assert_ne!(tree.root(), empty);
        tree.set(7, Fr::from(0u64)).unwrap();
        assert_eq!(tree.root(), empty);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_path_leads_to_the_root(leaves in prop::collection::btree_map(0..CAPACITY, any::<u64>(), 1..8)) {
            let mut tree = RegistryTree::new();
            for (index, leaf) in &leaves {
                tree.set(*index, Fr::from(*leaf)).unwrap();
            }
            for (index, leaf) in &leaves {
                let path = tree.path(*index).unwrap();
                prop_assert_eq!(path.root(Fr::from(*leaf)), Some(tree.root()));
                prop_assert_eq!(path.root(Fr::from(*leaf) + Fr::from(1u128 << 100)), None);
            }
        }
    }
}
