//! The life of a deployment on the embedded ledger, or on the chain at `ATTESTRY_LEDGER_URL`.
//!
//! Nothing is assumed of the chain's block times, finality, fees or error texts. Where gas costs,
//! `ATTESTRY_LEDGER_FUNDER` is the key of a funded account; development chains need none. Where
//! blocks can be reorganised, `ATTESTRY_LEDGER_CONFIRMATIONS` is how deep one must be to count.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod chain;
mod deployment;
mod leaks;
mod life;

/// The time, Unix seconds: a chain at a URL has its own clock, which is taken to be about right.
#[allow(clippy::disallowed_methods, reason = "a real chain keeps real time")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
