//! Verification of W3C documents, as VC-API has it: by our own ledger and our own status lists.
//!
//! Nothing is fetched from a network: a credential whose status list is somebody else's is refused.

use attestry_credential::w3c::{
    self, DidEthr, ProofPolicy, ResolveError, StatusSource, StatusUnavailable, Verdict,
};
use attestry_ledger::EthrDid;
use serde_json::Value;

use crate::Issuer;

/// What a verifier asked a presentation's holder to bind it to.
#[derive(Clone, Debug, Default)]
pub struct Binding {
    /// The challenge.
    pub challenge: Option<String>,
    /// The domain.
    pub domain: Option<String>,
}

impl Issuer {
    /// Verifies a credential.
    pub async fn verify_credential(&self, document: &Value) -> Verdict {
        let policy = ProofPolicy::at(self.now());
        Box::pin(w3c::verify_credential(document, &policy, self, self)).await
    }

    /// Verifies a presentation and every credential in it.
    pub async fn verify_presentation(&self, document: &Value, binding: Binding) -> Verdict {
        let Binding { challenge, domain } = binding;
        let policy = ProofPolicy { now: self.now(), challenge, domain };
        Box::pin(w3c::verify_presentation(document, &policy, self, self)).await
    }
}

/// Resolves identifiers by the ledger.
impl DidEthr for Issuer {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let did: EthrDid = did.parse().map_err(|_| ResolveError::NotFound)?;
        let resolution = self.resolve(&did).await.map_err(|_| ResolveError::Unavailable)?;
        let resolution = resolution.ok_or(ResolveError::NotFound)?;
        serde_json::to_value(resolution.document).map_err(|_| ResolveError::NotFound)
    }
}

/// Finds our own status lists.
impl StatusSource for Issuer {
    async fn status_list(&self, url: &str) -> Result<Value, StatusUnavailable> {
        let base = format!("{}/status-lists/", self.config().public_url);
        let list = url.strip_prefix(&base).and_then(|list| list.parse().ok());
        let list = list.ok_or(StatusUnavailable)?;
        Self::status_list(self, list).await.map_err(|_| StatusUnavailable)
    }
}
