//! Codes against an access token.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{ErrorCode, ErrorResponse, IssuanceError, read};
use crate::{form, json::Node};

/// The grant type of pre-authorized codes.
pub const PRE_AUTHORIZED_CODE: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";
/// Bytes of a token response, at most.
pub const MAX_TOKEN_RESPONSE: usize = 16 * 1024;

const DETAILS: &str = "authorization_details";
const DETAILS_TYPE: &str = "openid_credential";
const LONGEST: usize = 1024;

/// A token request with a pre-authorized code. Codes are secrets: `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The code of the offer.
    pub code: String,
    /// The code that the holder got by another channel.
    pub tx_code: Option<String>,
    /// Credential configurations that authorization details ask for by id; none if there are no
    /// authorization details.
    pub configurations: Vec<String>,
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenRequest(redacted)")
    }
}

impl TokenRequest {
    /// The body, `application/x-www-form-urlencoded`.
    pub fn to_form(&self) -> String {
        let details = self
            .configurations
            .iter()
            .map(|id| json!({ "type": DETAILS_TYPE, "credential_configuration_id": id }));
        let details = Value::Array(details.collect()).to_string();
        let mut fields =
            vec![("grant_type", PRE_AUTHORIZED_CODE), ("pre-authorized_code", self.code.as_str())];
        if let Some(tx_code) = &self.tx_code {
            fields.push(("tx_code", tx_code));
        }
        if !self.configurations.is_empty() {
            fields.push((DETAILS, &details));
        }
        form::encode(&fields)
    }

    /// Reads the body.
    ///
    /// # Errors
    /// The answer that the token endpoint is to give.
    pub fn from_form(body: &[u8]) -> Result<Self, ErrorResponse> {
        let refuse = |words| ErrorResponse::new(ErrorCode::InvalidRequest, words);
        let text = std::str::from_utf8(body).ok();
        let fields = text.and_then(form::decode);
        let fields = fields.ok_or(refuse("the body is not a form, or repeats a parameter"))?;
        let field = |name: &str| {
            // RFC 6749 3.2: a parameter without a value is as good as left out.
            let found = fields.iter().find(|(known, value)| known == name && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        match field("grant_type") {
            None => return Err(refuse("grant_type is required")),
            Some(PRE_AUTHORIZED_CODE) => {}
            Some(_) => {
                let words = "only pre-authorized codes are taken";
                return Err(ErrorResponse::new(ErrorCode::UnsupportedGrantType, words));
            }
        }
        let code = field("pre-authorized_code").ok_or(refuse("pre-authorized_code is required"))?;
        let tx_code = field("tx_code");
        if code.len().max(tx_code.map_or(0, str::len)) > LONGEST {
            return Err(refuse("a code is longer than 1024 bytes"));
        }
        Ok(Self {
            code: code.to_owned(),
            tx_code: tx_code.map(str::to_owned),
            configurations: field(DETAILS).map_or(Ok(Vec::new()), configurations)?,
        })
    }
}

/// The configurations that authorization details ask for.
fn configurations(details: &str) -> Result<Vec<String>, ErrorResponse> {
    let refuse = || {
        let words = "each is to be of type openid_credential, with a credential_configuration_id";
        ErrorResponse::new(ErrorCode::InvalidAuthorizationDetails, words)
    };
    let details: Vec<Value> = serde_json::from_str(details).map_err(|_| refuse())?;
    let ids = details.iter().map(|detail| {
        let id = detail["credential_configuration_id"].as_str();
        id.filter(|_| detail["type"] == DETAILS_TYPE).map(str::to_owned).ok_or_else(refuse)
    });
    let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
    if ids.is_empty() { Err(refuse()) } else { Ok(ids) }
}

/// A token response. The token is a secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenResponse {
    /// The bearer token.
    pub access_token: String,
    /// Its life in seconds, if the issuer says.
    pub expires_in: Option<u64>,
    /// What may be had with it: credential datasets by configuration. Empty if the request had no
    /// authorization details; then the configuration's id is asked for.
    pub identifiers: BTreeMap<String, Vec<String>>,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .field("identifiers", &self.identifiers)
            .finish_non_exhaustive()
    }
}

impl TokenResponse {
    /// Reads JSON.
    ///
    /// # Errors
    /// [`IssuanceError::TooLong`]; [`IssuanceError::Malformed`]; [`IssuanceError::Unsupported`]
    /// unless it is a bearer token.
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuanceError> {
        let value = read::message("token response", bytes, MAX_TOKEN_RESPONSE)?;
        let object = Node::root(&value, "").object()?;
        if !object.require("token_type")?.text()?.eq_ignore_ascii_case("bearer") {
            return Err(IssuanceError::Unsupported("token response: is not of a bearer token"));
        }
        let mut identifiers = BTreeMap::new();
        for detail in object.list(DETAILS)? {
            let detail = detail.object()?;
            if detail.require("type")?.text()? != DETAILS_TYPE {
                continue;
            }
            let configuration = detail.require("credential_configuration_id")?.text()?.to_owned();
            let datasets = detail.require("credential_identifiers")?;
            let named = read::texts(&datasets.items()?)?;
            if named.is_empty() {
                return Err(datasets.refuse("is empty").into());
            }
            identifiers.insert(configuration, named);
        }
        Ok(Self {
            access_token: read::opaque(&object.require("access_token")?)?,
            expires_in: object.get("expires_in").map(|node| node.integer()).transpose()?,
            identifiers,
        })
    }
}

impl Serialize for TokenResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("access_token", &self.access_token)?;
        members.serialize_entry("token_type", "Bearer")?;
        if let Some(expires_in) = self.expires_in {
            members.serialize_entry("expires_in", &expires_in)?;
        }
        if !self.identifiers.is_empty() {
            let details = self.identifiers.iter().map(|(configuration, datasets)| {
                json!({
                    "type": DETAILS_TYPE,
                    "credential_configuration_id": configuration,
                    "credential_identifiers": datasets,
                })
            });
            members.serialize_entry(DETAILS, &details.collect::<Vec<_>>())?;
        }
        members.end()
    }
}
