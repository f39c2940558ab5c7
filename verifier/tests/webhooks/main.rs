//! Webhooks, from what happens to the receivers, on the kind of database that the suite runs on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod delivery;
mod management;
mod receiver;
mod rotation;
mod together;
mod world;
