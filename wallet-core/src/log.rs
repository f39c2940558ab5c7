//! The consent log: who asked for what and when, and what the holder did.

use crate::CredentialId;
use attestry_circuits::Scope;
use attestry_credential::presentation::{
    ClientId, Digest, Identifier, PresentationRequest, Query, ResponseUri, ScopeParts,
};
use serde::{Deserialize, Serialize};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// When, in Unix seconds.
    pub at: u64,
    /// What happened.
    pub event: LogEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LogEvent {
    /// The holder answered a request. One answer a query.
    Presented {
        /// What was asked.
        asked: Asked,
        /// What was used for it.
        answers: Vec<Answered>,
    },
    /// The holder answered one query to a contract, for all to see.
    PresentedToLedger {
        /// What was asked.
        asked: Asked,
        /// The query.
        query: Identifier,
        /// The credential.
        credential: CredentialId,
        /// The chain.
        chain_id: u64,
        /// The contract: `0x` and 40 hexadecimal digits.
        contract: String,
    },
    /// The holder declined a request.
    Declined {
        /// What was asked.
        asked: Asked,
    },
    /// The holder revealed the withdrawal key of a scope.
    Withdrew {
        /// The verifier.
        client_id: ClientId,
        /// The rest of the scope.
        scope: ScopeParts,
    },
}

/// What a verifier asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The request.
    pub request_id: Identifier,
    /// The verifier.
    pub client_id: ClientId,
    /// Where the answer goes.
    pub response_uri: ResponseUri,
    /// The verifier's words.
    pub purpose: String,
    /// What the nullifier is for.
    pub scope: ScopeParts,
    /// The queries.
    pub queries: Vec<AskedQuery>,
}

/// One query of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedQuery {
    /// Its name.
    pub id: Identifier,
    /// The policy's name.
    pub policy: String,
    /// The policy's version.
    pub version: u32,
    /// SHA-256 of the policy document.
    pub policy_hash: Digest,
    /// Names of the claims to disclose.
    pub disclosed: Vec<String>,
}

/// What a query was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The query.
    pub query: Identifier,
    /// The credential.
    pub credential: CredentialId,
    /// The one-time public key.
    pub presentation_key: Digest,
}

/// The scope that a verifier's parts name.
pub(crate) fn scope_of(client_id: &ClientId, parts: &ScopeParts) -> Scope {
    Scope::new(client_id.as_str(), &parts.purpose, parts.epoch)
}

impl Asked {
    pub(crate) fn of(request: &PresentationRequest) -> Self {
        Self {
            request_id: request.request_id.clone(),
            client_id: request.client_id.clone(),
            response_uri: request.response_uri.clone(),
            purpose: request.purpose.clone(),
            scope: request.scope.clone(),
            queries: request.queries.iter().map(AskedQuery::of).collect(),
        }
    }
}

impl AskedQuery {
    fn of(query: &Query) -> Self {
        let policy = &query.policy;
        let claims = policy.disclosures().into_iter().map(|spec| spec.name);
        let issuer = policy.discloses_issuer().then_some("issuer");
        Self {
            id: query.id.clone(),
            policy: policy.id().to_owned(),
            version: policy.version(),
            policy_hash: Digest::from_bytes(policy.hash()),
            disclosed: claims.chain(issuer).map(str::to_owned).collect(),
        }
    }
}
