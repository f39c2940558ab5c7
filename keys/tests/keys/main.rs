//! Keys, proofs and verification on a toy circuit and on the real one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod decoding;
mod kept_proofs;
mod presentation;
mod prove_and_verify;
mod store;
mod toy;
