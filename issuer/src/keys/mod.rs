//! The issuer's keys: the account that is its identity, and for each epoch an Ed25519 key for W3C
//! documents and a BabyJubJub key for attestations.
//!
//! [`IssuerKeys`] is what the issuer signs with. Behind it stands a [`KeyProvider`]:
//! [`SoftwareKeys`] from an encrypted file ([`KeyFile`]) or a development file, or [`DeviceKeys`]
//! in a device.

mod device;
mod file;
mod passphrase;
mod provider;
mod software;
#[cfg(test)]
mod tests;

pub use attestry_vault::KeyDerivation;
pub use device::{DEVICE_KEY_FILE, DeviceKeys, KeyDevice};
pub use file::{DEVELOPMENT_KEY_FILE, KEY_FILE, KeyFile, PublicKeys};
pub use passphrase::Passphrase;
pub use provider::{Epoch, EpochKeys, KeyError, KeyProvider, Signing};
pub use software::SoftwareKeys;

pub(crate) use file::PublicEpoch;

use std::path::Path;
use std::sync::Arc;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::IssuerId;
use attestry_circuits::schnorr::VerifyingKey;
use attestry_credential::vcdm::{Attestation, Document};
use attestry_credential::w3c::{self, DocumentSigner};
use attestry_ledger::{Account, Address, DigestSigner, DigestSigning};

use crate::IssuerError;

/// What the issuer signs with, wherever the keys are. Clones share it.
#[derive(Clone)]
pub struct IssuerKeys {
    provider: Arc<dyn KeyProvider>,
    account: Account,
    latest: EpochKeys,
}

impl std::fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerKeys").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl IssuerKeys {
    /// The keys that a provider keeps.
    ///
    /// # Errors
    /// [`KeyError::NoKeys`] if there is no epoch.
    pub fn new(provider: Arc<dyn KeyProvider>) -> Result<Self, KeyError> {
        let latest = provider.epochs().pop().ok_or(KeyError::NoKeys)?;
        Ok(Self::with_latest(provider, latest))
    }

    fn with_latest(provider: Arc<dyn KeyProvider>, latest: EpochKeys) -> Self {
        let signer = Arc::new(ProviderAccount(Arc::clone(&provider)));
        let account = Account::kept_elsewhere(provider.address(), signer);
        Self { provider, account, latest }
    }

    /// New keys, not kept anywhere.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let (keys, first) = SoftwareKeys::random_with_epoch(rng);
        Self::with_latest(Arc::new(keys), first)
    }

    /// The development keys of a data directory; made there on first use, unencrypted, in a file
    /// that only its owner may read.
    ///
    /// # Errors
    /// [`IssuerError::Keys`] if the file is not ours, others may read it, or it cannot be written.
    pub fn load_or_create_insecure_development(
        data_directory: &Path,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, IssuerError> {
        let keys = SoftwareKeys::load_or_create_insecure_development(data_directory, rng)?;
        Ok(Self::new(Arc::new(keys))?)
    }

    /// The account that is the issuer's identity and sends its transactions.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.account.address()
    }

    /// The address, as credentials state it.
    pub fn issuer_id(&self) -> IssuerId {
        IssuerId::from_address(self.address().into_array())
    }

    /// The public keys of all epochs whose keys are kept, ascending.
    pub fn epochs(&self) -> Vec<EpochKeys> {
        self.provider.epochs()
    }

    /// The Ed25519 key of the latest epoch, which W3C documents are verified with.
    pub fn credential_key(&self) -> [u8; 32] {
        self.latest.credential
    }

    /// The BabyJubJub key of the latest epoch, to be accredited, which attestations are verified
    /// with.
    pub fn attestation_key(&self) -> VerifyingKey {
        self.latest.attestation
    }

    /// The signer of W3C documents with an epoch's key.
    pub(crate) fn document_signer(&self, keys: &EpochKeys) -> impl DocumentSigner + use<> {
        EpochSigner { provider: Arc::clone(&self.provider), keys: *keys }
    }

    /// The attestation of an epoch's key over what a signed document encodes to.
    pub(crate) async fn attest(
        &self,
        keys: &EpochKeys,
        document: &Document,
        salt: [u8; 16],
        registry_index: u32,
    ) -> Result<Attestation, IssuerError> {
        let EpochKeys { epoch, attestation, .. } = *keys;
        let credential = document.credential(salt)?;
        let signature = self.provider.sign_credential(epoch, &credential).await?;
        let attested =
            Attestation::of_signature(document, salt, registry_index, attestation, signature);
        Ok(attested?)
    }
}

/// The Ed25519 key of an epoch.
struct EpochSigner {
    provider: Arc<dyn KeyProvider>,
    keys: EpochKeys,
}

impl DocumentSigner for EpochSigner {
    fn public_key(&self) -> [u8; 32] {
        self.keys.credential
    }

    fn sign_message<'a>(&'a self, message: &'a [u8]) -> w3c::Signing<'a> {
        Box::pin(async move {
            let signature = self.provider.sign_message(self.keys.epoch, message).await;
            signature.map_err(|error| {
                tracing::error!(%error, "a document was not signed");
                w3c::NotSigned
            })
        })
    }
}

/// A provider's account, as the ledger's client takes it.
struct ProviderAccount(Arc<dyn KeyProvider>);

impl DigestSigner for ProviderAccount {
    fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> DigestSigning<'a> {
        Box::pin(async move {
            self.0.sign_digest(digest).await.map_err(|error| {
                tracing::error!(%error, "a transaction was not signed");
                attestry_ledger::NotSigned
            })
        })
    }
}
