//! What a wallet posts.

use std::{collections::BTreeMap, fmt};

use ark_std::rand::{CryptoRng, RngCore};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    EncryptionSecret, MAX_CREDENTIALS, Oid4vpError, ResponseMode,
    jwe::{decrypt, encrypt},
};
use crate::{
    error::Rule,
    form, json,
    json::Node,
    presentation::{Identifier, Presentation, PresentationError, PresentationResponse},
};

/// Bytes of a posted form, at most.
pub const MAX_FORM: usize = 256 * 1024;

const LONGEST_DESCRIPTION: usize = 300;

/// Presentations by the query that they answer.
pub type VpToken = BTreeMap<Identifier, Vec<Value>>;

/// A wallet's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizationResponse {
    /// The request that is answered.
    pub state: Identifier,
    /// The presentations.
    pub vp_token: VpToken,
}

impl AuthorizationResponse {
    /// The answer with presentations of our format, each compact.
    pub fn of(response: &PresentationResponse) -> Self {
        let presentations = response.presentations.iter().map(|(id, presentation)| {
            let compact = URL_SAFE_NO_PAD.encode(presentation.to_bytes());
            (id.clone(), vec![Value::from(compact)])
        });
        Self { state: response.request_id.clone(), vp_token: presentations.collect() }
    }

    /// The presentations of our format that this is, one of each query.
    ///
    /// # Errors
    /// [`Oid4vpError::Form`] if a query has not one presentation; [`Oid4vpError::Presentation`].
    pub fn presentation_response(&self) -> Result<PresentationResponse, Oid4vpError> {
        let presentations = self.vp_token.iter().map(|(id, presentations)| {
            let one = only(presentations)?;
            Ok((id.clone(), Presentation::try_from(one.clone())?))
        });
        Ok(PresentationResponse {
            request_id: self.state.clone(),
            presentations: presentations.collect::<Result<_, Oid4vpError>>()?,
        })
    }

    /// The presentation that answers a query.
    ///
    /// # Errors
    /// [`PresentationError::Unanswered`], or [`Oid4vpError::Form`] if there are several.
    pub fn presentation(&self, query: &Identifier) -> Result<&Value, Oid4vpError> {
        only(self.vp_token.get(query).ok_or(PresentationError::Unanswered)?)
    }

    /// The form to post, encrypted if the request asks for that.
    ///
    /// # Errors
    /// [`Oid4vpError::Encryption`].
    pub fn to_form(
        &self,
        mode: &ResponseMode,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<String, Oid4vpError> {
        let vp_token = json!(self.vp_token);
        match mode {
            ResponseMode::DirectPost => Ok(form::encode(&[
                ("vp_token", &vp_token.to_string()),
                ("state", self.state.as_str()),
            ])),
            ResponseMode::DirectPostJwt { key, encryptions } => {
                let none = Oid4vpError::Encryption("the request names no encryption");
                let encryption = *encryptions.first().ok_or(none)?;
                let claims = json!({ "vp_token": vp_token, "state": self.state }).to_string();
                let jwe = encrypt(claims.as_bytes(), key, encryption, rng)?;
                Ok(form::encode(&[("response", &jwe)]))
            }
        }
    }

    fn read(vp_token: &Value, state: &str) -> Result<Self, Oid4vpError> {
        let state = state.parse().map_err(|rule: Rule| rule.at("state"))?;
        let token = Node::root(vp_token, "vp_token").object()?;
        if token.names().count() > MAX_CREDENTIALS {
            return Err(Oid4vpError::Form("vp_token has more members than a request has queries"));
        }
        let vp_token = token.entries().map(|(name, presentations)| {
            let id = name.parse().map_err(|rule: Rule| rule.at(&token.path))?;
            let presentations = presentations.as_array();
            let wrong = Oid4vpError::Form("vp_token has a member that is not an array");
            Ok((id, presentations.ok_or(wrong)?.clone()))
        });
        Ok(Self { state, vp_token: vp_token.collect::<Result<_, Oid4vpError>>()? })
    }
}

fn only(presentations: &[Value]) -> Result<&Value, Oid4vpError> {
    match presentations {
        [one] => Ok(one),
        _ => Err(Oid4vpError::Form("a query is not answered by one presentation")),
    }
}

/// Why a wallet gives no presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// What kind of reason.
    pub error: ErrorCode,
    /// The request, if the wallet says which.
    pub state: Option<Identifier>,
}

/// The error codes of OpenID4VP and OAuth 2.0 that a wallet may answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed.
    InvalidRequest,
    /// The verifier is not taken, or its metadata are not.
    InvalidClient,
    /// A named query is not known.
    InvalidScope,
    /// The holder declined, or has no such credential.
    AccessDenied,
    /// No format that is asked for is served.
    VpFormatsNotSupported,
    /// The wallet does not serve the method of fetching.
    InvalidRequestUriMethod,
    /// The transaction data are not served.
    InvalidTransactionData,
    /// The wallet cannot be reached.
    WalletUnavailable,
    /// Another.
    Other,
}

impl ErrorCode {
    const ALL: [(Self, &str); 8] = [
        (Self::InvalidRequest, "invalid_request"),
        (Self::InvalidClient, "invalid_client"),
        (Self::InvalidScope, "invalid_scope"),
        (Self::AccessDenied, "access_denied"),
        (Self::VpFormatsNotSupported, "vp_formats_not_supported"),
        (Self::InvalidRequestUriMethod, "invalid_request_uri_method"),
        (Self::InvalidTransactionData, "invalid_transaction_data"),
        (Self::WalletUnavailable, "wallet_unavailable"),
    ];

    /// The code as it is sent; `server_error` for another.
    pub fn as_str(&self) -> &'static str {
        let known = Self::ALL.iter().find(|(code, _)| code == self);
        known.map_or("server_error", |(_, word)| word)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ErrorResponse {
    /// The form to post. It holds no presentation, so it is never encrypted.
    pub fn to_form(&self) -> String {
        let mut fields = vec![("error", self.error.as_str())];
        fields.extend(self.state.as_ref().map(|state| ("state", state.as_str())));
        form::encode(&fields)
    }

    fn read(
        error: &str,
        description: Option<&str>,
        state: Option<&str>,
    ) -> Result<Self, Oid4vpError> {
        if description.is_some_and(|text| text.len() > LONGEST_DESCRIPTION) || error.len() > 64 {
            return Err(Oid4vpError::Form("error or error_description is too long"));
        }
        let known = ErrorCode::ALL.iter().find(|(_, word)| *word == error);
        let state = state.map(|state| state.parse().map_err(|rule: Rule| rule.at("state")));
        Ok(Self {
            error: known.map_or(ErrorCode::Other, |(code, _)| *code),
            state: state.transpose()?,
        })
    }
}

/// The body of a post to a response URI.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseBody {
    /// An answer in the clear.
    Answer(AuthorizationResponse),
    /// An encrypted answer; see [`ResponseBody::decrypt`].
    Encrypted(String),
    /// No answer.
    Error(ErrorResponse),
}

impl ResponseBody {
    /// Reads a form. Fields that are not known are passed over, unless they are there twice.
    ///
    /// # Errors
    /// [`Oid4vpError::TooLong`], [`Oid4vpError::Form`], [`Oid4vpError::Malformed`].
    pub fn from_form(bytes: &[u8]) -> Result<Self, Oid4vpError> {
        if bytes.len() > MAX_FORM {
            return Err(Oid4vpError::TooLong { what: "response", limit: MAX_FORM });
        }
        let fields = std::str::from_utf8(bytes).ok().and_then(form::decode);
        let fields = fields.ok_or(Oid4vpError::Form("is not a form, or repeats a field"))?;
        let field = |name: &str| {
            fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let state = field("state");
        match (field("vp_token"), field("response"), field("error")) {
            (Some(vp_token), None, None) => {
                let state = state.ok_or(Oid4vpError::Form("state is required"))?;
                let vp_token = json::parse_unique(vp_token.as_bytes())
                    .map_err(|_| Oid4vpError::Form("vp_token is not JSON, or repeats a member"))?;
                AuthorizationResponse::read(&vp_token, state).map(Self::Answer)
            }
            (None, Some(jwe), None) => Ok(Self::Encrypted(jwe.to_owned())),
            (None, None, Some(error)) => {
                ErrorResponse::read(error, field("error_description"), state).map(Self::Error)
            }
            _ => Err(Oid4vpError::Form("has not one of vp_token, response and error")),
        }
    }

    /// What was encrypted to a key: an answer or an error.
    ///
    /// # Errors
    /// [`Oid4vpError::Encryption`], [`Oid4vpError::Form`], [`Oid4vpError::Malformed`].
    pub fn decrypt(jwe: &str, secret: &EncryptionSecret) -> Result<Self, Oid4vpError> {
        let text = decrypt(jwe, secret)?;
        let claims = json::parse_unique(&text)
            .map_err(|_| Oid4vpError::Form("is not JSON, or repeats a member"))?;
        match (&claims["vp_token"], claims["error"].as_str()) {
            (Value::Null, Some(error)) => {
                let description = claims["error_description"].as_str();
                ErrorResponse::read(error, description, claims["state"].as_str()).map(Self::Error)
            }
            (vp_token, None) => {
                let state = claims["state"].as_str();
                let state = state.ok_or(Oid4vpError::Form("state is required"))?;
                AuthorizationResponse::read(vp_token, state).map(Self::Answer)
            }
            _ => Err(Oid4vpError::Form("has not one of vp_token and error")),
        }
    }
}
