//! Names of issuers and of what they serve.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::{error::Rule, url::HttpUrl};

/// A Credential Issuer Identifier, or the identifier of an authorization server: an `https` URL
/// without query and fragment, or `http` on loopback. Compared as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerIdentifier(String);

impl IssuerIdentifier {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the issuer's own metadata is: `/.well-known/openid-credential-issuer` stands between
    /// host and path.
    pub fn metadata_url(&self) -> String {
        self.well_known("openid-credential-issuer")
    }

    /// Where an authorization server's metadata is, as RFC 8414 has it:
    /// `/.well-known/oauth-authorization-server` stands between host and path.
    pub fn server_metadata_url(&self) -> String {
        self.well_known("oauth-authorization-server")
    }

    fn well_known(&self, name: &str) -> String {
        let (origin, path) = self.0.split_at(self.path_at());
        format!("{origin}/.well-known/{name}{}", path.strip_suffix('/').unwrap_or(path))
    }

    /// The path of the URL; empty if it has none.
    pub fn path(&self) -> &str {
        &self.0[self.path_at()..]
    }

    fn path_at(&self) -> usize {
        self.0.len() - HttpUrl::parse(&self.0).map_or(0, |url| url.rest.len())
    }

    /// An endpoint below the issuer's own URL; `path` begins with a slash.
    ///
    /// # Errors
    /// If the URL becomes too long.
    pub fn endpoint(&self, path: &str) -> Result<Endpoint, Rule> {
        format!("{}{path}", self.0).parse()
    }
}

impl FromStr for IssuerIdentifier {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let url = HttpUrl::parse(text).filter(|url| url.is_protected() && !url.rest.contains('?'));
        let wrong = Rule::new("is not an https URL without query or fragment");
        url.map(|_| Self(text.to_owned())).ok_or(wrong)
    }
}

/// The URL of an endpoint: `https`, or `http` on loopback.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let url = HttpUrl::parse(text).filter(HttpUrl::is_protected);
        url.map(|_| Self(text.to_owned())).ok_or(Rule::new("is not an https URL without fragment"))
    }
}

/// Writes a type in its text.
macro_rules! written_as_text {
    ($($name:ty),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )+};
}
written_as_text!(IssuerIdentifier, Endpoint);
