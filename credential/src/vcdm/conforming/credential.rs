//! Verifiable credentials.

use serde_json::Value;

use super::{
    context::check_first_context,
    extent::check_extent,
    objects::{check_id, check_names, check_objects, each, identifier, types},
};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    vcdm::read_instant,
};

/// Checks that a document, with or without proofs, has the form of a VCDM 2.0 credential.
///
/// # Errors
/// The first property that breaks a rule, by its path.
pub fn check_credential(document: &Value) -> Result<(), CredentialError> {
    check_extent(document)?;
    check_claims(&Node::root(document, "").object()?)
}

/// The same, of a credential that stands inside a document whose extent is checked.
pub(super) fn check_claims(root: &Object<'_>) -> Result<(), CredentialError> {
    check_first_context(root)?;
    check_id(root)?;
    if !types(root)?.contains(&"VerifiableCredential") {
        let path = root.member("type");
        return Err(CredentialError::invalid(path, "does not include VerifiableCredential"));
    }
    check_names(root)?;
    let issuer = root.require("issuer")?;
    identifier(&issuer)?;
    if issuer.value.is_object() {
        check_names(&issuer.object()?)?;
    }
    check_subjects(root)?;
    check_period(root)?;
    check_objects(root)?;
    check_proofs(root)
}

/// Credential subjects: one or more objects, each the subject of claims.
fn check_subjects(root: &Object<'_>) -> Result<(), CredentialError> {
    root.require("credentialSubject")?;
    for subject in each(root, "credentialSubject")? {
        let object = subject.object()?;
        if object.names().next().is_none() {
            return Err(subject.refuse("states nothing"));
        }
        check_id(&object)?;
    }
    Ok(())
}

/// Validity period: `validFrom` is the same as or earlier than `validUntil`.
fn check_period(root: &Object<'_>) -> Result<(), CredentialError> {
    let time = |name: &str| root.get(name).map(|node| read_instant(&node)).transpose();
    match (time("validFrom")?, time("validUntil")?) {
        (Some(from), Some(until)) if until < from => {
            Err(CredentialError::invalid(root.member("validUntil"), "is before validFrom"))
        }
        _ => Ok(()),
    }
}

/// `proof` is an object or several.
pub(super) fn check_proofs(root: &Object<'_>) -> Result<(), CredentialError> {
    each(root, "proof")?.iter().try_for_each(|proof| proof.object().map(|_| ()))
}
