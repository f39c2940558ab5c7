//! `@context`: which there are, and what an inline one may say.

use serde_json::Value;

use super::{extent::shown, url::is_absolute_url};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    vcdm::{ATTESTRY_CONTEXT, CREDENTIALS_CONTEXT},
};

/// The contexts that are embedded, which documents may name.
pub(crate) const KNOWN_CONTEXTS: [&str; 9] = [
    CREDENTIALS_CONTEXT,
    ATTESTRY_CONTEXT,
    "https://www.w3.org/ns/credentials/examples/v2",
    "https://www.w3.org/ns/credentials/undefined-terms/v2",
    "https://w3id.org/security/data-integrity/v1",
    "https://w3id.org/security/data-integrity/v2",
    "https://w3id.org/security/multikey/v1",
    "https://www.w3.org/ns/did/v1",
    "https://www.w3.org/ns/odrl.jsonld",
];

/// `@context` of a credential or a presentation: an ordered set whose first item is the base
/// context.
pub(super) fn check_first_context(root: &Object<'_>) -> Result<(), CredentialError> {
    let contexts = root.require("@context")?;
    let items = contexts.items()?;
    if items.first().is_none_or(|first| first.value != CREDENTIALS_CONTEXT) {
        return Err(contexts.refuse("does not begin with https://www.w3.org/ns/credentials/v2"));
    }
    Ok(())
}

/// `@context` anywhere: URLs of known contexts, and inline contexts.
pub(super) fn check_contexts(node: &Node<'_>) -> Result<(), CredentialError> {
    match node.value {
        Value::Array(_) => node.items()?.iter().try_for_each(check_context),
        _ => check_context(node),
    }
}

fn check_context(node: &Node<'_>) -> Result<(), CredentialError> {
    match node.value {
        Value::String(url) if KNOWN_CONTEXTS.contains(&url.as_str()) => Ok(()),
        Value::String(url) if is_absolute_url(url) => {
            Err(node.refuse("is not one of the embedded contexts"))
        }
        Value::String(_) => Err(node.refuse("is not a URL")),
        Value::Object(_) => check_inline(&node.object()?),
        _ => Err(node.refuse("is neither a URL nor a context")),
    }
}

/// An inline context may define terms. It may not import, rebase, or map a term to nothing or to
/// a keyword that takes values out of the graph; nor set what parties canonicalize differently, a
/// direction or the case of a language.
fn check_inline(context: &Object<'_>) -> Result<(), CredentialError> {
    for (name, value) in context.entries() {
        let node = Node { value, path: context.member(shown(name)) };
        let allowed = match name.as_str() {
            "@version" => *value == 1.1,
            "@protected" => value.is_boolean(),
            "@language" => value.is_null() || value.as_str().is_some_and(is_lower_case),
            "@vocab" => value.is_null() || value.as_str().is_some_and(is_absolute_url),
            keyword if keyword.starts_with('@') => false,
            _ => {
                check_term(&node)?;
                true
            }
        };
        if !allowed {
            return Err(node.refuse("is not what an inline context may say"));
        }
    }
    Ok(())
}

fn is_lower_case(language: &str) -> bool {
    !language.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn check_term(node: &Node<'_>) -> Result<(), CredentialError> {
    let names_nothing = |text: &str| {
        let alias = text.starts_with('@') && !matches!(text, "@id" | "@type");
        alias || text.is_empty()
    };
    match node.value {
        Value::String(meaning) if names_nothing(meaning) => {
            Err(node.refuse("is not what a term may mean"))
        }
        Value::String(_) => Ok(()),
        Value::Object(_) => {
            let term = node.object()?;
            term.only(&[
                "@id",
                "@type",
                "@container",
                "@context",
                "@language",
                "@protected",
                "@prefix",
            ])?;
            if let Some(meaning) = term.get("@id")
                && names_nothing(meaning.text()?)
            {
                return Err(meaning.refuse("is not what a term may mean"));
            }
            if term.names().any(|name| name == "@id") && term.get("@id").is_none() {
                return Err(node.refuse("is not what a term may mean"));
            }
            if let Some(container) = term.get("@container")
                && container.text()? != "@set"
            {
                return Err(container.refuse("is not @set"));
            }
            if let Some(language) = term.get("@language")
                && !is_lower_case(language.text()?)
            {
                return Err(language.refuse("is not in lower case"));
            }
            match term.get("@context") {
                Some(scoped) => check_contexts(&scoped),
                None => Ok(()),
            }
        }
        _ => Err(node.refuse("is not what a term may mean")),
    }
}
