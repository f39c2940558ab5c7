//! VCDM 2.0 documents for both schemas, and the attestation beside them.
//!
//! A [`Document`] is what a holder keeps: a W3C verifiable credential whose `credentialSubject`
//! states the claims in words. The issuer signs it twice: as a Data Integrity proof inside the
//! document (feature `w3c`), and as an [`Attestation`] beside it, over the 24 field elements that
//! the document itself encodes to. Header and claims are always derived from the document, so
//! that the two cannot drift apart.
//!
//! [`conforming`] checks the form of anybody's VCDM 2.0 credentials and presentations.

mod attestation;
pub mod conforming;
mod document;
mod time;

pub use attestation::Attestation;
pub use document::{Document, HOLDER_COMMITMENT, StatusEntry};
#[cfg(feature = "w3c")]
pub(crate) use time::Instant;
pub use time::write_time;
pub(crate) use time::{read_instant, read_time};

use crate::schema::Schema;

/// The base context of VCDM 2.0.
pub const CREDENTIALS_CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";
/// The context that gives our terms their meaning.
pub const ATTESTRY_CONTEXT: &str = "https://attestry.example/credentials/v1";
/// The document at [`ATTESTRY_CONTEXT`].
pub const ATTESTRY_CONTEXT_DOCUMENT: &str = include_str!("../../contexts/credentials-v1.jsonld");

const PROVIDER_SCHEMA: &str = include_str!("../../contexts/provider-credential-1.schema.json");
const CONSENT_SCHEMA: &str = include_str!("../../contexts/consent-grant-1.schema.json");

/// Where the JSON schema of a credential schema is served: the `credentialSchema` of its documents.
pub fn schema_url(schema: Schema) -> &'static str {
    match schema {
        Schema::ProviderCredential => "https://attestry.example/schemas/provider-credential-1.json",
        Schema::ConsentGrant => "https://attestry.example/schemas/consent-grant-1.json",
    }
}

/// The JSON schema of a credential schema's documents.
pub fn schema_document(schema: Schema) -> &'static str {
    match schema {
        Schema::ProviderCredential => PROVIDER_SCHEMA,
        Schema::ConsentGrant => CONSENT_SCHEMA,
    }
}

#[cfg(test)]
pub(crate) mod tests;
