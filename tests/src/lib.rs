//! What whole-system tests share: offices that issue, people with wallets, verifiers. The flows are
//! in the `tests` folder; tests of the binary are built with `attestry-cli`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod office;
mod person;
mod verifier;

pub use office::Office;
pub use person::Person;
pub use verifier::{development_keys, prover, verifier};

/// A clock: Unix seconds.
pub type Now = fn() -> u64;
