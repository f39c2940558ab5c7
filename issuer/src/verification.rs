//! Verification of W3C documents, as VC-API has it: by our own ledger and our own status lists.
//!
//! Nothing is fetched from a network: a credential whose status list is somebody else's is refused.

use attestry_credential::w3c::{DidEthr, ResolveError, StatusSource, StatusUnavailable};
use serde_json::Value;

use crate::Issuer;

/// Resolves identifiers by the ledger.
impl DidEthr for Issuer {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let document = self.registry().identities().document(did, self.now()).await;
        document.map_err(|_| ResolveError::Unavailable)?.ok_or(ResolveError::NotFound)
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
