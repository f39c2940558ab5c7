//! What W3C documents are verified by: our own ledger, and documents of hosts that the operator
//! lists.
//!
//! Nothing else is fetched from a network: a credential with a status list is refused, because the
//! list cannot be had.

use attestry_credential::w3c::{DidEthr, ResolveError, StatusSource, StatusUnavailable};
use attestry_service::outbound::DocumentError;
use serde_json::Value;

use crate::Verifier;

/// Resolves identifiers by the ledger, and fetches what may be fetched.
impl DidEthr for Verifier {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let document = self.registry().identities().document(did, self.now()).await;
        document.map_err(|_| ResolveError::Unavailable)?.ok_or(ResolveError::NotFound)
    }

    async fn remote_document(&self, url: &str) -> Result<Value, ResolveError> {
        let documents = self.documents().ok_or(ResolveError::NotListed)?;
        let document = documents.get(url, self.now()).await.map_err(|error| match error {
            DocumentError::Refused(_) => ResolveError::NotListed,
            DocumentError::Away(_) => ResolveError::Unavailable,
            DocumentError::Status | DocumentError::NotJson => ResolveError::NotFound,
        })?;
        Ok(Value::clone(&document))
    }
}

/// Has no status lists.
impl StatusSource for Verifier {
    async fn status_list(&self, _: &str) -> Result<Value, StatusUnavailable> {
        Err(StatusUnavailable)
    }
}
