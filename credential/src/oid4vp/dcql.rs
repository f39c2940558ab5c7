//! DCQL, the query language of OpenID4VP.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{LDP_VC, Oid4vpError, PlainQuery, ZkQuery};
use crate::{
    json::{Node, Object, canonical},
    presentation::{FORMAT, Identifier, bounded},
};

/// Credentials that a query asks for, at most.
pub const MAX_CREDENTIALS: usize = crate::presentation::MAX_QUERIES;

/// What is asked: credentials, all of which are to be presented.
#[derive(Clone, Debug, PartialEq)]
pub struct DcqlQuery {
    /// 1 to [`MAX_CREDENTIALS`], each with its own id.
    pub credentials: Vec<CredentialQuery>,
}

/// One credential that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialQuery {
    /// Its name within the request.
    pub id: Identifier,
    /// What it is to be.
    pub asked: Asked,
}

/// What a credential is to be, by format.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// A proof about a credential, in [our format](FORMAT).
    Zk(Box<ZkQuery>),
    /// A credential as it is, in `ldp_vc`.
    Plain(PlainQuery),
}

impl CredentialQuery {
    /// A query for a proof.
    pub fn zk(query: ZkQuery) -> Self {
        Self { id: query.query.id.clone(), asked: Asked::Zk(Box::new(query)) }
    }

    /// SHA-256 of the query's JSON in canonical form, as receipts name it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(canonical(&self.to_json())).into()
    }

    fn to_json(&self) -> Value {
        match &self.asked {
            Asked::Zk(query) => json!({ "id": self.id, "format": FORMAT, "meta": query.meta() }),
            Asked::Plain(query) => {
                let mut json = json!({ "id": self.id, "format": LDP_VC, "meta": query.meta() });
                if !query.claims.is_empty() {
                    json["claims"] = query.claims_json();
                }
                json
            }
        }
    }

    fn read(node: &Node<'_>) -> Result<Self, Oid4vpError> {
        let object = node.object()?;
        refuse_other_questions(&object)?;
        let id: Identifier = object.require("id")?.parse()?;
        let meta = object.require("meta")?.object()?;
        let asked = match object.require("format")?.text()? {
            FORMAT => match object.get("claims") {
                None => Asked::Zk(Box::new(ZkQuery::read(&id, &meta)?)),
                Some(claims) => {
                    return Err(claims.refuse("has no place beside a policy").into());
                }
            },
            LDP_VC => Asked::Plain(PlainQuery::read(&meta, object.get("claims"))?),
            _ => {
                let rule = "dcql_query: asks for a credential format that is not served";
                return Err(Oid4vpError::Unsupported(rule));
            }
        };
        Ok(Self { id, asked })
    }
}

/// Refuses what would be answered wrongly if it were passed over.
fn refuse_other_questions(object: &Object<'_>) -> Result<(), Oid4vpError> {
    let flag = |name: &str| object.get(name).map(|node| node.boolean()).transpose();
    if flag("multiple")? == Some(true) {
        return Err(Oid4vpError::Unsupported("dcql_query: multiple is not served"));
    }
    if flag("require_cryptographic_holder_binding")? == Some(false) {
        let rule = "dcql_query: presentations without holder binding are not served";
        return Err(Oid4vpError::Unsupported(rule));
    }
    if object.get("trusted_authorities").is_some() {
        return Err(Oid4vpError::Unsupported("dcql_query: trusted_authorities is not served"));
    }
    if object.get("claim_sets").is_some() {
        return Err(Oid4vpError::Unsupported("dcql_query: claim_sets is not served"));
    }
    Ok(())
}

impl DcqlQuery {
    /// Reads a query.
    ///
    /// # Errors
    /// [`Oid4vpError::Malformed`], [`Oid4vpError::Unsupported`].
    pub fn from_value(query: &Value) -> Result<Self, Oid4vpError> {
        Self::read(&Node::root(query, "dcql_query"))
    }

    /// The query as JSON.
    pub fn to_json(&self) -> Value {
        let credentials: Vec<Value> =
            self.credentials.iter().map(CredentialQuery::to_json).collect();
        json!({ "credentials": credentials })
    }

    /// The credential of this id.
    pub fn credential(&self, id: &Identifier) -> Option<&CredentialQuery> {
        self.credentials.iter().find(|query| query.id == *id)
    }

    pub(super) fn read(node: &Node<'_>) -> Result<Self, Oid4vpError> {
        let object = node.object()?;
        let credentials = object.require("credentials")?;
        let nodes = bounded(&credentials, MAX_CREDENTIALS, "has not 1 to 8 credentials")?;
        let query = Self {
            credentials: nodes.iter().map(CredentialQuery::read).collect::<Result<_, _>>()?,
        };
        let ids: BTreeSet<_> = query.credentials.iter().map(|query| query.id.as_str()).collect();
        if ids.len() != query.credentials.len() {
            return Err(credentials.refuse("has an id twice").into());
        }
        match object.get("credential_sets") {
            Some(sets) => query.check_sets(&ids, &sets).map(|()| query.clone()),
            None => Ok(query),
        }
    }

    /// Credential sets are taken if they ask for everything, as a query without them does.
    fn check_sets(&self, ids: &BTreeSet<&str>, sets: &Node<'_>) -> Result<(), Oid4vpError> {
        let mut required = BTreeSet::new();
        for set in bounded(sets, MAX_CREDENTIALS, "has not 1 to 8 sets")? {
            let set = set.object()?;
            let options = set.require("options")?;
            let options = bounded(&options, MAX_CREDENTIALS, "has not 1 to 8 options")?;
            for option in &options {
                for id in bounded(option, MAX_CREDENTIALS, "has not 1 to 8 ids")? {
                    let Some(known) = ids.get(id.text()?) else {
                        return Err(id.refuse("is not the id of a credential").into());
                    };
                    required.insert(*known);
                }
            }
            let optional = set.get("required").map(|node| node.boolean()).transpose()?;
            if options.len() > 1 || optional == Some(false) {
                let rule = "dcql_query: credential_sets with a choice are not served";
                return Err(Oid4vpError::Unsupported(rule));
            }
        }
        if required == *ids {
            return Ok(());
        }
        Err(Oid4vpError::Unsupported("dcql_query: credential_sets that leave out credentials"))
    }
}
