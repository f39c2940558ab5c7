//! The registry client, the embedded EVM ledger and the did:ethr resolver.
//!
//! [`RegistryClient`] speaks to the contracts of a deployment through a [`LedgerClient`], which is the same for the
//! [embedded ledger](embedded::EmbeddedLedger) and for the node of any EVM chain: the [`LedgerUrl`] decides. Whatever
//! cannot be read is an error; nothing is assumed in its place.

mod account;
mod client;
mod contracts;
mod did;
pub mod embedded;
mod error;

pub use account::{Account, AccountKey, DigestSigner, DigestSigning, NotSigned};
pub use alloy::primitives::Address;
pub use client::{
    Accreditation, AnchoredBatch, BlockSeen, ClientOptions, Deployment, Entry, EntryIndex,
    EntryState, EvidenceBatch, EvidenceRecord, FileOutbox, LedgerClient, LedgerPolicy, LedgerUrl,
    MemoryOutbox, NewBlocks, NullifierStatus, Outbox, OutboxEntry, OutboxState, PolicyId,
    ProposalId, ReadAt, RegistryClient, RegistryHistory, RegistryNews, RegistrySnapshot,
    RootRecord, RootStanding,
};
pub use did::{
    DelegateRole, DidDocument, DidKey, EthrDid, Identities, Resolution, VerificationMethod,
};
pub use error::LedgerError;
