//! What a verifier is configured with, and the service that it runs in.

mod service;
#[cfg(test)]
mod tests;

pub use service::{ChecksConfig, ENVIRONMENT, EXAMPLE, ServiceConfig, TenantConfig};

use attestry_credential::presentation::{ClientId, ResponseUri};

use crate::Quota;

/// Who the verifier is, and how strict.
#[derive(Clone, Debug)]
pub struct VerifierConfig {
    /// The verifier's did:ethr, which scopes its nullifiers.
    pub client_id: ClientId,
    /// Where wallets reach the HTTP service: its URL without a slash at the end.
    pub public_url: ResponseUri,
    /// How long a session waits for its answer.
    pub session_lifetime_s: u64,
    /// How old the time of a proof may be when the answer arrives.
    pub max_age_s: u64,
    /// How far the time of a proof may be ahead of the verifier's clock.
    pub clock_skew_s: u64,
    /// How long a replaced registry root is still accepted. A suspension or revocation takes
    /// effect at the latest when this has passed.
    pub registry_grace_s: u64,
    /// How old the ledger's latest block may be. `None` for ledgers that make blocks only when
    /// there is a transaction, like the embedded one: of those, an old block says nothing.
    pub max_ledger_lag_s: Option<u64>,
    /// How long what holders disclosed is kept for whoever asked; and sessions that ended without
    /// an answer.
    pub disclosed_retention_s: u64,
    /// For how long after its last answer a ledger that gives none may be decided without, by
    /// what it said last; 0 for not at all. What is decided so says so.
    pub ledger_grace_s: u64,
    /// How many values one question may be asked with.
    pub quota: Quota,
    /// Answers that may wait for their check, or be in it, before more are turned away.
    pub max_waiting_checks: usize,
}

impl VerifierConfig {
    /// Sessions of 10 minutes, proofs of 15, 30 seconds of skew, 10 minutes of grace, no limit on
    /// the age of the latest block, a day for what is disclosed, no decision without the ledger,
    /// the usual quota, and 1,024 checks at once.
    pub fn new(client_id: ClientId, public_url: ResponseUri) -> Self {
        Self {
            client_id,
            public_url,
            session_lifetime_s: 600,
            max_age_s: 900,
            clock_skew_s: 30,
            registry_grace_s: 600,
            max_ledger_lag_s: None,
            disclosed_retention_s: 86_400,
            ledger_grace_s: 0,
            quota: Quota::default(),
            max_waiting_checks: 1024,
        }
    }
}
