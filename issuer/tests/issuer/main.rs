//! The issuer on a real embedded ledger and a real database, through its service and through HTTP.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anchor;
mod device;
mod epochs;
mod hostile;
mod http;
mod imports;
mod imports_http;
mod logs;
mod offers;
mod openapi;
mod outbox;
mod plain;
mod refusals;
mod register;
mod served;
mod service;
mod world;
