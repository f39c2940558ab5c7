//! Keys, proofs and circuits in the formats of other tools.
//!
//! - [`snarkjs`]: verification key, proof and public signals as JSON, both ways;
//! - [`solidity`]: a verifier contract for a verifying key;
//! - [`r1cs`]: the circuit as an iden3 `.r1cs` file, on which a ceremony can be run;
//! - [`zkey`]: the outcome of such a ceremony, checked and turned into keys.

mod container;
mod elements;
pub mod r1cs;
pub mod snarkjs;
pub mod solidity;
pub mod zkey;
