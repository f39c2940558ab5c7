//! Reading of the wire's elements, each error with the element's path.

use std::str::FromStr;

use attestry_circuits::FieldError;
use serde_json::Value;

use super::{PresentationError, words::from_hex};
use crate::{
    CredentialError,
    error::Rule,
    json::{self, Node},
};

/// Parses a JSON text of a limited length.
pub(super) fn document(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<Value, PresentationError> {
    if bytes.len() > limit {
        return Err(PresentationError::TooLong { what, limit });
    }
    Ok(json::parse(bytes)?)
}

/// A type over a canonical field element.
pub(super) fn element<T: FromStr<Err = FieldError>>(node: &Node<'_>) -> Result<T, CredentialError> {
    node.text()?.parse().map_err(|error: FieldError| {
        Rule::new(match error {
            FieldError::NotHex => "is not 0x and 64 lower-case hexadecimal digits",
            FieldError::NonCanonical => "is not below the BN254 scalar modulus",
        })
        .at(&node.path)
    })
}

/// Bytes in lower-case hexadecimal digits.
pub(super) fn bytes<const N: usize>(node: &Node<'_>) -> Result<[u8; N], CredentialError> {
    let rule = || Rule::worded(format!("is not {} lower-case hexadecimal digits", 2 * N));
    from_hex(node.text()?).ok_or_else(|| rule().at(&node.path))
}

/// A Unix time in seconds, below 2^40.
pub(crate) fn time(node: &Node<'_>) -> Result<u64, CredentialError> {
    let seconds = node.integer()?;
    if seconds >> attestry_circuits::time::TIME_BITS == 0 {
        Ok(seconds)
    } else {
        Err(node.refuse("is not below 2^40 seconds"))
    }
}

/// Serde of bytes as lower-case hexadecimal digits.
pub(super) fn as_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}
