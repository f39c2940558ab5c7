//! The changes of an identity, walked back from the last one through the registry's pointers.

use super::Identities;
use crate::LedgerError;
use crate::contracts::EthereumDIDRegistry as Registry;
use Registry::EthereumDIDRegistryEvents as Event;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEventInterface;

/// A change, and the block that it is in.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) block: u64,
    pub(super) kind: ChangeKind,
}

#[derive(Clone, Debug)]
pub(super) enum ChangeKind {
    Owner(Address),
    Delegate { role: String, delegate: Address, valid_to: U256 },
    Attribute { name: String, value: Bytes, valid_to: U256 },
}

impl Identities {
    /// All changes in order. Every log of a block is read: several changes of one block point past each other.
    pub(super) async fn history(&self, identity: Address) -> Result<Vec<Change>, LedgerError> {
        let mut blocks: Vec<Vec<Change>> = Vec::new();
        let changed = self.client.read(self.registry, Registry::changedCall(identity)).await?;
        let mut next = block_number(changed)?;
        while next != 0 {
            let filter = Filter::new().address(self.registry).topic1(identity.into_word());
            let logs = self.client.logs(&filter, next, next).await?;
            if logs.is_empty() {
                return Err(LedgerError::Malformed("events of an identity are missing"));
            }
            let mut changes = Vec::with_capacity(logs.len());
            let mut previous = 0;
            for log in &logs {
                let Some((kind, before)) = decode(log) else { continue };
                let before = block_number(before)?;
                if before != 0 && before < next && (previous == 0 || before < previous) {
                    previous = before;
                }
                changes.extend(kind.map(|kind| Change { block: next, kind }));
            }
            blocks.push(changes);
            next = previous;
        }
        Ok(blocks.into_iter().rev().flatten().collect())
    }
}

/// The change that a log tells, if it concerns DIDs, and the block of the one before.
fn decode(log: &Log) -> Option<(Option<ChangeKind>, U256)> {
    let event = Event::decode_log(&log.inner).ok()?.data;
    Some(match event {
        Event::DIDOwnerChanged(e) => (Some(ChangeKind::Owner(e.owner)), e.previousChange),
        Event::DIDDelegateChanged(e) => (
            text(&e.delegateType).map(|role| ChangeKind::Delegate {
                role,
                delegate: e.delegate,
                valid_to: e.validTo,
            }),
            e.previousChange,
        ),
        Event::DIDAttributeChanged(e) => (
            text(&e.name).map(|name| ChangeKind::Attribute {
                name,
                value: e.value,
                valid_to: e.validTo,
            }),
            e.previousChange,
        ),
    })
}

/// A name of 32 bytes without its padding; `None` if it is not UTF-8, which no DID event has.
fn text(padded: &B256) -> Option<String> {
    std::str::from_utf8(padded.as_slice()).ok().map(|text| text.trim_end_matches('\0').to_owned())
}

fn block_number(word: U256) -> Result<u64, LedgerError> {
    u64::try_from(word).map_err(|_| LedgerError::Malformed("a block number"))
}
