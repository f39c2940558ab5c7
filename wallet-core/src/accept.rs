//! Taking a credential from its issuer.

use crate::held::Held;
use crate::wallet::StoredCredential;
use crate::{CredentialId, RegistryView, Wallet, WalletError};
use attestry_circuits::Credential;
use attestry_credential::vcdm::{Attestation, Document};

/// Bytes of a document or an attestation, at most.
const MAX_BYTES: usize = 256 * 1024;

impl Wallet {
    /// Accepts a W3C document and the attestation beside it, both as JSON text.
    ///
    /// The claims are encoded from the document by its schema, and the issuer's BabyJubJub
    /// signature is checked over them. The key is the attestation's own: with a registry view it
    /// is also checked to be the accredited key of the document's issuer. The document's Data
    /// Integrity proof is not looked at. A credential that the wallet holds already changes
    /// nothing; a renewal takes the place of the former one when its validity begins. Seal the
    /// wallet to keep it.
    ///
    /// # Errors
    /// [`WalletError::Credential`] naming the element and the rule, or that the signature does not
    /// hold; [`WalletError::OtherHolder`]; [`WalletError::OtherLeaf`];
    /// [`WalletError::TooLong`].
    pub fn accept(
        &mut self,
        document: &str,
        attestation: &str,
        view: Option<&RegistryView<'_>>,
    ) -> Result<CredentialId, WalletError> {
        if document.len().max(attestation.len()) > MAX_BYTES {
            return Err(WalletError::TooLong { limit: MAX_BYTES });
        }
        let stored =
            StoredCredential { document: document.into(), attestation: attestation.into() };
        let (held, read) = stored.read()?;
        if held.credential.header.holder != self.holder_commitment() {
            return Err(WalletError::OtherHolder);
        }
        if let Some(view) = view {
            check_leaf(&held.credential, &read, view)?;
        }
        let id = held.id;
        if self.held_by_id(&id).is_err() {
            self.add(held, stored);
        }
        Ok(id)
    }
}

impl StoredCredential {
    /// The credential, encoded from the document and checked against the attestation.
    pub(crate) fn decode(&self) -> Result<Held, WalletError> {
        self.read().map(|(held, _)| held)
    }

    fn read(&self) -> Result<(Held, Attestation), WalletError> {
        let document = Document::from_slice(self.document.as_bytes())?;
        let attestation = Attestation::from_slice(self.attestation.as_bytes())?;
        let credential = attestation.verify(&document)?;
        let subject = document.subject().clone();
        Ok((Held::new(credential, attestation.signature(), subject), attestation))
    }
}

/// Checks that the attestation names the entry of the credential's issuer, schema and key.
fn check_leaf(
    credential: &Credential,
    attestation: &Attestation,
    view: &RegistryView<'_>,
) -> Result<(), WalletError> {
    let leaf = view.leaf_at(attestation.registry_index()).ok_or(WalletError::OtherLeaf)?;
    let header = &credential.header;
    let same = leaf.key == attestation.issuer_key()
        && leaf.issuer_id == header.issuer_id
        && leaf.schema == header.schema;
    if same { Ok(()) } else { Err(WalletError::OtherLeaf) }
}
