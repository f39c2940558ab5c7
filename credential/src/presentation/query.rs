//! One query: a named policy and its parameters.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

use super::Identifier;
use crate::{
    error::{CredentialError, Rule},
    json::Node,
    policy::{Parameters, PolicyDocument},
    schema::values::Day,
};

const MAX_PARAMETERS: usize = 32;

/// What one presentation must show.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Its name within the request.
    pub id: Identifier,
    /// The policy.
    pub policy: PolicyDocument,
    /// Values of the policy's parameters, written as policies write values: all but `$today`,
    /// which is the day of the statement's time.
    pub parameters: Map<String, Value>,
}

impl Query {
    /// A query that gives its policy exactly the parameters that it names.
    ///
    /// # Errors
    /// If a parameter is missing or not one of the policy's.
    pub fn new(
        id: Identifier,
        policy: PolicyDocument,
        parameters: Map<String, Value>,
    ) -> Result<Self, CredentialError> {
        let refuse = |rule| Rule::new(rule).at("query.parameters");
        let named = policy.parameters();
        if parameters.len() > MAX_PARAMETERS {
            return Err(refuse("has more than 32 members"));
        }
        if parameters.keys().any(|name| !named.contains(name.as_str())) {
            return Err(refuse("has a member that the policy does not name"));
        }
        if named.len() != parameters.len() {
            return Err(refuse("lacks a parameter that the policy names"));
        }
        Ok(Self { id, policy, parameters })
    }

    pub(crate) fn read(node: &Node<'_>) -> Result<Self, CredentialError> {
        let object = node.object()?;
        object.only(&["id", "policy", "parameters"])?;
        let id = object.require("id")?.parse()?;
        let policy = object.require("policy")?.value.to_string();
        let parameters = match object.get("parameters") {
            None => Map::new(),
            Some(node) => {
                let members = node.value.as_object();
                members.ok_or_else(|| node.refuse("is not an object"))?.clone()
            }
        };
        Self::new(id, PolicyDocument::from_json(policy.as_bytes())?, parameters)
    }

    /// The parameters with the day that `$today` stands for.
    pub fn parameters_on(&self, today: Day) -> Parameters {
        Parameters::new(today).with_all(&self.parameters)
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Query", 3)?;
        members.serialize_field("id", &self.id)?;
        members.serialize_field("policy", self.policy.source())?;
        members.serialize_field("parameters", &self.parameters)?;
        members.end()
    }
}
