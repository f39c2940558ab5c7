//! The verifier on a real embedded ledger and a real SQLite file, with real proofs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accepted;
mod http;
mod ledger;
mod logs;
mod replayed;
mod tampered;
mod world;
