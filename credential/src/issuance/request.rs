//! What a wallet asks of the credential, deferred credential and notification endpoints.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{ErrorCode, ErrorResponse, error::is_plain, read};

/// Which credential is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That of a configuration.
    Configuration(String),
    /// A dataset that the token response named.
    Identifier(String),
}

/// A credential request with key proofs of type `jwt`.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialRequest {
    /// Which credential.
    pub wanted: Wanted,
    /// JWTs; at least one.
    pub proofs: Vec<String>,
}

impl fmt::Debug for CredentialRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRequest").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl CredentialRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// The answer that the credential endpoint is to give.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ErrorResponse> {
        use ErrorCode::InvalidCredentialRequest as Invalid;
        let words = "the body is not a JSON object, or repeats a parameter";
        let members = read::parameters(bytes).ok_or(ErrorResponse::new(Invalid, words))?;
        let named = |name: &str| match &members[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(ErrorResponse::new(Invalid, "the credential's name is not a string")),
        };
        let wanted = match (named("credential_configuration_id")?, named("credential_identifier")?)
        {
            (Some(id), None) => Wanted::Configuration(id),
            (None, Some(id)) => Wanted::Identifier(id),
            _ => {
                let words = "one of credential_configuration_id, credential_identifier is to \
                                 be there";
                return Err(ErrorResponse::new(Invalid, words));
            }
        };
        if !members["credential_response_encryption"].is_null() {
            let words = "responses are not encrypted beyond TLS";
            return Err(ErrorResponse::new(ErrorCode::InvalidEncryptionParameters, words));
        }
        Ok(Self { wanted, proofs: proofs(&members["proofs"])? })
    }
}

fn proofs(member: &Value) -> Result<Vec<String>, ErrorResponse> {
    let refuse = |words| ErrorResponse::new(ErrorCode::InvalidProof, words);
    if member.is_null() {
        return Err(refuse("proofs is required"));
    }
    let types = member.as_object().filter(|types| types.len() == 1);
    let proofs = types.and_then(|types| types.get("jwt")).and_then(Value::as_array);
    let proofs = proofs.ok_or(refuse("proofs is not an object with an array of the type jwt"))?;
    let proofs = proofs.iter().map(|proof| proof.as_str().map(str::to_owned));
    let proofs: Option<Vec<String>> = proofs.collect();
    proofs.filter(|all| !all.is_empty()).ok_or(refuse("proofs.jwt is not one or more strings"))
}

impl Serialize for CredentialRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        match &self.wanted {
            Wanted::Configuration(id) => {
                members.serialize_entry("credential_configuration_id", id)?;
            }
            Wanted::Identifier(id) => members.serialize_entry("credential_identifier", id)?,
        }
        members.serialize_entry("proofs", &json!({ "jwt": self.proofs }))?;
        members.end()
    }
}

/// A request for a credential that was not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeferredRequest {
    /// What the credential response named.
    pub transaction_id: String,
}

impl DeferredRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// The answer that the deferred credential endpoint is to give.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ErrorResponse> {
        let members = read::parameters(bytes).unwrap_or_default();
        if !members["credential_response_encryption"].is_null() {
            let words = "responses are not encrypted beyond TLS";
            return Err(ErrorResponse::new(ErrorCode::InvalidEncryptionParameters, words));
        }
        let id = members["transaction_id"].as_str();
        let words = "the body is not a JSON object with a transaction_id";
        let refused = ErrorResponse::new(ErrorCode::InvalidCredentialRequest, words);
        id.map(|id| Self { transaction_id: id.to_owned() }).ok_or(refused)
    }
}

/// What became of a credential in the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationEvent {
    /// It was stored.
    CredentialAccepted,
    /// It could not be taken.
    CredentialFailure,
    /// The holder did not want it.
    CredentialDeleted,
}

impl NotificationEvent {
    /// The word for it, in messages and in storage.
    pub fn word(self) -> &'static str {
        match self {
            Self::CredentialAccepted => "credential_accepted",
            Self::CredentialFailure => "credential_failure",
            Self::CredentialDeleted => "credential_deleted",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::CredentialAccepted, Self::CredentialFailure, Self::CredentialDeleted]
            .into_iter()
            .find(|event| event.word() == word)
    }
}

/// A notification. The wallet's own words, if it sends any, are checked and left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// What the credential response named.
    pub notification_id: String,
    /// What happened.
    pub event: NotificationEvent,
}

impl Notification {
    /// Reads the body.
    ///
    /// # Errors
    /// The answer that the notification endpoint is to give.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ErrorResponse> {
        let refuse = |words| ErrorResponse::new(ErrorCode::InvalidNotificationRequest, words);
        let members = read::parameters(bytes)
            .ok_or(refuse("the body is not a JSON object, or repeats a parameter"))?;
        let id = members["notification_id"].as_str();
        let id = id.ok_or(refuse("notification_id is not a string"))?;
        let event = members["event"].as_str().and_then(NotificationEvent::from_word);
        let event = event.ok_or(refuse("event is not one of those that are defined"))?;
        let words = &members["event_description"];
        if !(words.is_null() || words.as_str().is_some_and(is_plain)) {
            return Err(refuse("event_description is not 300 plain characters at most"));
        }
        Ok(Self { notification_id: id.to_owned(), event })
    }
}
