//! Who the issuer is on the ledger: its did:ethr identifier and the keys published under it.

use attestry_ledger::{DidKey, RegistryClient};

use crate::storage::Identity;
use crate::{IssuerError, IssuerKeys};

/// Publishes the Ed25519 and BabyJubJub keys as ERC-1056 attributes, unless the DID document has
/// them already.
pub(crate) async fn publish(
    registry: &RegistryClient,
    keys: &IssuerKeys,
    validity_s: u64,
    now: u64,
) -> Result<Identity, IssuerError> {
    let identities = registry.identities();
    let did = identities.did(keys.address()).await?;
    let credential_key = DidKey::Ed25519(keys.credential_key());
    let wanted = [credential_key, DidKey::BabyJubJub(keys.attestation_key())];
    let mut document = identities.resolve(&did, now).await?.document;
    for key in &wanted {
        if document.assertion_method_of(key).is_none() {
            identities.publish_key(keys.account(), keys.address(), key, validity_s).await?;
            document = identities.resolve(&did, now).await?.document;
        }
    }
    let vc_key_id = document.assertion_method_of(&credential_key);
    let vc_key_id = vc_key_id.ok_or(IssuerError::Signing)?.to_owned();
    Ok(Identity { did: did.to_string(), vc_key_id })
}
