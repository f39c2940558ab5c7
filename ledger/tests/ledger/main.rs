//! The contracts, the client and the resolver on the embedded ledger.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod contracts;
mod did_oracle;
mod embedded;
mod governance;
mod identities;
mod jsonrpc;
mod killed;
mod registry;
mod served;
mod verify;
mod world;
