//! The link that brings a wallet to a request: what a QR code has.

use std::{fmt, str::FromStr};

use super::{
    Oid4vpError,
    request::{CLIENT_ID_PREFIX, parse_client_id},
};
use crate::{
    error::Rule,
    form,
    presentation::{ClientId, ResponseUri},
};

const SCHEME: &str = "openid4vp://";
const LONGEST: usize = 4096;

/// `openid4vp://?client_id=…&request_uri=…`.
///
/// The request is fetched by `GET`, as the specification has wallets do that do not serve
/// `request_uri_method=post`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLink {
    /// The verifier that the signed request must be of.
    pub client_id: ClientId,
    /// Where the signed request is fetched: plain `http` will do, since the request is signed.
    pub request_uri: ResponseUri,
}

impl FromStr for RequestLink {
    type Err = Oid4vpError;

    fn from_str(text: &str) -> Result<Self, Oid4vpError> {
        if text.len() > LONGEST {
            return Err(Oid4vpError::TooLong { what: "request link", limit: LONGEST });
        }
        let query = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('?'));
        let (_, query) = query.ok_or(Oid4vpError::Link("does not begin openid4vp://?"))?;
        let fields = form::decode(query);
        let fields = fields.ok_or(Oid4vpError::Link("has a query that cannot be read"))?;
        let field = |name: &str| {
            fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        if !matches!(field("request_uri_method"), None | Some("get" | "post")) {
            return Err(Oid4vpError::Link("request_uri_method is not get or post"));
        }
        let missing = Oid4vpError::Link("has not both client_id and request_uri");
        let (Some(client_id), Some(request_uri), None) =
            (field("client_id"), field("request_uri"), field("request"))
        else {
            return Err(missing);
        };
        let at = |name: &'static str| move |rule: Rule| Oid4vpError::from(rule.at(name));
        Ok(Self {
            client_id: parse_client_id(client_id).map_err(at("client_id"))?,
            request_uri: request_uri.parse().map_err(at("request_uri"))?,
        })
    }
}

impl fmt::Display for RequestLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client_id = format!("{CLIENT_ID_PREFIX}{}", self.client_id);
        let fields =
            [("client_id", client_id.as_str()), ("request_uri", self.request_uri.as_str())];
        write!(f, "{SCHEME}?{}", form::encode(&fields))
    }
}
