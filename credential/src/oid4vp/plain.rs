//! A query for a W3C credential as it is: `ldp_vc`.

use serde_json::{Value, json};

use super::Oid4vpError;
use crate::{
    error::CredentialError,
    json::{Node, Object},
    presentation::{Identifier, bounded},
};

/// W3C credentials with Data Integrity proofs, in OpenID4VP's name.
pub const LDP_VC: &str = "ldp_vc";

const MAX_TYPES: usize = 16;
const MAX_CLAIMS: usize = 32;
const MAX_STEPS: usize = 16;
const LONGEST: usize = 256;

/// What a plain credential is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainQuery {
    /// Sets of types; the credential is to have all types of one set.
    pub type_values: Vec<Vec<String>>,
    /// The claims that are asked for; with none, only the types count.
    pub claims: Vec<ClaimQuery>,
}

/// One claim that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimQuery {
    /// Its name within the query.
    pub id: Option<Identifier>,
    /// Where it is, from the credential's root on.
    pub path: Vec<PathStep>,
    /// Values that are wanted; any if there are none.
    pub values: Vec<Value>,
}

/// A step of a claims path pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// The member of an object.
    Member(String),
    /// The item of an array, from 0.
    Item(u64),
    /// All items of an array.
    AllItems,
}

impl PathStep {
    fn read(node: &Node<'_>) -> Result<Self, CredentialError> {
        match node.value {
            Value::Null => Ok(Self::AllItems),
            Value::String(_) => Ok(Self::Member(short(node)?)),
            _ => node.integer().map(Self::Item),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Member(name) => json!(name),
            Self::Item(index) => json!(index),
            Self::AllItems => Value::Null,
        }
    }
}

impl ClaimQuery {
    /// The values at the path, none if a step leads nowhere or leads to another value than one
    /// that is wanted.
    pub fn select<'a>(&self, credential: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![credential];
        for step in &self.path {
            found = found.into_iter().flat_map(|value| values_at(value, step)).collect();
        }
        found.retain(|value| self.values.is_empty() || self.values.contains(value));
        found
    }

    /// The path as text, for who reads the result: its steps between dots, `*` for all items.
    pub fn pointer(&self) -> String {
        let steps = self.path.iter().map(|step| match step {
            PathStep::Member(name) => name.clone(),
            PathStep::Item(index) => index.to_string(),
            PathStep::AllItems => "*".to_owned(),
        });
        steps.collect::<Vec<_>>().join(".")
    }

    fn to_json(&self) -> Value {
        let mut json =
            json!({ "path": self.path.iter().map(PathStep::to_json).collect::<Vec<_>>() });
        if let Some(id) = &self.id {
            json["id"] = json!(id);
        }
        if !self.values.is_empty() {
            json["values"] = json!(self.values);
        }
        json
    }

    fn read(node: &Node<'_>) -> Result<Self, CredentialError> {
        let object = node.object()?;
        let path = object.require("path")?;
        let steps = bounded(&path, MAX_STEPS, "has not 1 to 16 steps")?;
        let values = object.list("values")?;
        let plain = |node: &Node<'_>| {
            matches!(node.value, Value::String(_) | Value::Bool(_)) || node.value.is_u64()
        };
        if values.len() > MAX_TYPES || !values.iter().all(plain) {
            let rule = "has more than 16 values, or others than texts, whole numbers and truths";
            return Err(CredentialError::invalid(object.member("values"), rule));
        }
        Ok(Self {
            id: object.optional("id")?,
            path: steps.iter().map(PathStep::read).collect::<Result<_, _>>()?,
            values: values.iter().map(|node| node.value.clone()).collect(),
        })
    }
}

fn values_at<'a>(value: &'a Value, step: &PathStep) -> Vec<&'a Value> {
    match (value, step) {
        (Value::Object(members), PathStep::Member(name)) => members.get(name).into_iter().collect(),
        (Value::Array(items), PathStep::AllItems) => items.iter().collect(),
        (Value::Array(items), PathStep::Item(index)) => {
            usize::try_from(*index).ok().and_then(|index| items.get(index)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

impl PlainQuery {
    pub(super) fn meta(&self) -> Value {
        json!({ "type_values": self.type_values })
    }

    pub(super) fn claims_json(&self) -> Value {
        self.claims.iter().map(ClaimQuery::to_json).collect()
    }

    pub(super) fn read(meta: &Object<'_>, claims: Option<Node<'_>>) -> Result<Self, Oid4vpError> {
        let sets = meta.require("type_values")?;
        let sets = bounded(&sets, MAX_TYPES, "has not 1 to 16 sets of types")?;
        let types = |set: &Node<'_>| {
            bounded(set, MAX_TYPES, "has not 1 to 16 types")?.iter().map(short).collect()
        };
        let type_values = sets.iter().map(types).collect::<Result<_, CredentialError>>()?;
        let claims = match &claims {
            Some(node) => bounded(node, MAX_CLAIMS, "has not 1 to 32 claims")?,
            None => Vec::new(),
        };
        let claims = claims.iter().map(ClaimQuery::read).collect::<Result<_, _>>()?;
        Ok(Self { type_values, claims })
    }
}

fn short(node: &Node<'_>) -> Result<String, CredentialError> {
    let text = node.text()?;
    if (1..=LONGEST).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(node.refuse("is not 1 to 256 bytes of text"))
}
