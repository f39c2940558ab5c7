//! A query for our own format.

use serde_json::{Value, json};

use super::CredentialQuery;
use crate::{
    error::CredentialError,
    json::{Node, Object},
    presentation::{Identifier, PresentationRequest, Query, ScopeParts, ZkSystem, time},
};

/// What a credential is to prove, and under what.
#[derive(Clone, Debug, PartialEq)]
pub struct ZkQuery {
    /// The policy and its parameters.
    pub query: Query,
    /// What the nullifier is for.
    pub scope: ScopeParts,
    /// Proof systems that are accepted, 1 to 8.
    pub zk_system_type: Vec<ZkSystem>,
    /// How old, in seconds, a proof may be.
    pub max_age_s: u64,
}

impl ZkQuery {
    /// The queries of a request.
    pub(super) fn all_of(request: &PresentationRequest) -> Vec<CredentialQuery> {
        let queries = request.queries.iter().map(|query| {
            CredentialQuery::zk(Self {
                query: query.clone(),
                scope: request.scope.clone(),
                zk_system_type: request.zk_system_type.clone(),
                max_age_s: request.max_age_s,
            })
        });
        queries.collect()
    }

    /// Whether one request of our format can ask both.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.zk_system_type == other.zk_system_type
            && self.max_age_s == other.max_age_s
    }

    pub(super) fn meta(&self) -> Value {
        json!({
            "zk_system_type": self.zk_system_type,
            "policy": self.query.policy.source(),
            "parameters": self.query.parameters,
            "scope": self.scope,
            "max_age_s": self.max_age_s,
        })
    }

    /// Reads `meta`; in it no member is passed over.
    pub(super) fn read(id: &Identifier, meta: &Object<'_>) -> Result<Self, CredentialError> {
        meta.only(&["zk_system_type", "policy", "parameters", "scope", "max_age_s"])?;
        let query = json!({
            "id": id,
            "policy": meta.require("policy")?.value,
            "parameters": meta.require("parameters")?.value,
        });
        Ok(Self {
            query: Query::read(&Node::root(&query, &meta.path))?,
            scope: ScopeParts::read(&meta.require("scope")?)?,
            zk_system_type: ZkSystem::read_all(&meta.require("zk_system_type")?)?,
            max_age_s: time(&meta.require("max_age_s")?)?,
        })
    }
}
