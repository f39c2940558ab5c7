//! What an issuer answers: nonces, credentials, and that they are not ready.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{IssuanceError, read};
use crate::json::{Node, Object};

/// The member of a response's credential that has the attestation beside it.
pub const ATTESTATION: &str = "attestry_attestation";
/// Bytes of a credential response, at most.
pub const MAX_RESPONSE: usize = 1024 * 1024;

const MAX_NONCE_RESPONSE: usize = 16 * 1024;
const MAX_CREDENTIALS: usize = 16;
/// What a wallet waits if an issuer tells it to wait for longer, seconds.
const LONGEST_INTERVAL_S: u64 = 7 * 86_400;

/// A nonce for key proofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NonceResponse {
    /// The nonce.
    pub c_nonce: String,
}

impl NonceResponse {
    /// Reads JSON.
    ///
    /// # Errors
    /// [`IssuanceError::TooLong`], [`IssuanceError::Malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuanceError> {
        let value = read::message("nonce response", bytes, MAX_NONCE_RESPONSE)?;
        let object = Node::root(&value, "").object()?;
        Ok(Self { c_nonce: read::opaque(&object.require("c_nonce")?)? })
    }
}

/// A credential of a response, not looked into. `Debug` shows nothing of it.
#[derive(Clone, PartialEq)]
pub struct IssuedCredential {
    /// The W3C document.
    pub credential: Value,
    /// The attestation beside it.
    pub attestation: Value,
}

impl fmt::Debug for IssuedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuedCredential(redacted)")
    }
}

/// The answer of the credential and of the deferred credential endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum CredentialResponse {
    /// Credentials: status 200.
    Issued {
        /// At least one.
        credentials: Vec<IssuedCredential>,
        /// By what name to say what became of them.
        notification_id: Option<String>,
    },
    /// Not ready: status 202.
    Deferred {
        /// By what name to ask again.
        transaction_id: String,
        /// After how many seconds.
        interval: u64,
    },
}

impl CredentialResponse {
    /// Reads JSON.
    ///
    /// # Errors
    /// [`IssuanceError::TooLong`]; [`IssuanceError::Malformed`], also if a credential comes
    /// without its attestation, or beside a transaction id.
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuanceError> {
        let value = read::message("credential response", bytes, MAX_RESPONSE)?;
        let object = Node::root(&value, "").object()?;
        match (object.get("credentials"), object.get("transaction_id")) {
            (Some(credentials), None) => {
                let items = credentials.items()?;
                if !(1..=MAX_CREDENTIALS).contains(&items.len()) {
                    return Err(credentials.refuse("does not have 1 to 16 items").into());
                }
                let issued = items.iter().map(|item| Self::read(&item.object()?));
                let notification_id = object.get("notification_id");
                Ok(Self::Issued {
                    credentials: issued.collect::<Result<_, IssuanceError>>()?,
                    notification_id: notification_id.map(|node| read::opaque(&node)).transpose()?,
                })
            }
            (None, Some(transaction_id)) => {
                let interval = object.require("interval")?;
                Ok(Self::Deferred {
                    transaction_id: read::opaque(&transaction_id)?,
                    interval: match interval.integer()? {
                        0 => return Err(interval.refuse("is not positive").into()),
                        seconds => seconds.min(LONGEST_INTERVAL_S),
                    },
                })
            }
            (Some(credentials), Some(_)) => {
                Err(credentials.refuse("stands beside a transaction id").into())
            }
            (None, None) => Err(object.missing("credentials").into()),
        }
    }

    fn read(item: &Object<'_>) -> Result<IssuedCredential, IssuanceError> {
        Ok(IssuedCredential {
            credential: item.require("credential")?.value.clone(),
            attestation: item.require(ATTESTATION)?.value.clone(),
        })
    }
}

impl Serialize for CredentialResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        match self {
            Self::Issued { credentials, notification_id } => {
                let credentials = credentials.iter().map(|issued| {
                    json!({ "credential": issued.credential, ATTESTATION: issued.attestation })
                });
                members.serialize_entry("credentials", &credentials.collect::<Vec<_>>())?;
                if let Some(id) = notification_id {
                    members.serialize_entry("notification_id", id)?;
                }
            }
            Self::Deferred { transaction_id, interval } => {
                members.serialize_entry("transaction_id", transaction_id)?;
                members.serialize_entry("interval", interval)?;
            }
        }
        members.end()
    }
}
