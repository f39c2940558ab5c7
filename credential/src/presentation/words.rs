//! Small values of the wire, each parsed once and written in one form.

use std::{fmt, str::FromStr};

use ark_std::rand::{CryptoRng, RngCore};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{error::Rule, url::HttpUrl};

/// Writes a type in its `Display` form and reads it by its `FromStr`.
macro_rules! written_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}
written_as_text!(Identifier, ClientId, ResponseUri, Nonce, Digest);

/// The name of a request or a query: 1 to 64 letters, digits, `-` or `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

impl Identifier {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Rule::new("is not 1 to 64 letters, digits, hyphens or underscores"))
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The verifier: a did:ethr, `did:ethr:0xADDRESS` or `did:ethr:NETWORK:0xADDRESS`, in lower case.
///
/// The scope hashes the text, so each verifier has one spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// The DID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let wrong = || Rule::new("is not a lower-case did:ethr of an address");
        let rest = text.strip_prefix("did:ethr:").ok_or_else(wrong)?;
        let (network, address) = rest.rsplit_once(':').unwrap_or(("mainnet", rest));
        let network_holds = (1..=32).contains(&network.len())
            && network.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let digits = address.strip_prefix("0x").ok_or_else(wrong)?;
        if network_holds && digits.len() == 40 && digits.bytes().all(is_lower_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the answer is posted: an `https` or `http` URL of at most 1024 visible ASCII
/// characters, without user information or fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseUri(String);

impl ResponseUri {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResponseUri {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        match HttpUrl::parse(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => {
                Err(Rule::new("is not an http or https URL without user information or fragment"))
            }
        }
    }
}

impl fmt::Display for ResponseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The verifier's challenge: 16 to 64 bytes, written in base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// A fresh challenge of 32 bytes.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = vec![0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let bytes = (text.len() <= 86).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
        let bytes = bytes.filter(|bytes| (16..=64).contains(&bytes.len()));
        let wrong = Rule::new("is not 16 to 64 bytes in base64url without padding");
        bytes.map(Self).ok_or(wrong)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

/// A hash of 32 bytes that names a circuit or a key, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl FromStr for Digest {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        from_hex(text).map(Self).ok_or(Rule::new("is not 64 lower-case hexadecimal digits"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Bytes from exactly as many lower-case hexadecimal digits.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = text.bytes().all(is_lower_hex);
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
