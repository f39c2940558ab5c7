//! Error answers, in the codes of OpenID4VCI, OAuth 2.0 (RFC 6749) and bearer tokens (RFC 6750).

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};

use super::{IssuanceError, read};
use crate::json::Node;

const LONGEST: usize = 16 * 1024;
const LONGEST_DESCRIPTION: usize = 300;

/// Declares the codes with their words.
macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $word:literal,)+) => {
        /// What is wrong with a request.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[$meta])* $variant,)+
            /// A code that is not known here; 1 to 64 letters, digits, dots, hyphens or
            /// underscores.
            Other(String),
        }

        impl ErrorCode {
            /// The code as it is sent.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(code) => code,
                }
            }

            fn from_word(word: &str) -> Option<Self> {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
                match word {
                    $($word => Some(Self::$variant),)+
                    other if (1..=64).contains(&other.len()) && other.bytes().all(plain) => {
                        Some(Self::Other(other.to_owned()))
                    }
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// A parameter is missing, repeated, or not to be there.
    InvalidRequest = "invalid_request",
    /// The client is not known or not allowed.
    InvalidClient = "invalid_client",
    /// The pre-authorized code or the transaction code is wrong, used or expired.
    InvalidGrant = "invalid_grant",
    /// Another grant type than those that are served.
    UnsupportedGrantType = "unsupported_grant_type",
    /// An authorization detail that the token endpoint does not take (RFC 9396).
    InvalidAuthorizationDetails = "invalid_authorization_details",
    /// The access token is missing, unknown or expired.
    InvalidToken = "invalid_token",
    /// The credential request is malformed.
    InvalidCredentialRequest = "invalid_credential_request",
    /// No credential configuration has this id.
    UnknownCredentialConfiguration = "unknown_credential_configuration",
    /// No credential dataset has this id.
    UnknownCredentialIdentifier = "unknown_credential_identifier",
    /// A key proof is missing or does not hold.
    InvalidProof = "invalid_proof",
    /// A key proof has a nonce that is unknown, used or expired.
    InvalidNonce = "invalid_nonce",
    /// An encryption of the response that is not served.
    InvalidEncryptionParameters = "invalid_encryption_parameters",
    /// The credential is not issued, and will not be.
    CredentialRequestDenied = "credential_request_denied",
    /// No deferred issuance has this id, or its credential was obtained already.
    InvalidTransactionId = "invalid_transaction_id",
    /// No issued credential has this id.
    InvalidNotificationId = "invalid_notification_id",
    /// The notification is malformed.
    InvalidNotificationRequest = "invalid_notification_request",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The body of an error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{error}{}{}", if .error_description.is_some() { ": " } else { "" }, .error_description.as_deref().unwrap_or_default())]
pub struct ErrorResponse {
    /// What is wrong.
    pub error: ErrorCode,
    /// More for who writes the other side: ASCII without quotes and backslashes, never a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<Cow<'static, str>>,
}

impl ErrorResponse {
    /// An error with words for who writes the other side.
    pub const fn new(error: ErrorCode, description: &'static str) -> Self {
        Self { error, error_description: Some(Cow::Borrowed(description)) }
    }

    /// Reads an issuer's answer. A description of characters that the specification does not
    /// allow, or longer than 300, is left out.
    ///
    /// # Errors
    /// [`IssuanceError::TooLong`], [`IssuanceError::Malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuanceError> {
        let value = read::message("error", bytes, LONGEST)?;
        let object = Node::root(&value, "").object()?;
        let code = object.require("error")?;
        let error = ErrorCode::from_word(code.text()?);
        let description = object.get("error_description");
        let description = description.and_then(|node| node.value.as_str().map(str::to_owned));
        Ok(Self {
            error: error.ok_or_else(|| code.refuse("is not an error code"))?,
            error_description: description.filter(|text| is_plain(text)).map(Cow::Owned),
        })
    }
}

/// Whether a description has only the characters that the specification allows.
pub(super) fn is_plain(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    text.len() <= LONGEST_DESCRIPTION && text.bytes().all(allowed)
}
