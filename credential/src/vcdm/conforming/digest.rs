//! Digests of related resources.

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    base58::from_base58,
    error::CredentialError,
    json::{Node, Object},
    vcdm::CREDENTIALS_CONTEXT,
};

/// The digests that the specification publishes of the base context.
const CREDENTIALS_CONTEXT_SHA256: &str = "WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ=";
const CREDENTIALS_CONTEXT_SHA384: &str =
    "l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU";

/// A related resource has at least one digest; each is well formed, and is the right one if the
/// resource is known here. Nothing is retrieved.
pub(super) fn check_digests(resource: &Object<'_>, id: &str) -> Result<(), CredentialError> {
    let integrity = resource.get("digestSRI");
    let multibase = resource.get("digestMultibase");
    if integrity.is_none() && multibase.is_none() {
        let path = resource.path.clone();
        return Err(CredentialError::invalid(path, "has neither digestSRI nor digestMultibase"));
    }
    if let Some(node) = integrity {
        let digests: Option<Vec<_>> = node.text()?.split(' ').map(integrity_digest).collect();
        let digests = digests.ok_or_else(|| node.refuse("is not subresource integrity"))?;
        compare(&node, id, &digests)?;
    }
    if let Some(node) = multibase {
        let digest = multibase_digest(node.text()?);
        let digest = digest.ok_or_else(|| node.refuse("is not a digest in multibase"))?;
        compare(&node, id, &[digest])?;
    }
    Ok(())
}

/// One of the hash expressions of subresource integrity, such as `sha256-…`.
fn integrity_digest(text: &str) -> Option<Vec<u8>> {
    let (algorithm, digest) = text.split_once('-')?;
    let length = match algorithm {
        "sha256" => 32,
        "sha384" => 48,
        "sha512" => 64,
        _ => return None,
    };
    BASE64_STANDARD.decode(digest).ok().filter(|digest| digest.len() == length)
}

/// A digest in multibase: bare, or with the multihash prefix of its algorithm and length.
fn multibase_digest(text: &str) -> Option<Vec<u8>> {
    let bytes = match text.split_at_checked(1)? {
        ("u", digits) => BASE64_URL_SAFE_NO_PAD.decode(digits).ok()?,
        ("z", digits) => from_base58(digits)?,
        _ => return None,
    };
    let prefixed = match bytes.split_at_checked(2)? {
        ([0x12, 32] | [0x20, 48] | [0x13, 64], digest) => {
            Some(digest).filter(|digest| digest.len() == usize::from(bytes[1]))
        }
        _ => None,
    };
    match prefixed {
        Some(digest) => Some(digest.to_vec()),
        None => Some(bytes).filter(|bytes| matches!(bytes.len(), 32 | 48 | 64)),
    }
}

fn compare(node: &Node<'_>, id: &str, digests: &[Vec<u8>]) -> Result<(), CredentialError> {
    if id != CREDENTIALS_CONTEXT {
        return Ok(());
    }
    let published = [CREDENTIALS_CONTEXT_SHA256, CREDENTIALS_CONTEXT_SHA384];
    let published = published.map(|text| BASE64_STANDARD.decode(text).unwrap_or_default());
    if digests.iter().all(|digest| published.contains(digest)) {
        Ok(())
    } else {
        Err(node.refuse("is not the digest of that resource"))
    }
}
