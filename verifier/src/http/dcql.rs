//! Sessions that are asked for in DCQL.

use attestry_credential::oid4vp::{DcqlQuery, LDP_VC, Oid4vpError};
use attestry_credential::presentation::{FORMAT, MAX_QUERIES};
use attestry_service::http::{FieldError, Members};
use serde_json::{Map, Value};

use super::sessions::QueryBody;
use crate::VerifierError;

/// Whether a DCQL query asks for a credential as it is.
pub(super) fn is_plain(dcql_query: &Value) -> bool {
    let credentials = dcql_query["credentials"].as_array();
    credentials.is_some_and(|credentials| credentials.iter().any(|one| one["format"] == LDP_VC))
}

/// A DCQL query for credentials as they are.
pub(super) fn plain(dcql_query: &Value) -> Result<DcqlQuery, VerifierError> {
    DcqlQuery::from_value(dcql_query).map_err(|error| match error {
        Oid4vpError::Malformed(error) => VerifierError::Policy(error),
        _ => VerifierError::Request {
            field: "dcql_query",
            rule: "asks for what is not served, or for proofs beside credentials",
        },
    })
}

/// The queries of a DCQL query in our format, whose `meta` names a policy and its parameters: the
/// rest of it is the verifier's to say.
pub(super) fn queries(dcql_query: &Value) -> Result<Vec<QueryBody>, FieldError> {
    let query = Members::of(dcql_query, "dcql_query", &["credentials"])?;
    let credentials = query.array("credentials")?.unwrap_or_default();
    if !(1..=MAX_QUERIES).contains(&credentials.len()) {
        return Err(query.refuse("credentials", "has not 1 to 8 items"));
    }
    credentials.iter().map(read).collect()
}

fn read(credential: &Value) -> Result<QueryBody, FieldError> {
    const PATH: &str = "dcql_query.credentials";
    let credential = Members::of(credential, PATH, &["id", "format", "meta"])?;
    if credential.require_text("format")? != FORMAT {
        return Err(credential.refuse("format", "is not a format that sessions ask for"));
    }
    let meta = credential.require("meta")?;
    let meta = Members::of(meta, "dcql_query.credentials.meta", &["policy", "parameters"])?;
    let parameters = match meta.get("parameters") {
        None => Map::new(),
        Some(Value::Object(parameters)) => parameters.clone(),
        Some(_) => return Err(meta.refuse("parameters", "is not an object")),
    };
    Ok(QueryBody {
        id: credential.require_text("id")?.to_owned(),
        policy: meta.require("policy")?.clone(),
        parameters,
    })
}
