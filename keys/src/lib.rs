//! Proving and verifying keys: set-up, fingerprints, prover, single and batch verification.
//!
//! [`insecure_development_setup`] makes a [`KeySet`], a [`KeyStore`] keeps it, a [`Prover`]
//! turns an assignment into a [`Proof`], and a [`PreparedVerifyingKey`] checks proofs. The proofs
//! are plain Groth16 over BN254: any verifier of such proofs takes them.

mod batch;
mod codec;
mod error;
mod input_tables;
pub mod interop;
mod manifest;
mod parallel;
mod presentation;
mod proof;
mod prover;
pub mod proving_key;
mod setup;
mod store;
mod verify;
mod verifying_key;

pub use error::KeyError;
pub use manifest::{KeyFile, Manifest, Origin};
pub use presentation::{VerifiedStatement, insecure_development_setup};
pub use proof::Proof;
pub use prover::{Prover, ProverSizes, ProvingTimes};
pub use proving_key::ProvingKey;
pub use setup::{Progress, SetupStep, insecure_development_setup_for};
pub use store::{KeySet, KeyStore, Saved};
pub use verify::{PreparedVerifyingKey, VerifyError};
pub use verifying_key::VerifyingKey;

/// The standard Groth16 proving key, as arkworks generates it.
pub type StandardKey = ark_groth16::ProvingKey<ark_bn254::Bn254>;
