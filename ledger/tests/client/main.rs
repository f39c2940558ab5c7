//! The client against nodes that fail, lie, lag and reorganise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod anvil;
mod chain;
mod hostile;
mod node;
mod outbox;
mod pages;
mod quorum;
mod sending;
mod world;
