//! Bodies that share a service and see nothing of each other.

use std::fmt;
use std::str::FromStr;

/// The name of a tenant: 1 to 32 lower-case letters, digits and hyphens, a letter first. It stands
/// in URLs, in logs and in metrics, so it is the body's name for itself, never a person's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

/// Where the routes of tenants other than the default one are.
pub(crate) const TENANTS: &str = "/t/";

/// A text is no name of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 1 to 32 lower-case letters, digits and hyphens with a letter first")]
pub struct TenantIdError;

impl TenantId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the paths of the tenant's routes begin with: nothing for the default tenant, `/t/NAME`
    /// for every other.
    pub fn path(&self) -> String {
        if *self == Self::default() { String::new() } else { format!("{TENANTS}{self}") }
    }

    /// The tenant's own URL, without a slash at its end, in a service that is reached at this one.
    pub fn url(&self, service: &str) -> String {
        format!("{}{}", service.trim_end_matches('/'), self.path())
    }
}

/// The tenant of a service that has only one.
impl Default for TenantId {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, TenantIdError> {
        const LONGEST: usize = 32;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = text.len() <= LONGEST
            && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && text.bytes().all(plain);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(TenantIdError) }
    }
}

impl TryFrom<String> for TenantId {
    type Error = TenantIdError;

    fn try_from(text: String) -> Result<Self, TenantIdError> {
        text.parse()
    }
}

impl<'de> serde::Deserialize<'de> for TenantId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_name_is_short_plain_and_begins_with_a_letter() {
        for name in ["a", "texas-board-1", TenantId::default().as_str()] {
            assert_eq!(name.parse::<TenantId>().unwrap().as_str(), name);
        }
        for wrong in ["", "1a", "-a", "A", "a b", "a/b", "é", &"a".repeat(33)] {
            assert_eq!(wrong.parse::<TenantId>(), Err(TenantIdError), "{wrong}");
        }
    }

    #[test]
    fn the_default_tenant_is_at_the_root_and_every_other_below_its_name() {
        let other: TenantId = "texas".parse().unwrap();
        for service in ["https://a.example", "https://a.example/"] {
            assert_eq!(TenantId::default().url(service), "https://a.example");
            assert_eq!(other.url(service), "https://a.example/t/texas");
        }
    }
}
