//! Who may use the office's part of the service.

use attestry_service::Actor;
use attestry_service::http::Problem;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::problem::unauthenticated;
use crate::IssuerError;

/// Shortest API key, bytes.
const SHORTEST: usize = 16;

/// Who may use the office's part of the service.
#[derive(Clone, Debug)]
pub enum Access {
    /// Whoever presents the API key as a bearer token.
    ApiKey(ApiKey),
    /// Everybody who reaches the listener: for development, on loopback only.
    Open,
}

/// An API key, of which only a hash is kept.
#[derive(Clone)]
pub struct ApiKey([u8; 32]);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

impl ApiKey {
    /// The key with this text, of at least 16 bytes.
    ///
    /// # Errors
    /// [`IssuerError::Request`] if it is shorter.
    pub fn new(text: &str) -> Result<Self, IssuerError> {
        if text.len() < SHORTEST {
            return Err(IssuerError::request("api_key", "is shorter than 16 bytes"));
        }
        Ok(Self(Sha256::digest(text).into()))
    }

    /// Compares hashes, in a time that does not depend on where they differ.
    fn matches(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let differences = self.0.iter().zip(presented).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differences) == 0
    }
}

/// The bearer token of a request, if it has one.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.and_then(|text| text.split_once(' ')).and_then(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
    })
}

/// Lets a request pass if the access allows it.
pub(super) async fn require(
    State(access): State<Access>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Access::ApiKey(key) = &access
        && !bearer_token(request.headers()).is_some_and(|token| key.matches(token))
    {
        return Err(unauthenticated());
    }
    let name = match access {
        Access::ApiKey(_) => "key:configured",
        Access::Open => "open",
    };
    let actor = Actor { name: name.to_owned(), request_id: None };
    request.extensions_mut().insert(actor);
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_matches_its_own_text_only() {
        let key = ApiKey::new("0123456789abcdef").unwrap();
        assert!(key.matches("0123456789abcdef"));
        assert!(!key.matches("0123456789abcdeF"));
        assert!(!key.matches(""));
        assert_eq!(format!("{key:?}"), "ApiKey(redacted)");
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(ApiKey::new("0123456789abcde").is_err());
    }
}
