//! The Attestry statement: what a presentation proves, natively and in R1CS.
//!
//! A holder keeps a signed [`Credential`]; an issuer is accredited by a leaf of the
//! [`registry`]; revocation is a bit of a [`status`] list. A [`Statement`] says in public what
//! the holder proves of these, and [`Statement::check`] is the relation itself, in plain Rust.
//! Feature `r1cs` adds the same relation as a circuit (`r1cs`).
//!
//! The properties and their justification: `docs/statement.md`.

pub mod credential;
pub mod field;
pub mod holder;
pub mod jubjub;
pub mod policy;
pub mod poseidon;
#[cfg(feature = "r1cs")]
pub mod r1cs;
pub mod registry;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod schnorr;
pub mod statement;
pub mod status;
pub mod time;
pub mod witness;

pub use credential::{
    CLAIM_COUNT, Claims, Credential, Header, IssuerId, SchemaId, salted_text_claim,
};
pub use field::{FieldError, Fr};
pub use holder::{HolderCommitment, HolderSecret, Nullifier, Scope, WithdrawalKey};
pub use statement::{Context, PUBLIC_INPUTS, Statement};
pub use witness::{Violation, Witness};
