//! Other parties' identities on the ledger.

use attestry_ledger::{EthrDid, Resolution};

use crate::{Issuer, IssuerError};

impl Issuer {
    /// The DID document of an identity on the issuer's ledger; none if it is on another.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`].
    pub async fn resolve(&self, did: &EthrDid) -> Result<Option<Resolution>, IssuerError> {
        Ok(self.registry().identities().resolve_here(did, self.now()).await?)
    }
}
