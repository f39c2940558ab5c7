//! What the caller knows of the ledger: the registry's tree and the issuers' status lists.

use attestry_circuits::Credential;
use attestry_circuits::registry::{RegistryLeaf, RegistryRoot, RegistryTree};
use attestry_circuits::schnorr::Signature;
use attestry_circuits::status::StatusList;

/// The registry at one moment. The wallet fetches nothing: the caller reads whole lists, so that
/// nobody learns whose credential is looked up.
#[derive(Debug)]
pub struct RegistryView<'a> {
    tree: &'a RegistryTree,
    entries: Vec<EntryView<'a>>,
}

/// One entry of the registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryView<'a> {
    pub(crate) index: usize,
    pub(crate) leaf: RegistryLeaf,
    pub(crate) status: &'a StatusList,
}

impl<'a> RegistryView<'a> {
    /// A view of a tree, without entries yet.
    pub fn new(tree: &'a RegistryTree) -> Self {
        Self { tree, entries: Vec::new() }
    }

    /// Adds an entry: its place, its leaf as the ledger has it now, and its status list. A
    /// suspended or ended entry may be added too: its place in the tree is empty.
    #[must_use]
    pub fn with_entry(mut self, index: usize, leaf: RegistryLeaf, status: &'a StatusList) -> Self {
        self.entries.push(EntryView { index, leaf, status });
        self
    }

    /// The tree's root.
    pub fn root(&self) -> RegistryRoot {
        self.tree.root()
    }

    pub(crate) fn tree(&self) -> &RegistryTree {
        self.tree
    }

    /// The leaf of the entry at a place, whatever its state.
    pub(crate) fn leaf_at(&self, index: u32) -> Option<&RegistryLeaf> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.index == index as usize).map(|entry| &entry.leaf)
    }

    /// The entry under which a credential was issued: of its issuer and schema, and if there are
    /// several, the one whose key verifies the signature.
    pub(crate) fn entry_of(
        &self,
        credential: &Credential,
        signature: &Signature,
    ) -> Option<&EntryView<'a>> {
        let header = &credential.header;
        let of_issuer = |entry: &&EntryView<'a>| {
            entry.leaf.issuer_id == header.issuer_id && entry.leaf.schema == header.schema
        };
        let mut entries = self.entries.iter().filter(of_issuer);
        let signed = |entry: &&EntryView<'a>| entry.leaf.key.verify(credential, signature).is_ok();
        entries.clone().find(signed).or_else(|| entries.next())
    }
}
