//! Hold, choose, prove, withdraw, back up: no network, no clock, no ledger client.
//!
//! A [`Wallet`] holds one holder secret and the credentials that issuers bound to it. Callers pass
//! in the time, randomness, the ledger's state as a [`RegistryView`], and a [`VaultStore`] for the
//! encrypted bytes:
//!
//! 1. [`Wallet::accept`] takes a W3C document and its attestation; an [`Issuance`] obtains them
//!    over OpenID4VCI;
//! 2. [`Wallet::choose`] says which credentials satisfy a verifier's request, and why others do
//!    not; over OpenID4VP the request comes as an [`Inquiry`], which has the form of the answer, too;
//! 3. [`Wallet::present`] answers it, from the pool where that has a fitting proof, and notes it
//!    in the consent [log](Wallet::log);
//! 4. [`Wallet::present_to_ledger`] answers a contract instead;
//! 5. [`Wallet::withdraw`] reveals the key that ends a verifier's use of the holder's nullifier.
//!
//! The pool is of proofs made before they are asked for, each under a one-time key.
//! [`Wallet::keep_ready`] says for which questions and how many; [`Wallet::refill_step`] makes
//! them one by one, or a [`Refiller`] in a thread of its own. An answer from the pool costs the
//! checks that need no ledger, one record behind the stored wallet, and one signature. The record
//! is durable before the key signs, and is the log's entry: when the wallet is opened again, the
//! entry takes its key out of the pool. So no key signs twice and no answer is missing from the
//! log, wherever a crash comes. [`Wallet::save`] stores the rest: credentials, and what is kept
//! ready.

mod accept;
#[cfg(feature = "background")]
mod background;
mod choose;
mod error;
mod held;
mod inquiry;
mod journal;
mod ledger_call;
mod log;
mod pool;
mod prepare;
mod present;
mod prover;
mod receive;
mod refill;
mod registry_view;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod wallet;

pub use attestry_vault::{self as vault, KeyDerivation, VaultError};
#[cfg(feature = "background")]
pub use background::Refiller;
pub use choose::{Choices, Chosen, QueryChoice, Reason};
pub use error::WalletError;
pub use held::{CredentialId, HeldCredential, Validity};
pub use inquiry::Inquiry;
pub use ledger_call::{LedgerAnswer, LedgerCall};
pub use log::{Answered, Asked, AskedQuery, LogEntry, LogEvent};
pub use pool::MAX_POOL;
pub use prepare::Session;
pub use prover::CircuitProver;
pub use receive::Issuance;
pub use registry_view::RegistryView;
#[cfg(feature = "file")]
pub use store::FileStore;
pub use store::{MemoryStore, VaultStore};
pub use wallet::Wallet;
