//! What is asked of a wallet: the claims of the request object.

use serde_json::{Value, json};

use super::{
    Asked, DcqlQuery, EncryptionKey, Oid4vpError, ResponseMode, ZkQuery, jws::SELF_ISSUED, metadata,
};
use crate::{
    error::Rule,
    json::{Node, Object},
    presentation::{
        ClientId, Identifier, MAX_TEXT, Nonce, PresentationRequest, ResponseUri, text, time,
    },
};

/// Precedes a DID in a client identifier.
pub const CLIENT_ID_PREFIX: &str = "decentralized_identifier:";

const RESPONSE_TYPE: &str = "vp_token";

/// An Authorization Request, as a signed request object has it.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizationRequest {
    /// The verifier's DID; in the request after [`CLIENT_ID_PREFIX`].
    pub client_id: ClientId,
    /// Where the answer is posted.
    pub response_uri: ResponseUri,
    /// Whether the answer is encrypted.
    pub response_mode: ResponseMode,
    /// The challenge.
    pub nonce: Nonce,
    /// The request's id, which the answer repeats.
    pub state: Identifier,
    /// When it was made, Unix seconds.
    pub issued_at: u64,
    /// When it ends, Unix seconds.
    pub expires_at: u64,
    /// Why it is asked, in words for the holder; 1 to 2048 bytes.
    pub purpose: String,
    /// What is asked.
    pub dcql_query: DcqlQuery,
}

impl AuthorizationRequest {
    /// The request object of a request of our format.
    pub fn of(request: &PresentationRequest, mode: ResponseMode, issued_at: u64) -> Self {
        Self {
            client_id: request.client_id.clone(),
            response_uri: request.response_uri.clone(),
            response_mode: mode,
            nonce: request.nonce.clone(),
            state: request.request_id.clone(),
            issued_at,
            expires_at: request.expires_at,
            purpose: request.purpose.clone(),
            dcql_query: DcqlQuery { credentials: ZkQuery::all_of(request) },
        }
    }

    /// The client identifier, with its prefix: what plain presentations have as their domain.
    pub fn prefixed_client_id(&self) -> String {
        format!("{CLIENT_ID_PREFIX}{}", self.client_id)
    }

    /// The request of our format that this is.
    ///
    /// # Errors
    /// [`Oid4vpError::Unsupported`] if it asks for credentials of another format, or for proofs of
    /// several scopes, systems or ages.
    pub fn presentation_request(&self) -> Result<PresentationRequest, Oid4vpError> {
        let queries = self.dcql_query.credentials.iter().map(|query| match &query.asked {
            Asked::Zk(asked) => Ok(&**asked),
            Asked::Plain(_) => {
                Err(Oid4vpError::Unsupported("dcql_query: asks for credentials of another format"))
            }
        });
        let queries = queries.collect::<Result<Vec<_>, _>>()?;
        let first = queries.first().ok_or(Oid4vpError::Request("asks for nothing"))?;
        if queries.iter().any(|query| !query.is_alike(first)) {
            let rule = "dcql_query: asks under several scopes, proof systems or ages of proofs";
            return Err(Oid4vpError::Unsupported(rule));
        }
        Ok(PresentationRequest {
            request_id: self.state.clone(),
            client_id: self.client_id.clone(),
            response_uri: self.response_uri.clone(),
            nonce: self.nonce.clone(),
            scope: first.scope.clone(),
            queries: queries.iter().map(|query| query.query.clone()).collect(),
            expires_at: self.expires_at,
            max_age_s: first.max_age_s,
            purpose: self.purpose.clone(),
            format: Default::default(),
            zk_system_type: first.zk_system_type.clone(),
        })
    }

    /// The key that the answer is encrypted to, if it is to be.
    pub fn encryption_key(&self) -> Option<&EncryptionKey> {
        match &self.response_mode {
            ResponseMode::DirectPost => None,
            ResponseMode::DirectPostJwt { key, .. } => Some(key),
        }
    }

    /// The claims of the request object.
    pub fn to_claims(&self) -> Value {
        json!({
            "aud": SELF_ISSUED,
            "iat": self.issued_at,
            "exp": self.expires_at,
            "response_type": RESPONSE_TYPE,
            "response_mode": self.response_mode.name(),
            "client_id": self.prefixed_client_id(),
            "response_uri": self.response_uri,
            "nonce": self.nonce,
            "state": self.state,
            "dcql_query": self.dcql_query.to_json(),
            "client_metadata": metadata::to_json(&self.dcql_query, &self.response_mode),
            "purpose": self.purpose,
        })
    }

    /// Reads the claims of a request object; audience and times are for the caller to hold against
    /// what it expects.
    ///
    /// # Errors
    /// [`Oid4vpError::Malformed`] naming the element and the rule; [`Oid4vpError::Unsupported`].
    pub fn from_claims(claims: &Value) -> Result<Self, Oid4vpError> {
        let object = Node::root(claims, "").object()?;
        let response_type = object.require("response_type")?;
        if response_type.text()? != RESPONSE_TYPE {
            return Err(response_type.refuse("is not vp_token").into());
        }
        refuse_foreign_members(&object)?;
        let mode = object.require("response_mode")?;
        Ok(Self {
            client_id: client_id(&object.require("client_id")?)?,
            response_uri: object.require("response_uri")?.parse()?,
            response_mode: ResponseMode::read(&mode, object.get("client_metadata"))?,
            nonce: object.require("nonce")?.parse()?,
            state: object.require("state")?.parse()?,
            issued_at: time(&object.require("iat")?)?,
            expires_at: time(&object.require("exp")?)?,
            purpose: text(&object.require("purpose")?, MAX_TEXT)?,
            dcql_query: DcqlQuery::read(&object.require("dcql_query")?)?,
        })
    }
}

/// Members that would change what is asked, or to whom it is answered.
fn refuse_foreign_members(object: &Object<'_>) -> Result<(), Oid4vpError> {
    const NOT_ALLOWED: [&str; 3] = ["request", "request_uri", "redirect_uri"];
    if let Some(node) = NOT_ALLOWED.iter().find_map(|name| object.get(name)) {
        return Err(node
            .refuse("is not to be in a request object that is answered by post")
            .into());
    }
    const NOT_SERVED: [(&str, &str); 3] = [
        ("scope", "scope: queries by name are not served"),
        ("transaction_data", "transaction_data: is not served"),
        ("presentation_definition", "presentation_definition: is not of this version"),
    ];
    match NOT_SERVED.iter().find(|(name, _)| object.get(name).is_some()) {
        Some((_, rule)) => Err(Oid4vpError::Unsupported(rule)),
        None => Ok(()),
    }
}

/// A client identifier with the prefix of DIDs.
pub(super) fn client_id(node: &Node<'_>) -> Result<ClientId, Oid4vpError> {
    Ok(parse_client_id(node.text()?).map_err(|rule| rule.at(&node.path))?)
}

/// The DID of a client identifier.
pub(super) fn parse_client_id(text: &str) -> Result<ClientId, Rule> {
    match text.strip_prefix(CLIENT_ID_PREFIX) {
        Some(did) => did.parse(),
        None => Err(Rule::new("is not decentralized_identifier: and a DID")),
    }
}
