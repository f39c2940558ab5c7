//! How tokens of an identity provider are taken.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::{Role, TenantId};

/// How tokens of an identity provider are taken (OpenID Connect, RFC 9068).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider, as its tokens have it in `iss`.
    pub issuer: String,
    /// This service, as tokens for it have it in `aud`.
    pub audience: String,
    /// Where the provider's keys are.
    pub jwks: JwksPlace,
    /// The claim that has the tenant. Without it all tokens are of `tenant`.
    pub tenant_claim: Option<String>,
    /// The tenant of all tokens, if no claim has it.
    #[serde(default)]
    pub tenant: TenantId,
    /// The claim that has the roles, as a list or as words with spaces between: a name, or a JSON
    /// Pointer (`/realm_access/roles`).
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// What the provider's words for roles stand for; our own words for ourselves if none is given.
    /// Other words stand for nothing.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// How far the clocks may be apart, seconds.
    #[serde(default = "skew_s")]
    pub skew_s: u64,
    /// How long keys are used before they are looked up again, seconds. A token under a key that is
    /// not known has them looked up at once, though not more than twice a minute.
    #[serde(default = "refresh_s")]
    pub refresh_s: u64,
    /// How long keys are used if they cannot be looked up again, seconds.
    #[serde(default = "stale_s")]
    pub stale_s: u64,
}

/// Where an identity provider's keys are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum JwksPlace {
    /// In a file.
    File(PathBuf),
    /// At a URL of https; of http on loopback only.
    Url(String),
}

fn roles_claim() -> String {
    "roles".to_owned()
}

const fn skew_s() -> u64 {
    60
}

const fn refresh_s() -> u64 {
    300
}

const fn stale_s() -> u64 {
    3_600
}

/// A configuration that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct OidcConfigError {
    /// The field.
    pub field: &'static str,
    /// The rule that it breaks, worded to follow its name.
    pub rule: &'static str,
}

impl OidcConfig {
    pub(super) fn check(&self) -> Result<(), OidcConfigError> {
        let invalid = |field, rule| Err(OidcConfigError { field, rule });
        for (field, text) in [
            ("issuer", &self.issuer),
            ("audience", &self.audience),
            ("roles_claim", &self.roles_claim),
        ] {
            if text.is_empty() {
                return invalid(field, "is empty");
            }
        }
        if self.skew_s > 600 {
            return invalid("skew_s", "is above 600");
        }
        if self.refresh_s == 0 || self.stale_s < self.refresh_s {
            return invalid("refresh_s", "is not between 1 and stale_s");
        }
        Ok(())
    }

    /// What a word of the provider stands for.
    pub(super) fn role(&self, word: &str) -> Option<Role> {
        if self.roles.is_empty() { Role::from_word(word) } else { self.roles.get(word).copied() }
    }
}
