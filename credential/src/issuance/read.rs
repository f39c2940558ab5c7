//! Reading of messages: of limited length, an object, no parameter twice.

use serde_json::Value;

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
    json::parse_unique(bytes).ok().filter(Value::is_object)
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
