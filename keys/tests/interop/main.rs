//! Keys, proofs and circuits in the formats of other tools, judged by those tools.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ceremony;
mod contracts;
mod damage;
mod evm;
mod json;
mod node;
mod r1cs;
mod scene;
#[expect(dead_code, reason = "the tests in `keys` use the rest")]
#[path = "../keys/toy.rs"]
mod toy;
