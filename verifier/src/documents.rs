//! What W3C documents are verified by: our own ledger, and documents of hosts that the operator
//! lists.
//!
//! Nothing else is fetched from a network: a credential whose status list is somewhere else is
//! refused. What was fetched is kept for some minutes, status lists too.

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

/// Fetches the status lists of listed hosts.
impl StatusSource for Verifier {
    async fn status_list(&self, url: &str) -> Result<Value, StatusUnavailable> {
        let documents = self.documents().ok_or(StatusUnavailable)?;
        let list = documents.get(url, self.now()).await.map_err(|_| StatusUnavailable)?;
        Ok(Value::clone(&list))
    }
}
