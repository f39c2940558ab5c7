//! What a wallet refuses, and why.

use crate::{CredentialId, Reason, VaultError};
use attestry_circuits::Violation;
use attestry_credential::CredentialError;
use attestry_credential::issuance::IssuanceError;
use attestry_credential::oid4vp::Oid4vpError;
use attestry_credential::presentation::{Identifier, PresentationError};

/// Why a wallet does not do what it is asked. Names properties and elements, never a value.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The sealed bytes cannot be made or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The vault opened, but its content is not a wallet's.
    #[error("wallet content: {0}")]
    Content(&'static str),
    /// The store did not keep the sealed bytes; nothing left the wallet.
    #[error("the wallet could not be stored: {0}")]
    Store(#[from] std::io::Error),
    /// What an issuer sends is refused, or what it asks for is not to be had.
    #[error(transparent)]
    Issuance(#[from] IssuanceError),
    /// A verifier's signed request is refused, or asks for what this wallet does not do.
    #[error(transparent)]
    Inquiry(#[from] Oid4vpError),
    /// The credential is of another schema than was asked for.
    #[error("credential: it is not of the schema that was asked for")]
    OtherSchema,
    /// A credential's document or attestation is refused.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The credential is bound to another holder secret.
    #[error("credential: it belongs to another holder")]
    OtherHolder,
    /// The attestation's registry entry is not one of the credential's issuer, schema and key.
    #[error("attestation: its registry entry is for another issuer, schema or key")]
    OtherLeaf,
    /// A document or an attestation is longer than anything that is honest.
    #[error("credential: longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The topics that are kept ready ask for more proofs than the pool keeps.
    #[error("pool: more than {} proofs are asked to be ready", crate::MAX_POOL)]
    PoolLimit,
    /// The thread that proves ahead could not start, or ended.
    #[cfg(feature = "background")]
    #[error("the proving thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The wallet holds no such credential.
    #[error("the wallet holds no such credential")]
    UnknownCredential,
    /// The request or the presentation is refused.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
    /// The request's time is over.
    #[error("request: it has expired")]
    RequestExpired,
    /// The request does not accept the circuit and key of this prover.
    #[error("request: it accepts no circuit and key that this wallet proves with")]
    UnsupportedSystem,
    /// The holder has withdrawn under the request's scope.
    #[error("request: the holder has withdrawn under its scope")]
    Withdrawn,
    /// No credential satisfies a query; each is named with the reason.
    #[error("no credential satisfies query {query}{}", reasons(.refused))]
    Unmet {
        /// The query.
        query: Identifier,
        /// Why each credential does not.
        refused: Vec<(CredentialId, Reason)>,
    },
    /// A property of the statement does not hold for the credential.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The credential that was chosen does not satisfy the query.
    #[error("the chosen credential does not satisfy the query: {0}")]
    Refused(Reason),
    /// The prover failed.
    #[error(transparent)]
    Key(#[from] attestry_keys::KeyError),
}

fn reasons(refused: &[(CredentialId, Reason)]) -> String {
    let mut words: Vec<String> = refused.iter().map(|(_, reason)| reason.to_string()).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) }
}
