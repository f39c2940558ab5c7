//! Keys in this process's memory, and the JSON form of their secrets.

use std::collections::BTreeMap;
use std::fmt;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::Credential;
use attestry_circuits::schnorr::{Signature, SigningKey};
use attestry_ledger::{AccountKey, Address, DigestSigner};
use ed25519_dalek::Signer;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::provider::{Epoch, EpochKeys, KeyError, KeyProvider, Signing};

const FORMAT: u32 = 2;

/// An issuer's keys in memory. Zeroized on drop, never printed.
pub struct SoftwareKeys {
    account: AccountKey,
    epochs: BTreeMap<Epoch, Secrets>,
    /// A number is not used twice, even where its keys are gone.
    last: Option<Epoch>,
}

struct Secrets {
    credential: ed25519_dalek::SigningKey,
    attestation: SigningKey,
}

/// The secrets as they are written down: 32 bytes each, hexadecimal.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretDocument {
    format: u32,
    /// secp256k1.
    account: String,
    /// The latest epoch that there ever was; 0: none.
    last_epoch: u32,
    epochs: Vec<SecretEpoch>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct SecretEpoch {
    epoch: u32,
    /// Ed25519.
    credential: String,
    /// BabyJubJub.
    attestation: String,
}

impl fmt::Debug for SoftwareKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKeys").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl SoftwareKeys {
    /// A new account, and keys for the first epoch; not kept anywhere.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self::random_with_epoch(rng).0
    }

    /// The same, and the public keys of the first epoch.
    pub(super) fn random_with_epoch(rng: &mut (impl RngCore + CryptoRng)) -> (Self, EpochKeys) {
        let account = AccountKey::random(rng);
        let mut keys = Self { account, epochs: BTreeMap::new(), last: None };
        let first = keys.add_epoch(rng);
        (keys, first)
    }

    /// Makes keys for the epoch after the last one that there ever was.
    pub(super) fn add_epoch(&mut self, rng: &mut (impl RngCore + CryptoRng)) -> EpochKeys {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        let secrets = Secrets {
            credential: ed25519_dalek::SigningKey::from_bytes(&seed),
            attestation: SigningKey::random(rng),
        };
        let epoch = self.last.map_or(Epoch::FIRST, Epoch::next);
        let keys = secrets.public(epoch);
        self.epochs.insert(epoch, secrets);
        self.last = Some(epoch);
        keys
    }

    /// Forgets an epoch's secrets.
    pub(super) fn remove_epoch(&mut self, epoch: Epoch) -> Result<(), KeyError> {
        self.epochs.remove(&epoch).map(|_| ()).ok_or(KeyError::UnknownEpoch(epoch))
    }

    fn of(&self, epoch: Epoch) -> Result<&Secrets, KeyError> {
        self.epochs.get(&epoch).ok_or(KeyError::UnknownEpoch(epoch))
    }

    pub(super) fn to_document(&self) -> SecretDocument {
        let epochs = self.epochs.iter().map(|(epoch, secrets)| SecretEpoch {
            epoch: epoch.number(),
            credential: hex::encode(*Zeroizing::new(secrets.credential.to_bytes())),
            attestation: hex::encode(*secrets.attestation.to_bytes()),
        });
        SecretDocument {
            format: FORMAT,
            account: hex::encode(*self.account.to_bytes()),
            last_epoch: self.last.map_or(0, Epoch::number),
            epochs: epochs.collect(),
        }
    }

    pub(super) fn from_document(document: &SecretDocument) -> Result<Self, KeyError> {
        if document.format != FORMAT {
            return Err(KeyError::Format(document.format));
        }
        let damaged = || KeyError::Damaged("it holds a key that is not valid");
        let account = secret(&document.account).ok_or_else(damaged)?;
        let mut epochs = BTreeMap::new();
        for kept in &document.epochs {
            let epoch = Epoch::new(kept.epoch).ok_or_else(damaged)?;
            let credential = secret(&kept.credential).ok_or_else(damaged)?;
            let attestation = secret(&kept.attestation).ok_or_else(damaged)?;
            let secrets = Secrets {
                credential: ed25519_dalek::SigningKey::from_bytes(&credential),
                attestation: SigningKey::from_bytes(&attestation).map_err(|_| damaged())?,
            };
            if epochs.insert(epoch, secrets).is_some() {
                return Err(KeyError::Damaged("it holds an epoch twice"));
            }
        }
        let last = Epoch::new(document.last_epoch);
        if epochs.keys().any(|epoch| Some(*epoch) > last) {
            return Err(KeyError::Damaged("it holds an epoch after the last one"));
        }
        let account = AccountKey::from_bytes(&account).map_err(|_| damaged())?;
        Ok(Self { account, epochs, last })
    }
}

impl Secrets {
    fn public(&self, epoch: Epoch) -> EpochKeys {
        EpochKeys {
            epoch,
            credential: self.credential.verifying_key().to_bytes(),
            attestation: self.attestation.verifying_key(),
        }
    }
}

impl KeyProvider for SoftwareKeys {
    fn address(&self) -> Address {
        self.account.address()
    }

    fn epochs(&self) -> Vec<EpochKeys> {
        self.epochs.iter().map(|(epoch, secrets)| secrets.public(*epoch)).collect()
    }

    fn sign_message<'a>(&'a self, epoch: Epoch, message: &'a [u8]) -> Signing<'a, [u8; 64]> {
        Box::pin(async move { Ok(self.of(epoch)?.credential.sign(message).to_bytes()) })
    }

    fn sign_credential<'a>(
        &'a self,
        epoch: Epoch,
        credential: &'a Credential,
    ) -> Signing<'a, Signature> {
        Box::pin(async move {
            self.of(epoch)?.attestation.sign(credential).map_err(|_| KeyError::Refused)
        })
    }

    fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Signing<'a, [u8; 64]> {
        Box::pin(async move {
            let signature = self.account.sign_digest(digest).await;
            signature.map_err(|_| KeyError::Device("did not sign"))
        })
    }
}

fn secret(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, bytes.as_mut()).ok()?;
    Some(bytes)
}
