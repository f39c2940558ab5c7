//! Which DIDs are resolved, and by whom.

use std::future::Future;

use serde_json::Value;
use ssi::dids::{DID, DIDKey, DIDResolver, resolution};

use super::{Refusal, did_key::DidKey, remote::did_web_url};
use crate::did::{absolute, ed25519_key};

/// Why there is no DID document, or no other document that verification needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is none, or it is deactivated.
    #[error("there is no such document")]
    NotFound,
    /// The ledger, or the host of a document, did not answer.
    #[error("the ledger or host could not be asked")]
    Unavailable,
    /// The document is of a host that may not be asked.
    #[error("the host is not one that is listed")]
    NotListed,
}

/// Resolves `did:ethr` by the ledger; and fetches, if it allows any, documents of `did:web` and
/// contexts.
pub trait DidEthr {
    /// The DID document as JSON.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn did_document(&self, did: &str) -> impl Future<Output = Result<Value, ResolveError>> + Send;

    /// The JSON document at a URL that somebody else named. Nothing is fetched unless who verifies
    /// says of whom.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn remote_document(
        &self,
        url: &str,
    ) -> impl Future<Output = Result<Value, ResolveError>> + Send {
        let _ = url;
        std::future::ready(Err(ResolveError::NotListed))
    }
}

/// What a proof is made for, which is also the relationship that a DID document must state
/// between its subject and the proof's verification method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Of credentials.
    Assertion,
    /// Of presentations.
    Authentication,
}

impl Purpose {
    /// The name that proofs and DID documents use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Assertion => "assertionMethod",
            Self::Authentication => "authentication",
        }
    }
}

/// The Ed25519 key of a verification method, whose DID must be the signer's and authorise it for
/// the purpose.
pub(super) async fn resolve_key(
    signer: &str,
    id: &str,
    purpose: Purpose,
    ledger: &impl DidEthr,
) -> Result<[u8; 32], Refusal> {
    let (did, _) = id.split_once('#').ok_or(Refusal::Controller)?;
    if did != signer {
        return Err(Refusal::Controller);
    }
    let document = match did.split(':').nth(1) {
        // Its one method is for every purpose.
        Some("key") => {
            return match DidKey::from_url(id) {
                Some(DidKey::Ed25519(key)) => Ok(key),
                Some(DidKey::P256(_)) => Err(Refusal::Controller),
                None => Err(Refusal::Unresolved),
            };
        }
        Some("ethr") => ledger.did_document(did).await.map_err(|_| Refusal::Unresolved)?,
        Some("web") => {
            let url = did_web_url(did).ok_or(Refusal::Unresolved)?;
            ledger.remote_document(&url).await.map_err(|error| match error {
                ResolveError::NotListed => Refusal::WebHost,
                ResolveError::NotFound | ResolveError::Unavailable => Refusal::Unresolved,
            })?
        }
        _ => return Err(Refusal::DidMethod),
    };
    if document["id"] != signer {
        return Err(Refusal::Controller);
    }
    let names_method = |entry: &Value| {
        let named = entry.as_str().or_else(|| entry["id"].as_str());
        named.is_some_and(|named| absolute(did, named) == id)
    };
    let listed = |member: &str| {
        let entries = document[member].as_array().into_iter().flatten();
        entries.filter(|entry| names_method(entry)).collect::<Vec<_>>()
    };
    let authorised = listed(purpose.name());
    let described = listed("verificationMethod");
    let method = described.iter().chain(&authorised).find(|entry| entry.is_object());
    let (Some(method), false) = (method, authorised.is_empty()) else {
        return Err(Refusal::Controller);
    };
    if method["controller"] != signer {
        return Err(Refusal::Controller);
    }
    ed25519_key(method).ok_or(Refusal::Controller)
}

/// The DID document of a `did:key`.
///
/// # Errors
/// [`Refusal::Unresolved`] if it is none that is known.
pub async fn did_key_document(did: &str) -> Result<Value, Refusal> {
    let did = DID::new(did).map_err(|_| Refusal::Unresolved)?;
    let output = DIDKey.resolve_representation(did, resolution::Options::default()).await;
    let output = output.map_err(|_| Refusal::Unresolved)?;
    serde_json::from_slice(&output.document).map_err(|_| Refusal::Unresolved)
}
