//! Hold, choose, prove, withdraw, back up: no network, no clock, no ledger client.
//!
//! A [`Wallet`] holds one holder secret and the credentials that issuers bound to it. Callers pass
//! in the time, randomness, the ledger's state as a [`RegistryView`], and a [`VaultStore`] for the
//! encrypted bytes:
//!
//! 1. [`Wallet::accept`] takes a W3C document and its attestation;
//! 2. [`Wallet::choose`] says which credentials satisfy a verifier's request, and why others do
//!    not;
//! 3. [`Wallet::present`] answers it, from the pool of [`Wallet::prepare`] where that has a
//!    fitting proof, and notes it in the consent [log](Wallet::log);
//! 4. [`Wallet::withdraw`] reveals the key that ends a verifier's use of the holder's nullifier.

mod accept;
mod choose;
mod error;
mod held;
mod log;
mod prepare;
mod present;
mod prover;
mod registry_view;
mod secret;
mod store;
#[cfg(test)]
mod tests;
pub mod vault;
mod wallet;

pub use choose::{Choices, Chosen, QueryChoice, Reason};
pub use error::WalletError;
pub use held::{CredentialId, HeldCredential, Validity};
pub use log::{Answered, Asked, AskedQuery, LogEntry, LogEvent};
pub use prepare::{MAX_POOL, Session};
pub use prover::CircuitProver;
pub use registry_view::RegistryView;
#[cfg(feature = "file")]
pub use store::FileStore;
pub use store::VaultStore;
pub use vault::{KeyDerivation, VaultError};
pub use wallet::Wallet;
