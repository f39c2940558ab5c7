//! What W3C documents are verified by: our own ledger.
//!
//! Nothing is fetched from a network: a credential with a status list is refused, because the list
//! cannot be had.

use attestry_credential::w3c::{DidEthr, ResolveError, StatusSource, StatusUnavailable};
use serde_json::Value;

use crate::Verifier;

/// Resolves identifiers by the ledger.
impl DidEthr for Verifier {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let document = self.registry().identities().document(did, self.now()).await;
        document.map_err(|_| ResolveError::Unavailable)?.ok_or(ResolveError::NotFound)
    }
}

/// Has no status lists.
impl StatusSource for Verifier {
    async fn status_list(&self, _: &str) -> Result<Value, StatusUnavailable> {
        Err(StatusUnavailable)
    }
}
