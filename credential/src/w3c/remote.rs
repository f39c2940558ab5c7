//! What is fetched from a network, if a service allows it: documents of `did:web`, and contexts.
//!
//! A context that is fetched is put into the document in the place of its URL, which is what the
//! URL stands for in JSON-LD. From then on it is an inline context: held to what those may say.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::did::{DidEthr, ResolveError};
use crate::{
    error::CredentialError,
    vcdm::conforming::{KNOWN_CONTEXTS, is_absolute_url},
};

/// Places in one document at which contexts are named that are not embedded, at most.
const MOST: usize = 8;
/// Objects and arrays inside one another, of a document in which contexts are looked for.
const DEEPEST: usize = 64;

/// Where the document of a `did:web` is (did:web, section 2.5.2); none if it is no such DID.
pub(super) fn did_web_url(did: &str) -> Option<String> {
    let mut parts = did.strip_prefix("did:web:")?.split(':');
    let host = parts.next()?;
    let (name, port) = match host.split_once("%3A").or_else(|| host.split_once("%3a")) {
        Some((name, port)) => (name, Some(port.parse::<u16>().ok()?)),
        None => (host, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    // Names end in letters: what ends in digits is an address.
    let ends_well = name.bytes().last().is_some_and(|last| last.is_ascii_alphabetic());
    if !name.bytes().all(is_name) || !ends_well {
        return None;
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let mut path = String::new();
    for part in parts {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte);
        let is_plain = part.bytes().all(plain) && part.bytes().any(|byte| byte != b'.');
        if !is_plain {
            return None;
        }
        path.push('/');
        path.push_str(part);
    }
    let path = if path.is_empty() { "/.well-known" } else { &path };
    Some(format!("https://{name}{port}{path}/did.json"))
}

/// The document with the contexts in it that are not embedded and may be fetched. Those that may
/// not stay as they are, which refuses the document later.
///
/// # Errors
/// [`CredentialError::Invalid`] for a context that may be fetched and cannot be had, and for too
/// many.
pub(super) async fn with_contexts<'a>(
    document: &'a Value,
    sources: &impl DidEthr,
) -> Result<Cow<'a, Value>, CredentialError> {
    let mut named = Vec::new();
    find(document, DEEPEST, &mut named);
    if named.len() > MOST {
        return Err(CredentialError::invalid("@context", "names too many that are not embedded"));
    }
    let mut fetched = BTreeMap::new();
    for url in BTreeSet::from_iter(named) {
        match sources.remote_document(url).await {
            Ok(mut remote) if remote["@context"].is_object() || remote["@context"].is_array() => {
                fetched.insert(url.to_owned(), remote["@context"].take());
            }
            Ok(_) => {
                return Err(CredentialError::invalid("@context", "names one that is no context"));
            }
            Err(ResolveError::NotListed) => {}
            Err(ResolveError::NotFound | ResolveError::Unavailable) => {
                let rule = "names one that could not be fetched";
                return Err(CredentialError::invalid("@context", rule));
            }
        }
    }
    if fetched.is_empty() {
        return Ok(Cow::Borrowed(document));
    }
    let mut document = document.clone();
    put(&mut document, DEEPEST, &fetched);
    Ok(Cow::Owned(document))
}

/// Looks for URLs of contexts that are not embedded.
fn find<'a>(value: &'a Value, depth: usize, named: &mut Vec<&'a str>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(item, depth, named)),
        Value::Object(members) => {
            for (name, value) in members {
                if name != "@context" {
                    find(value, depth, named);
                    continue;
                }
                let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                let urls = items.iter().filter_map(Value::as_str);
                let remote =
                    urls.filter(|url| !KNOWN_CONTEXTS.contains(url) && is_absolute_url(url));
                named.extend(remote);
            }
        }
        _ => {}
    }
}

/// Puts contexts in the place of their URLs.
fn put(value: &mut Value, depth: usize, fetched: &BTreeMap<String, Value>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, depth, fetched)),
        Value::Object(members) => {
            for (name, value) in members {
                if name != "@context" {
                    put(value, depth, fetched);
                    continue;
                }
                let items = match value.take() {
                    Value::Array(items) => items,
                    single => vec![single],
                };
                let replaced = items.into_iter().flat_map(|item| {
                    match item.as_str().and_then(|url| fetched.get(url)) {
                        Some(Value::Array(several)) => several.clone(),
                        Some(context) => vec![context.clone()],
                        None => vec![item],
                    }
                });
                *value = replaced.collect();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_did_web_is_at_a_place_that_it_names() {
        for (did, url) in [
            ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
            ("did:web:board.example:user:alice", "https://board.example/user/alice/did.json"),
            ("did:web:board.example%3A3000", "https://board.example:3000/.well-known/did.json"),
            ("did:web:board.example%3a3000:a", "https://board.example:3000/a/did.json"),
        ] {
            assert_eq!(did_web_url(did).as_deref(), Some(url));
        }
        for did in [
            "did:web:",
            "did:web::a",
            "did:web:board.example:",
            "did:web:board.example:..",
            "did:web:board.example:a/b",
            "did:web:board.example:%2e%2e",
            "did:web:board.example/a",
            "did:web:board.example?a",
            "did:web:user@board.example",
            "did:web:board.example%3A",
            "did:web:board.example%3A99999",
            "did:web:board.example%2Fa",
            "did:web:127.0.0.1",
            "did:web:2130706433",
            "did:web:[::1]",
            "did:web:0x7f000001",
            "did:key:a",
        ] {
            assert_eq!(did_web_url(did), None, "{did}");
        }
    }
}
