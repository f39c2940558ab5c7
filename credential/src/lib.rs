//! Credential schemas, claim encoding, FHIR mapping and W3C documents.
//!
//! A credential is written by people as a FHIR resource, carried as a W3C verifiable credential,
//! and proven as 24 field elements. This crate holds the three forms and the ways between them:
//!
//! - [`vocabulary`]: frozen integer registries for every word that a claim may have;
//! - [`schema`]: ProviderCredential/1 and ConsentGrant/1, their claims and encodings;
//! - [`fhir`]: FHIR R4 in; [`roster`]: many credentials in one file, as CSV or NDJSON;
//! - [`vcdm`]: VCDM 2.0 documents and the attestation beside them;
//! - [`policy`]: named policies, compiled to the statement's slots;
//! - [`issuance`]: the wire between issuer and wallet;
//! - [`presentation`]: what a wallet proves to a verifier; [`oid4vp`]: how it is asked and answered;
//! - `w3c` (feature `w3c`): Data Integrity proofs and status lists.

mod base58;
mod did;
mod error;
mod form;
mod json;
mod url;

pub mod fhir;
pub mod issuance;
pub mod oid4vp;
pub mod policy;
pub mod presentation;
pub mod roster;
pub mod schema;
pub mod vcdm;
pub mod vocabulary;
#[cfg(feature = "w3c")]
pub mod w3c;

pub use error::{CredentialError, Rule};
