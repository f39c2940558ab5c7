//! The errors of access as problem documents.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::super::AccessError;
use super::super::key::KeyError;
use crate::http::{FieldError, Problem};

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        use StatusCode as Status;
        let (status, name, title) = match error {
            AccessError::Missing => {
                (Status::UNAUTHORIZED, "unauthenticated", "An API key or a token is needed")
            }
            AccessError::Invalid => {
                (Status::UNAUTHORIZED, "invalid-token", "The API key or token is not accepted")
            }
            AccessError::Expired => {
                (Status::UNAUTHORIZED, "expired-token", "The API key or token has expired")
            }
            AccessError::WrongTenant => {
                (Status::FORBIDDEN, "wrong-tenant", "The caller is of another tenant")
            }
            AccessError::WrongRole => {
                (Status::FORBIDDEN, "wrong-role", "The caller does not have the role")
            }
            AccessError::ProviderAway => {
                (Status::SERVICE_UNAVAILABLE, "provider-away", "The identity provider is away")
            }
            AccessError::Database(ref error) => return Self::internal(error),
        };
        let header = match error {
            AccessError::Missing => Some((WWW_AUTHENTICATE, "Bearer")),
            AccessError::Invalid | AccessError::Expired => {
                Some((WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""))
            }
            AccessError::WrongTenant | AccessError::WrongRole => {
                Some((WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\""))
            }
            AccessError::ProviderAway => Some((RETRY_AFTER, "30")),
            AccessError::Database(_) => None,
        };
        let problem = Self::new(status, name, title).detail(error.to_string()).caused_by(&error);
        match header {
            Some((name, value)) => problem.header(name, HeaderValue::from_static(value)),
            None => problem,
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let (status, name, title) = match error {
            KeyError::Invalid { field, rule } => return FieldError::new(field, rule).into(),
            KeyError::NameTaken => {
                (StatusCode::CONFLICT, "name-taken", "The name belongs to another API key")
            }
            KeyError::Unknown => (StatusCode::NOT_FOUND, "unknown", "There is no such thing"),
            KeyError::Database(ref error) => return Self::internal(error),
        };
        Self::new(status, name, title).detail(error.to_string())
    }
}
