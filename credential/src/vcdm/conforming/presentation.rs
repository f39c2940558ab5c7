//! Verifiable presentations, and envelopes.

use serde_json::Value;

use super::{
    context::check_first_context,
    credential::{check_claims, check_proofs},
    extent::check_extent,
    objects::{check_id, check_names, check_objects, each, identifier, types},
};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    vcdm::CREDENTIALS_CONTEXT,
};

/// Credentials in one presentation.
const MOST_CREDENTIALS: usize = 32;

/// Checks that a document, with or without proofs, has the form of a VCDM 2.0 presentation or of
/// an enveloped one, and so have the credentials in it.
///
/// # Errors
/// The first property that breaks a rule, by its path.
pub fn check_presentation(document: &Value) -> Result<(), CredentialError> {
    check_extent(document)?;
    let root = Node::root(document, "").object()?;
    if types(&root)?.contains(&"EnvelopedVerifiablePresentation") {
        return check_envelope(&root, "EnvelopedVerifiablePresentation");
    }
    check_first_context(&root)?;
    check_id(&root)?;
    if !types(&root)?.contains(&"VerifiablePresentation") {
        let path = root.member("type");
        return Err(CredentialError::invalid(path, "does not include VerifiablePresentation"));
    }
    check_names(&root)?;
    if let Some(holder) = root.get("holder") {
        identifier(&holder)?;
    }
    let credentials = each(&root, "verifiableCredential")?;
    if credentials.len() > MOST_CREDENTIALS {
        return Err(CredentialError::invalid("verifiableCredential", "has more than 32 items"));
    }
    for credential in credentials {
        let credential = credential.object()?;
        if types(&credential)?.contains(&"EnvelopedVerifiableCredential") {
            check_envelope(&credential, "EnvelopedVerifiableCredential")?;
        } else {
            check_claims(&credential)?;
        }
    }
    check_objects(&root)?;
    check_proofs(&root)
}

/// Enveloped credentials and presentations: the base context, that one type, a `data:` URL.
fn check_envelope(root: &Object<'_>, kind: &str) -> Result<(), CredentialError> {
    root.require("@context")?;
    if !each(root, "@context")?.iter().any(|context| context.value == CREDENTIALS_CONTEXT) {
        let path = root.member("@context");
        return Err(CredentialError::invalid(path, "does not include the base context"));
    }
    if types(root)? != [kind] {
        let path = root.member("type");
        return Err(CredentialError::invalid(path, "is not the one type of an envelope"));
    }
    let id = root.require("id")?;
    check_id(root)?;
    match id.text()?.strip_prefix("data:").and_then(|data| data.split_once(',')) {
        Some((media, data)) if media.contains('/') && !data.is_empty() => Ok(()),
        _ => Err(id.refuse("is not a data: URL")),
    }
}
