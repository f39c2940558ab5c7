//! The verifier on a real embedded ledger and a real database, with real proofs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accepted;
mod access;
mod direct;
mod documents;
mod exports;
mod fetched;
mod gathered;
mod hostile;
mod http;
mod ledger;
mod logs;
mod node;
mod offline;
mod oid4vp;
mod openapi;
mod plain;
mod policies;
mod quotas;
mod readiness;
mod replayed;
mod studies;
mod tampered;
mod tenants;
mod told;
mod view;
mod world;
