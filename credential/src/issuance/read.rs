//! Reading of messages: of limited length, an object, no parameter twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::IssuanceError;
use crate::{
    error::{CredentialError, Rule},
    json::{self, Node},
};

/// The message that a wallet gets: an object of at most `limit` bytes.
pub(super) fn message(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<Value, IssuanceError> {
    if bytes.len() > limit {
        return Err(IssuanceError::TooLong { what, limit });
    }
    Ok(json::parse(bytes)?)
}

/// The members of the message that an issuer gets. The specification has it refused if a
/// parameter is repeated.
pub(super) fn parameters(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok().map(|Parameters(members)| Value::Object(members))
}

struct Parameters(Map<String, Value>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Parameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a parameter is repeated"));
                    }
                }
                Ok(Parameters(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A text that means nothing to its reader: 1 to 1024 visible ASCII characters.
pub(super) fn opaque(node: &Node<'_>) -> Result<String, CredentialError> {
    const LONGEST: usize = 1024;
    let text = node.text()?;
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(Rule::new("is not 1 to 1024 visible ASCII characters").at(&node.path))
    }
}

/// Texts of an array, none of them twice.
pub(super) fn texts(items: &[Node<'_>]) -> Result<Vec<String>, CredentialError> {
    let mut texts: Vec<String> = Vec::new();
    for item in items {
        let text = item.text()?.to_owned();
        if texts.contains(&text) {
            return Err(item.refuse("stands there twice"));
        }
        texts.push(text);
    }
    Ok(texts)
}
