//! Issuing of any VCDM 2.0 credential.

use serde_json::{Value, json};

use super::{
    Refusal,
    graph::{canonical_graph, unsecured},
    proof::sign_json,
    signer::DocumentSigner,
};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    schema::Schema,
    vcdm::{
        Document, StatusEntry,
        conforming::{check_credential, each},
        schema_url,
    },
};

/// What to do with a credential to be issued that names another issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignIssuer {
    /// Refuse it.
    Refuse,
    /// Put our own identifier in the place of the other, as VC-API issuers do: who issues is
    /// decided by the endpoint, not by the request.
    Replace,
}

/// With what a credential is issued.
pub struct Issuance<'a> {
    /// The key that signs.
    pub key: &'a dyn DocumentSigner,
    /// The key's verification method: a DID URL of the issuer, `did:ethr` or `did:key`.
    pub method: &'a str,
    /// The proof's creation, Unix seconds.
    pub now: u64,
    /// Where the credential's revocation bit stands, if it is to have one.
    pub status: Option<&'a StatusEntry>,
    /// What to do with another issuer's name.
    pub foreign_issuer: ForeignIssuer,
}

/// The credential with the issuer's identifier, a status entry of the issuer's own and a proof
/// (`eddsa-rdfc-2022`).
///
/// # Errors
/// The first rule of VCDM 2.0 or of a schema of ours that the credential breaks, by its path;
/// [`Refusal::JsonLd`] if a term or type is not defined by its contexts; [`Refusal::Controller`]
/// if it names another issuer. Nothing is signed then.
pub async fn issue(credential: &Value, issuance: &Issuance<'_>) -> Result<Value, CredentialError> {
    let (did, _) = issuance.method.split_once('#').ok_or(Refusal::Controller)?;
    // The form is judged as it was asked for, before anything is put in.
    check_credential(credential)?;
    let root = Node::root(credential, "").object()?;
    if root.names().any(|name| name == "proof") {
        return Err(CredentialError::invalid("proof", "is there before the credential is issued"));
    }
    let mut credential = credential.clone();
    set_issuer(&mut credential, did, issuance.foreign_issuer)?;
    if let Some(entry) = issuance.status {
        add_status(&mut credential, entry)?;
        check_credential(&credential)?;
    }
    check_known_schema(&Node::root(&credential, "").object()?, &credential)?;
    canonical_graph(&unsecured(&credential)).await?;
    sign_json(&credential, issuance.key, issuance.method, issuance.now).await
}

fn set_issuer(
    credential: &mut Value,
    did: &str,
    foreign: ForeignIssuer,
) -> Result<(), CredentialError> {
    let issuer = &mut credential["issuer"];
    let id = if issuer.is_object() { &mut issuer["id"] } else { issuer };
    if *id != did {
        if foreign == ForeignIssuer::Refuse {
            return Err(Refusal::Controller.into());
        }
        *id = Value::from(did);
    }
    Ok(())
}

/// Adds the issuer's entry to those that the credential has.
fn add_status(credential: &mut Value, entry: &StatusEntry) -> Result<(), CredentialError> {
    let own = entry.to_json();
    let root = Node::root(credential, "").object()?;
    let present = each(&root, "credentialStatus")?;
    let mut entries: Vec<Value> = present.into_iter().map(|node| node.value.clone()).collect();
    credential["credentialStatus"] = if entries.is_empty() {
        own
    } else {
        entries.push(own);
        json!(entries)
    };
    Ok(())
}

/// Reads the credential by the schema that it names, if that is one of ours. Returns whether
/// every schema that it names was read.
pub(super) fn check_known_schema(
    root: &Object<'_>,
    credential: &Value,
) -> Result<bool, CredentialError> {
    let mut all_read = true;
    for node in each(root, "credentialSchema")? {
        let ours = Schema::ALL.into_iter().any(|schema| node.value["id"] == schema_url(schema));
        if ours {
            Document::from_json(credential)?;
        }
        all_read &= ours;
    }
    Ok(all_read)
}
