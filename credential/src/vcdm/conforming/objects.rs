//! Properties that several parts of a document share: identifiers, types, names, and the objects
//! around a credential.

use serde_json::Value;

use super::{digest::check_digests, url::is_absolute_url};
use crate::{
    error::CredentialError,
    json::{Node, Object},
};

/// The values of a property that holds one or more; none if it is absent.
pub(crate) fn each<'a>(object: &Object<'a>, name: &str) -> Result<Vec<Node<'a>>, CredentialError> {
    match object.get(name) {
        Some(node) if node.value.is_array() => node.items(),
        Some(node) => Ok(vec![node]),
        None => Ok(Vec::new()),
    }
}

/// A value that must be one URL.
pub(super) fn check_url(node: &Node<'_>) -> Result<(), CredentialError> {
    match node.value.as_str() {
        Some(text) if is_absolute_url(text) => Ok(()),
        _ => Err(node.refuse("is not a single URL")),
    }
}

/// Identifiers: `id`, if present, is a single URL.
pub(super) fn check_id(object: &Object<'_>) -> Result<(), CredentialError> {
    object.get("id").map_or(Ok(()), |id| check_url(&id))
}

/// A party (issuer, holder): a URL, or an object whose `id` is one. Returns the URL.
pub(crate) fn identifier<'a>(node: &Node<'a>) -> Result<&'a str, CredentialError> {
    let url = match node.value {
        Value::Object(_) => node.object()?.require("id")?,
        _ => node.clone(),
    };
    check_url(&url)?;
    url.text()
}

/// Types: one or more terms or absolute URLs. Whether a term is defined is for JSON-LD to say.
pub(crate) fn types<'a>(object: &Object<'a>) -> Result<Vec<&'a str>, CredentialError> {
    object.require("type")?;
    let types = each(object, "type")?;
    if types.is_empty() {
        return Err(CredentialError::invalid(object.member("type"), "is required"));
    }
    let read = types.into_iter().map(|node| {
        let text = node.text()?;
        let named = !text.is_empty() && (!text.contains(':') || is_absolute_url(text));
        if named && !text.starts_with('@') && !text.contains(char::is_whitespace) {
            Ok(text)
        } else {
            Err(node.refuse("is neither a term nor an absolute URL"))
        }
    });
    read.collect()
}

/// Names and descriptions: a string or language value object, or several of these.
pub(super) fn check_names(object: &Object<'_>) -> Result<(), CredentialError> {
    for name in ["name", "description"] {
        for value in each(object, name)? {
            match value.value {
                Value::String(_) => {}
                Value::Object(_) => {
                    let object = value.object()?;
                    object.only(&["@value", "@language", "@direction"])?;
                    object.require("@value")?.text()?;
                }
                _ => return Err(value.refuse("is neither a string nor a language value object")),
            }
        }
    }
    Ok(())
}

/// The properties whose values are objects with a type, and which of them need an `id`.
const TYPED: [(&str, bool); 7] = [
    ("credentialStatus", false),
    ("credentialSchema", true),
    ("refreshService", false),
    ("termsOfUse", false),
    ("evidence", false),
    ("confidenceMethod", false),
    ("renderMethod", false),
];

/// The objects around the claims: status, schemas, refreshing, terms of use, evidence, reserved
/// extension points, related resources.
pub(super) fn check_objects(root: &Object<'_>) -> Result<(), CredentialError> {
    for (name, identified) in TYPED {
        for node in each(root, name)? {
            let object = node.object()?;
            let types = types(&object)?;
            check_id(&object)?;
            if identified {
                object.require("id")?;
            }
            if name == "credentialStatus" && types.contains(&"BitstringStatusListEntry") {
                check_status_entry(&object)?;
            }
        }
    }
    let mut seen = Vec::new();
    for node in each(root, "relatedResource")? {
        let resource = node.object()?;
        let id = resource.require("id")?;
        check_url(&id)?;
        if seen.contains(&id.value) {
            return Err(id.refuse("is not unique among the related resources"));
        }
        seen.push(id.value);
        if let Some(media) = resource.get("mediaType")
            && media.text()?.split('/').filter(|part| !part.is_empty()).count() != 2
        {
            return Err(media.refuse("is not a media type"));
        }
        check_digests(&resource, id.text()?)?;
    }
    Ok(())
}

/// BitstringStatusListEntry, as Bitstring Status List has it.
fn check_status_entry(entry: &Object<'_>) -> Result<(), CredentialError> {
    entry.require("statusPurpose")?.text()?;
    let list = entry.require("statusListCredential")?;
    check_url(&list)?;
    if let Some(id) = entry.get("id").filter(|id| id.value == list.value) {
        return Err(id.refuse("is the URL of the status list"));
    }
    let index = entry.require("statusListIndex")?;
    let digits = index.text()?;
    let canonical = digits == "0" || !digits.starts_with('0');
    if digits.is_empty() || !canonical || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(index.refuse("is not a whole number in base 10, as a string"));
    }
    let size = match entry.get("statusSize") {
        Some(node) => {
            let size = node.integer()?;
            if size == 0 {
                return Err(node.refuse("is not above zero"));
            }
            size
        }
        None => 1,
    };
    let messages = each(entry, "statusMessage")?;
    if messages.is_empty() && size > 1 {
        return Err(entry.missing("statusMessage"));
    }
    if let Some(node) = entry.get("statusMessage")
        && Some(messages.len() as u64) != 1u64.checked_shl(size.min(63) as u32)
    {
        return Err(node.refuse("has not one message for each status"));
    }
    for message in messages {
        let message = message.object()?;
        message.require("status")?.text()?;
        message.require("message")?.text()?;
    }
    each(entry, "statusReference")?.iter().try_for_each(check_url)
}
