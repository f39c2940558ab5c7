//! Which DIDs are resolved, and by whom.

use std::future::Future;

use serde_json::Value;
use ssi::dids::{DID, DIDKey, DIDResolver, resolution};

use super::{
    Refusal,
    did_key::{DidKey, ED25519 as ED25519_CODEC},
};
use crate::base58::from_base58;

/// Why a ledger gives no DID document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The ledger answered that there is none, or that it is deactivated.
    #[error("the DID has no document")]
    NotFound,
    /// The ledger did not answer.
    #[error("the ledger could not be asked")]
    Unavailable,
}

/// Resolves `did:ethr` by the ledger.
pub trait DidEthr {
    /// The DID document as JSON.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn did_document(&self, did: &str) -> impl Future<Output = Result<Value, ResolveError>> + Send;
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

/// A DID URL that may be written as its fragment alone.
fn absolute(did: &str, url: &str) -> String {
    if url.starts_with('#') { format!("{did}{url}") } else { url.to_owned() }
}

/// The Ed25519 key of a verification method, in any of the forms that DID documents use.
fn ed25519_key(method: &Value) -> Option<[u8; 32]> {
    let member = |name: &str| method[name].as_str();
    let bytes = if let Some(text) = member("publicKeyMultibase") {
        let bytes = from_base58(text.strip_prefix('z')?)?;
        match bytes.strip_prefix(&ED25519_CODEC) {
            Some(key) => key.to_vec(),
            None => bytes,
        }
    } else if let Some(text) = member("publicKeyHex") {
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?
    } else if let Some(text) = member("publicKeyBase58") {
        from_base58(text)?
    } else if method["publicKeyJwk"]["crv"] == "Ed25519" {
        use base64::Engine;
        let text = method["publicKeyJwk"]["x"].as_str()?;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?
    } else {
        return None;
    };
    bytes.try_into().ok()
}
