//! Who the issuer is on the ledger: its did:ethr identifier and the keys published under it.

use attestry_ledger::{DidKey, RegistryClient};

use crate::keys::{Epoch, EpochKeys};
use crate::{IssuerError, IssuerKeys};

/// The issuer as the ledger has it.
pub(crate) struct Published {
    /// Its did:ethr identifier.
    pub(crate) did: String,
    /// Epochs whose keys are in the DID document, with the id of the Ed25519 key there.
    pub(crate) epochs: Vec<(EpochKeys, String)>,
}

/// Publishes the Ed25519 and BabyJubJub keys of each epoch that has not ended as ERC-1056
/// attributes, unless the DID document has them already.
pub(crate) async fn publish(
    registry: &RegistryClient,
    keys: &IssuerKeys,
    ended: &[Epoch],
    validity_s: u64,
    now: u64,
) -> Result<Published, IssuerError> {
    let identities = registry.identities();
    let did = identities.did(keys.address()).await?;
    let mut document = identities.resolve(&did, now).await?.document;
    let mut epochs = Vec::new();
    for epoch in keys.epochs().into_iter().filter(|keys| !ended.contains(&keys.epoch)) {
        let credential_key = DidKey::Ed25519(epoch.credential);
        for key in [credential_key, DidKey::BabyJubJub(epoch.attestation)] {
            if document.assertion_method_of(&key).is_none() {
                identities.publish_key(keys.account(), keys.address(), &key, validity_s).await?;
                document = identities.resolve(&did, now).await?.document;
            }
        }
        let vc_key_id = document.assertion_method_of(&credential_key);
        epochs.push((epoch, vc_key_id.ok_or(IssuerError::Signing)?.to_owned()));
    }
    Ok(Published { did: did.to_string(), epochs })
}
