//! The signed documents: credentials with their attestation, and status lists.

use std::pin::Pin;

use attestry_circuits::HolderCommitment;
use attestry_circuits::status::StatusList;
use attestry_credential::CredentialError;
use attestry_credential::schema::{Schema, Subject};
use attestry_credential::vcdm::{
    ATTESTRY_CONTEXT, CREDENTIALS_CONTEXT, Document, HOLDER_COMMITMENT, StatusEntry,
};
use attestry_credential::w3c::{self, StatusListCredential};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::epochs::{Issuing, KeyEpoch};
use crate::record::{CredentialId, ListId};
use crate::request::{Claims, Validity};
use crate::{Issuer, IssuerError};

/// Members that an unsigned document may have; the issuer adds the others.
const UNSIGNED: [&str; 6] =
    ["@context", "type", "issuer", "validFrom", "validUntil", "credentialSubject"];
const TYPE: &str = "VerifiableCredential";
const SUBJECT: &str = "credentialSubject";

/// A credential before it is signed.
pub(crate) struct Draft<'a> {
    pub(crate) id: CredentialId,
    pub(crate) subject: &'a Subject,
    pub(crate) holder: HolderCommitment,
    pub(crate) salt: [u8; 16],
    pub(crate) issuing: &'a Issuing,
    pub(crate) status_index: u32,
    pub(crate) valid_from: u64,
    pub(crate) valid_until: u64,
}

/// A credential in the two forms that a wallet receives.
pub(crate) struct Signed {
    pub(crate) verifiable_credential: Value,
    pub(crate) attestation: Value,
}

/// Signs a credential: the W3C document, and the attestation over what that document encodes to.
pub(crate) async fn sign(issuer: &Issuer, draft: &Draft<'_>) -> Result<Signed, IssuerError> {
    let document = Document::new(
        draft.id.to_string(),
        issuer.did().to_owned(),
        draft.holder,
        (draft.valid_from, draft.valid_until),
        StatusEntry {
            list: list_url(issuer, draft.issuing.entry.into()),
            index: draft.status_index,
        },
        draft.subject.clone(),
    )?;
    let Issuing { keys, vc_key_id, entry } = draft.issuing;
    let signer = issuer.keys().document_signer(keys);
    let verifiable_credential = boxed(w3c::sign(&document, &signer, vc_key_id, issuer.now()));
    let verifiable_credential = verifiable_credential.await.map_err(signing)?;
    // Attest what the signed document says, not what we meant it to say.
    let signed = Document::from_json(&verifiable_credential)?;
    let attestation = issuer.keys().attest(keys, &signed, draft.salt, entry.as_u32()).await?;
    Ok(Signed { verifiable_credential, attestation: attestation.to_json() })
}

/// Signs a list as a W3C BitstringStatusListCredential, with an epoch's key.
pub(crate) async fn sign_status_list(
    issuer: &Issuer,
    epoch: &KeyEpoch,
    list: ListId,
    bits: &StatusList,
    now: u64,
) -> Result<Value, IssuerError> {
    let (did, method) = match list {
        ListId::Entry(_) | ListId::Plain => (issuer.did().to_owned(), epoch.vc_key_id.clone()),
        ListId::PlainByKey(_) => (epoch.did_key().to_string(), epoch.did_key().method()),
    };
    let credential = StatusListCredential {
        url: &list_url(issuer, list),
        issuer: &did,
        valid_from: now,
        valid_until: now.saturating_add(issuer.config().status_list_validity_s),
        list: bits,
    };
    let signer = issuer.keys().document_signer(&epoch.keys);
    boxed(credential.sign(&signer, &method, now)).await.map_err(signing)
}

/// A signature in the making, boxed: `ssi`'s futures are nested too deeply for the compiler to lay
/// them out inside ours.
fn boxed<'a>(
    signature: impl Future<Output = Result<Value, CredentialError>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = Result<Value, CredentialError>> + Send + 'a>> {
    Box::pin(signature)
}

fn signing(error: CredentialError) -> IssuerError {
    tracing::error!(%error, "a document could not be signed");
    IssuerError::Signing
}

pub(crate) fn list_url(issuer: &Issuer, list: ListId) -> String {
    format!("{}/status-lists/{list}", issuer.config().public_url)
}

/// Reads a VCDM 2.0 document that is to be signed. What it says of its issuer and its holder must
/// be so.
pub(crate) fn read_unsigned(
    document: &Value,
    issuer: &str,
    holder: HolderCommitment,
) -> Result<Claims, IssuerError> {
    let members = document.as_object().ok_or(refuse("credential", "is not an object"))?;
    if members.contains_key("proof") {
        return Err(refuse("credential.proof", "is added by the issuer"));
    }
    if members.keys().any(|name| !UNSIGNED.contains(&name.as_str())) {
        return Err(refuse(
            "credential",
            "has a member that is not defined or that the issuer adds",
        ));
    }
    if members.get("@context") != Some(&json!([CREDENTIALS_CONTEXT, ATTESTRY_CONTEXT])) {
        return Err(refuse(
            "credential.@context",
            "is not that of VCDM 2.0 and our terms, in this order",
        ));
    }
    let types = members.get("type");
    let schema = Schema::ALL.into_iter().find(|s| types == Some(&json!([TYPE, s.type_name()])));
    let schema = schema.ok_or(refuse(
        "credential.type",
        "is not VerifiableCredential and ProviderCredential or ConsentGrant",
    ))?;
    if let Some(stated) = members.get("issuer")
        && stated.get("id").unwrap_or(stated) != issuer
    {
        return Err(refuse("credential.issuer", "is not this issuer"));
    }
    let mut subject = members
        .get(SUBJECT)
        .and_then(Value::as_object)
        .ok_or(refuse("credential.credentialSubject", "is not an object"))?
        .clone();
    if let Some(stated) = subject.remove(HOLDER_COMMITMENT)
        && stated != holder.to_string()
    {
        let field = "credential.credentialSubject.holderCommitment";
        return Err(refuse(field, "is not the holder for whom it is asked"));
    }
    Ok(Claims {
        subject: Subject::from_json(schema, &Value::Object(subject)).map_err(in_subject)?,
        validity: Validity {
            from: time_of(members, "validFrom")?,
            until: time_of(members, "validUntil")?,
        },
    })
}

fn time_of(members: &Map<String, Value>, name: &str) -> Result<Option<u64>, IssuerError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let time = value.as_str().and_then(read_time);
    let refused = || {
        IssuerError::request(format!("credential.{name}"), "is not an RFC 3339 time from 1970 on")
    };
    time.map(Some).ok_or_else(refused)
}

/// An RFC 3339 time in Unix seconds; fractions are cut off.
pub(crate) fn read_time(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp()).ok()
}

fn refuse(field: &'static str, rule: &'static str) -> IssuerError {
    IssuerError::request(field, rule)
}

/// The error of a document, with the path that it has in the request.
pub(crate) fn in_document(error: CredentialError) -> IssuerError {
    match error {
        CredentialError::Invalid { path, rule } if path == "$" || path.is_empty() => {
            rule.at("credential").into()
        }
        CredentialError::Invalid { path, rule } => rule.at(format!("credential.{path}")).into(),
        CredentialError::Signer => signing(error),
        other => other.into(),
    }
}

/// The error of a subject, with the path that it has in the document.
fn in_subject(error: CredentialError) -> CredentialError {
    match error {
        CredentialError::Invalid { path, rule } if path == "$" || path.is_empty() => {
            rule.at(format!("credential.{SUBJECT}"))
        }
        CredentialError::Invalid { path, rule } => rule.at(format!("credential.{SUBJECT}.{path}")),
        other => other,
    }
}
