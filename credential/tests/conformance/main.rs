//! VCDM 2.0, Data Integrity and Bitstring Status List from outside: what a conformance suite posts
//! to an issuer and a verifier, by the normative statement that each test is about.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod contexts;
mod credentials;
mod foreign;
mod graphs;
mod parties;
mod presentations;
mod proofs;
mod remote;
mod status;
