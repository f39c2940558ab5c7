//! What a verifier is configured with, and the service that it runs in.

mod checks;
mod service;
#[cfg(test)]
mod tests;

pub use checks::ChecksConfig;
pub use service::{ENVIRONMENT, EXAMPLE, ServiceConfig, TenantConfig};

use attestry_credential::presentation::{ClientId, ResponseUri};

/// Who the verifier is, and how strict.
#[derive(Clone, Debug)]
pub struct VerifierConfig {
    /// The verifier's did:ethr, which scopes its nullifiers.
    pub client_id: ClientId,
    /// Where wallets reach the HTTP service: its URL without a slash at the end.
    pub public_url: ResponseUri,
    /// How strict it is.
    pub checks: ChecksConfig,
}

impl VerifierConfig {
    /// A verifier of the usual strictness.
    pub fn new(client_id: ClientId, public_url: ResponseUri) -> Self {
        Self { client_id, public_url, checks: ChecksConfig::default() }
    }
}
