//! Bearer tokens of an identity provider: signed JWTs (RFC 7519) by RS256, ES256 or `EdDSA`.

mod config;
mod jwks;

pub use config::{JwksPlace, OidcConfig, OidcConfigError};

use std::collections::BTreeSet;
use std::fmt;

use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::Value;

use super::{AccessError, Principal};
use crate::{Role, TenantId};
use jwks::Jwks;

/// The algorithms that tokens may be signed by: those with a public key, each in one strength.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// Longest token, bytes.
const LONGEST: usize = 16 * 1024;
/// Longest subject, bytes (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// An identity provider whose tokens are taken.
pub struct Oidc {
    config: OidcConfig,
    jwks: Jwks,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Oidc {
    /// Takes tokens as configured. The provider is first asked for its keys by the first token.
    ///
    /// # Errors
    /// [`OidcConfigError`].
    pub fn new(config: OidcConfig) -> Result<Self, OidcConfigError> {
        config.check()?;
        // Which cryptography is used is not left to what other crates switch on. Whoever was first
        // chose the same.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        let jwks = Jwks::new(&config.jwks, config.refresh_s, config.stale_s)?;
        Ok(Self { config, jwks })
    }

    /// Who it is that shows a token.
    pub(super) async fn authenticate(
        &self,
        token: &str,
        now: u64,
    ) -> Result<Principal, AccessError> {
        if token.len() > LONGEST {
            return Err(AccessError::Invalid);
        }
        let header = decode_header(token).map_err(|_| AccessError::Invalid)?;
        // Nothing that a header says must be understood is understood.
        if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
            return Err(AccessError::Invalid);
        }
        let found = self.jwks.find(header.kid.as_deref(), header.alg, now).await;
        let key = found.map_err(|_| AccessError::ProviderAway)?.ok_or(AccessError::Invalid)?;
        let claims = decode::<Value>(token, &key.key, &self.validation(key.algorithm));
        let claims = claims.map_err(|_| AccessError::Invalid)?.claims;
        self.check_times(&claims, now)?;
        self.principal(&claims)
    }

    /// What the library checks besides the signature. The times are checked here: it would take the
    /// present one from the machine, and refuse fractions of a second.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        validation.validate_exp = false;
        validation
    }

    fn check_times(&self, claims: &Value, now: u64) -> Result<(), AccessError> {
        let expires = time(claims, "exp")?.ok_or(AccessError::Invalid)?;
        let latest = now.saturating_add(self.config.skew_s);
        for begins in ["nbf", "iat"] {
            if time(claims, begins)?.is_some_and(|begins| begins > latest) {
                return Err(AccessError::Invalid);
            }
        }
        let is_over = expires.saturating_add(self.config.skew_s) <= now;
        if is_over { Err(AccessError::Expired) } else { Ok(()) }
    }

    fn principal(&self, claims: &Value) -> Result<Principal, AccessError> {
        let subject = claims.get("sub").and_then(Value::as_str).ok_or(AccessError::Invalid)?;
        // As the audit log takes it.
        let is_plain = (1..=LONGEST_SUBJECT).contains(&subject.len())
            && subject.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain {
            return Err(AccessError::Invalid);
        }
        let tenant = match &self.config.tenant_claim {
            None => self.config.tenant.clone(),
            Some(name) => {
                let tenant = claim(claims, name).and_then(Value::as_str);
                let tenant = tenant.and_then(|tenant| tenant.parse::<TenantId>().ok());
                tenant.ok_or(AccessError::WrongTenant)?
            }
        };
        Ok(Principal { tenant, name: format!("oidc:{subject}"), roles: self.roles(claims) })
    }

    fn roles(&self, claims: &Value) -> BTreeSet<Role> {
        let words: Vec<&str> = match claim(claims, &self.config.roles_claim) {
            Some(Value::String(words)) => words.split(' ').collect(),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        words.into_iter().filter_map(|word| self.config.role(word)).collect()
    }
}

/// A claim by its name, or by a JSON Pointer.
fn claim<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) }
}

/// A claim that is a time, whole seconds; fractions are cut off.
fn time(claims: &Value, name: &str) -> Result<Option<u64>, AccessError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let fraction = || value.as_f64().filter(|time| (0.0..1e15).contains(time));
    let time = value.as_u64().or_else(|| fraction().map(|time| time as u64));
    time.map(Some).ok_or(AccessError::Invalid)
}
