//! What the verifier sends.

use attestry_circuits::Scope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ClientId, Digest, Identifier, Nonce, PresentationError, Query, ResponseUri,
    read::{document, time},
};
use crate::{
    error::{CredentialError, Rule},
    json::Node,
};

/// The credential format of zero-knowledge presentations, in OID4VP's sense.
pub const FORMAT: &str = "attestry.example/zk-groth16-bn254";
/// The proof system's name in [`ZkSystem`].
pub const SYSTEM: &str = "groth16-bn254";
/// Bytes of a request in JSON, at most.
pub const MAX_REQUEST: usize = 64 * 1024;
/// Queries of a request, at most.
pub const MAX_QUERIES: usize = 8;

const MAX_SYSTEMS: usize = 8;
const MAX_PURPOSE: usize = 256;
pub(crate) const MAX_TEXT: usize = 2048;

/// What a nullifier counts: presentations of one holder for the same purpose and epoch have the
/// same nullifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeParts {
    /// What the presentation is for, for instance a study; 1 to 256 bytes.
    pub purpose: String,
    /// A new epoch starts a new count.
    pub epoch: u64,
}

impl ScopeParts {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, CredentialError> {
        let object = node.object()?;
        object.only(&["purpose", "epoch"])?;
        Ok(Self {
            purpose: text(&object.require("purpose")?, MAX_PURPOSE)?,
            epoch: object.require("epoch")?.integer()?,
        })
    }
}

/// A proof system that the verifier accepts: an element of OID4VP's `zk_system_type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZkSystem {
    /// The verifier's name for it.
    #[serde(rename = "zkSystemId")]
    pub id: Identifier,
    system: &'static str,
    /// Which circuit and key.
    pub params: ZkParams,
}

/// The artefacts of a proof system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZkParams {
    /// The circuit's id.
    pub circuit_hash: Digest,
    /// The verifying key's hash.
    pub vk_hash: Digest,
}

impl ZkSystem {
    /// This system with a circuit and a verifying key.
    pub fn new(id: Identifier, circuit_hash: Digest, vk_hash: Digest) -> Self {
        Self { id, system: SYSTEM, params: ZkParams { circuit_hash, vk_hash } }
    }

    fn read(node: &Node<'_>) -> Result<Self, CredentialError> {
        let object = node.object()?;
        object.only(&["zkSystemId", "system", "params"])?;
        let system = object.require("system")?;
        if system.text()? != SYSTEM {
            return Err(system.refuse("is not a proof system known here"));
        }
        let params = object.require("params")?.object()?;
        params.only(&["circuit_hash", "vk_hash"])?;
        Ok(Self::new(
            object.require("zkSystemId")?.parse()?,
            params.require("circuit_hash")?.parse()?,
            params.require("vk_hash")?.parse()?,
        ))
    }

    pub(crate) fn read_all(node: &Node<'_>) -> Result<Vec<Self>, CredentialError> {
        let systems = bounded(node, MAX_SYSTEMS, "has not 1 to 8 proof systems")?;
        systems.iter().map(Self::read).collect()
    }
}

/// A verifier's request for presentations.
///
/// Read from JSON with no unknown member admitted. The wallet shows [`client_id`](Self::client_id)
/// and [`purpose`](Self::purpose) to the holder; the request's own authenticity (a signature of
/// the client id's DID) is checked before it comes here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct PresentationRequest {
    /// The request.
    pub request_id: Identifier,
    /// The verifier.
    pub client_id: ClientId,
    /// Where the answer is posted.
    pub response_uri: ResponseUri,
    /// The challenge.
    pub nonce: Nonce,
    /// What the nullifier is for.
    pub scope: ScopeParts,
    /// What is asked, 1 to [`MAX_QUERIES`], each with its own id; all of one holder.
    pub queries: Vec<Query>,
    /// Last second, Unix, at which an answer is accepted.
    pub expires_at: u64,
    /// How old, in seconds, a proof's `now` may be when the answer arrives.
    pub max_age_s: u64,
    /// Why it is asked, in words for the holder; at most 2048 bytes.
    pub purpose: String,
    /// [`FORMAT`].
    pub format: Format,
    /// Proof systems that are accepted, 1 to 8.
    pub zk_system_type: Vec<ZkSystem>,
}

/// The presentation format of a request: always [`FORMAT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Format {
    /// [`FORMAT`].
    #[default]
    #[serde(rename = "attestry.example/zk-groth16-bn254")]
    ZkGroth16Bn254,
}

impl PresentationRequest {
    const MEMBERS: [&str; 11] = [
        "request_id",
        "client_id",
        "response_uri",
        "nonce",
        "scope",
        "queries",
        "expires_at",
        "max_age_s",
        "purpose",
        "format",
        "zk_system_type",
    ];

    /// Reads JSON text.
    ///
    /// # Errors
    /// [`PresentationError::TooLong`] above [`MAX_REQUEST`];
    /// [`PresentationError::Malformed`] naming the element and the rule.
    pub fn from_json(text: &[u8]) -> Result<Self, PresentationError> {
        document("request", text, MAX_REQUEST)?.try_into()
    }

    /// The scope of the request's nullifiers: the verifier, the purpose and the epoch.
    pub fn scope(&self) -> Scope {
        Scope::new(self.client_id.as_str(), &self.scope.purpose, self.scope.epoch)
    }

    /// The query of this id.
    pub fn query(&self, id: &Identifier) -> Option<&Query> {
        self.queries.iter().find(|query| query.id == *id)
    }

    /// The accepted system of this circuit.
    pub fn system_of(&self, circuit: &Digest) -> Option<&ZkSystem> {
        self.zk_system_type.iter().find(|system| system.params.circuit_hash == *circuit)
    }
}

impl TryFrom<Value> for PresentationRequest {
    type Error = PresentationError;

    fn try_from(value: Value) -> Result<Self, PresentationError> {
        let object = Node::root(&value, "request").object()?;
        object.only(&Self::MEMBERS)?;
        let format = object.require("format")?;
        if format.text()? != FORMAT {
            return Err(format.refuse("is not a presentation format known here").into());
        }
        let queries = object.require("queries")?;
        let queries = bounded(&queries, MAX_QUERIES, "has not 1 to 8 queries")?
            .iter()
            .map(Query::read)
            .collect::<Result<Vec<_>, _>>()?;
        let repeated = |(i, query): (usize, &Query)| queries[..i].iter().any(|q| q.id == query.id);
        if queries.iter().enumerate().any(repeated) {
            return Err(Rule::new("names a query twice").at(object.member("queries")).into());
        }
        Ok(Self {
            request_id: object.require("request_id")?.parse()?,
            client_id: object.require("client_id")?.parse()?,
            response_uri: object.require("response_uri")?.parse()?,
            nonce: object.require("nonce")?.parse()?,
            scope: ScopeParts::read(&object.require("scope")?)?,
            queries,
            expires_at: time(&object.require("expires_at")?)?,
            max_age_s: time(&object.require("max_age_s")?)?,
            purpose: text(&object.require("purpose")?, MAX_TEXT)?,
            format: Format::ZkGroth16Bn254,
            zk_system_type: ZkSystem::read_all(&object.require("zk_system_type")?)?,
        })
    }
}

pub(crate) fn bounded<'a>(
    node: &Node<'a>,
    limit: usize,
    rule: &'static str,
) -> Result<Vec<Node<'a>>, CredentialError> {
    let items = node.items()?;
    if (1..=limit).contains(&items.len()) { Ok(items) } else { Err(node.refuse(rule)) }
}

pub(crate) fn text(node: &Node<'_>, limit: usize) -> Result<String, CredentialError> {
    let text = node.text()?;
    if text.is_empty() || text.len() > limit {
        return Err(Rule::worded(format!("is not 1 to {limit} bytes of text")).at(&node.path));
    }
    if text.chars().any(char::is_control) {
        return Err(node.refuse("has control characters"));
    }
    Ok(text.to_owned())
}
