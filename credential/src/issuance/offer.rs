//! What an office hands out, and the link that carries it.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::json;

use super::{Endpoint, IssuanceError, IssuerIdentifier, PRE_AUTHORIZED_CODE, read};
use crate::{
    error::{CredentialError, Rule},
    form,
    json::{Node, Object},
};

/// Bytes of an offer, or of a link that carries one, at most.
pub const MAX_OFFER: usize = 16 * 1024;

const SCHEME: &str = "openid-credential-offer://";
const BY_VALUE: &str = "credential_offer";
const BY_REFERENCE: &str = "credential_offer_uri";
const MAX_CONFIGURATIONS: usize = 16;
const LONGEST_DESCRIPTION: usize = 300;
const LONGEST_TX_CODE: u64 = 64;

/// A Credential Offer with a pre-authorized code. The code is a secret: `Debug` does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialOffer {
    /// Who offers.
    pub credential_issuer: IssuerIdentifier,
    /// What is offered: ids of the issuer's credential configurations, 1 to 16.
    pub credential_configuration_ids: Vec<String>,
    /// By which codes it is had.
    pub grant: PreAuthorized,
}

/// The pre-authorized code grant of an offer.
#[derive(Clone, PartialEq, Eq)]
pub struct PreAuthorized {
    /// The code, which serves once.
    pub code: String,
    /// The form of the transaction code, if there is to be one.
    pub tx_code: Option<TxCode>,
    /// Which of the issuer's authorization servers has the token endpoint.
    pub authorization_server: Option<IssuerIdentifier>,
}

impl fmt::Debug for PreAuthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreAuthorized").field("tx_code", &self.tx_code).finish_non_exhaustive()
    }
}

/// The form of the transaction code that the holder gets by another channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TxCode {
    /// Its characters.
    pub input_mode: InputMode,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// How the holder gets it, in at most 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The characters of a transaction code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputMode {
    /// Digits.
    #[default]
    Numeric,
    /// Any.
    Text,
}

impl TxCode {
    /// Checks the form of a code that the holder gives.
    ///
    /// # Errors
    /// [`IssuanceError::TxCode`].
    pub fn check(&self, code: &str) -> Result<(), IssuanceError> {
        let length = code.chars().count() as u64;
        if length == 0 || length > LONGEST_TX_CODE {
            return Err(IssuanceError::TxCode("is empty or longer than 64 characters"));
        }
        if self.length.is_some_and(|expected| expected != length) {
            return Err(IssuanceError::TxCode("has another length than the issuer gives out"));
        }
        if self.input_mode == InputMode::Numeric && !code.bytes().all(|b| b.is_ascii_digit()) {
            return Err(IssuanceError::TxCode("has other characters than digits"));
        }
        Ok(())
    }

    fn read(object: &Object<'_>) -> Result<Self, CredentialError> {
        let input_mode = match object.get("input_mode") {
            None => InputMode::default(),
            Some(node) => match node.text()? {
                "numeric" => InputMode::Numeric,
                "text" => InputMode::Text,
                _ => return Err(node.refuse("is not numeric or text")),
            },
        };
        let length = object.get("length").map(|node| match node.integer()? {
            length @ 1..=LONGEST_TX_CODE => Ok(length),
            _ => Err(node.refuse("is not 1 to 64")),
        });
        let description = object.get("description").map(|node| {
            let text = node.text()?;
            let printable = !text.chars().any(char::is_control);
            if printable && text.chars().count() <= LONGEST_DESCRIPTION {
                Ok(text.to_owned())
            } else {
                Err(node.refuse("is longer than 300 characters or has control characters"))
            }
        });
        Ok(Self { input_mode, length: length.transpose()?, description: description.transpose()? })
    }
}

impl CredentialOffer {
    /// Reads an offer's JSON. Nothing in it is authentic: see
    /// [`IssuerMetadata`](super::IssuerMetadata).
    ///
    /// # Errors
    /// [`IssuanceError::TooLong`]; [`IssuanceError::Malformed`]; [`IssuanceError::Unsupported`] if
    /// it has no pre-authorized code.
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuanceError> {
        let value = read::message("offer", bytes, MAX_OFFER)?;
        let object = Node::root(&value, "").object()?;
        let ids = object.require("credential_configuration_ids")?;
        let credential_configuration_ids = read::texts(&ids.items()?)?;
        if !(1..=MAX_CONFIGURATIONS).contains(&credential_configuration_ids.len()) {
            return Err(ids.refuse("does not have 1 to 16 items").into());
        }
        let grants = object.get("grants").map(|node| node.object()).transpose()?;
        let grant = grants.as_ref().and_then(|grants| grants.get(PRE_AUTHORIZED_CODE));
        let grant = grant.ok_or(IssuanceError::Unsupported("offer: has no pre-authorized code"))?;
        let grant = grant.object()?;
        let tx_code = grant.get("tx_code").map(|node| TxCode::read(&node.object()?));
        Ok(Self {
            credential_issuer: object.require("credential_issuer")?.parse()?,
            credential_configuration_ids,
            grant: PreAuthorized {
                code: read::opaque(&grant.require("pre-authorized_code")?)?,
                tx_code: tx_code.transpose()?,
                authorization_server: grant.optional("authorization_server")?,
            },
        })
    }
}

impl Serialize for CredentialOffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut grant = json!({ "pre-authorized_code": self.grant.code });
        if let Some(tx_code) = &self.grant.tx_code {
            grant["tx_code"] = json!(tx_code);
        }
        if let Some(server) = &self.grant.authorization_server {
            grant["authorization_server"] = json!(server);
        }
        let mut members = serializer.serialize_struct("CredentialOffer", 3)?;
        members.serialize_field("credential_issuer", &self.credential_issuer)?;
        let ids = &self.credential_configuration_ids;
        members.serialize_field("credential_configuration_ids", ids)?;
        members.serialize_field("grants", &json!({ PRE_AUTHORIZED_CODE: grant }))?;
        members.end()
    }
}

/// An offer as a link, `openid-credential-offer://?…`: what a QR code has. It is as secret as
/// the code in it: `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub enum OfferLink {
    /// The offer itself.
    Value(Box<CredentialOffer>),
    /// Where the offer is fetched.
    Reference(Endpoint),
}

impl fmt::Debug for OfferLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "OfferLink::Value(redacted)",
            Self::Reference(_) => "OfferLink::Reference(redacted)",
        })
    }
}

impl FromStr for OfferLink {
    type Err = IssuanceError;

    fn from_str(text: &str) -> Result<Self, IssuanceError> {
        if text.len() > MAX_OFFER {
            return Err(IssuanceError::TooLong { what: "offer link", limit: MAX_OFFER });
        }
        let query = text.strip_prefix(SCHEME).and_then(|rest| {
            let rest = rest.strip_prefix('/').unwrap_or(rest);
            rest.strip_prefix('?')
        });
        let query =
            query.ok_or(IssuanceError::Link("does not begin openid-credential-offer://?"))?;
        let fields = form::decode(query);
        let fields = fields.ok_or(IssuanceError::Link("has a query that cannot be read"))?;
        let field = |name: &str| {
            fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        match (field(BY_VALUE), field(BY_REFERENCE)) {
            (Some(offer), None) => {
                CredentialOffer::from_json(offer.as_bytes()).map(|offer| Self::Value(offer.into()))
            }
            (None, Some(url)) => {
                let at = |rule: Rule| IssuanceError::from(rule.at(BY_REFERENCE));
                url.parse().map(Self::Reference).map_err(at)
            }
            _ => Err(IssuanceError::Link("has not one of credential_offer, credential_offer_uri")),
        }
    }
}

impl fmt::Display for OfferLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = match self {
            Self::Value(offer) => form::encode(&[(BY_VALUE, &json!(offer).to_string())]),
            Self::Reference(url) => form::encode(&[(BY_REFERENCE, url.as_str())]),
        };
        write!(f, "{SCHEME}?{query}")
    }
}
