//! Keys in a device: a hardware security module, or a key management service.
//!
//! The device signs with Ed25519 and secp256k1 inside and lets neither key out. No device knows
//! BabyJubJub: it wraps that key, which is opened in this process's memory for the time of one
//! signature.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::Credential;
use attestry_circuits::schnorr::{Signature, SigningKey};
use attestry_ledger::Address;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::file::{PublicEpoch, read};
use super::provider::{Epoch, EpochKeys, KeyError, KeyProvider, Signing};
use crate::files;

/// Name of the file in a data directory that says what the device holds. It holds no secret that
/// the device does not have to open.
pub const DEVICE_KEY_FILE: &str = "issuer-keys.device.json";

const KIND: &str = "attestry-issuer-device-keys";
const FORMAT: u32 = 1;

/// What a device must do. Keys are named by labels of lower-case letters, digits and hyphens.
///
/// In PKCS#11: `CKM_EC_EDWARDS_KEY_PAIR_GEN` and `CKM_EDDSA`; `CKM_EC_KEY_PAIR_GEN` on secp256k1
/// and `CKM_ECDSA`; `CKM_AES_KEY_WRAP` or `CKM_AES_GCM` under a key that stays inside;
/// `C_DestroyObject`. Key management services have the same under other names.
pub trait KeyDevice: Send + Sync {
    /// Makes an Ed25519 key: its public key.
    fn generate_ed25519<'a>(&'a self, label: &'a str) -> Signing<'a, [u8; 32]>;

    /// Makes a secp256k1 key: its public point, x and y, 32 bytes big-endian each.
    fn generate_secp256k1<'a>(&'a self, label: &'a str) -> Signing<'a, [u8; 64]>;

    /// The Ed25519 signature (RFC 8032) of a message.
    fn sign_ed25519<'a>(&'a self, label: &'a str, message: &'a [u8]) -> Signing<'a, [u8; 64]>;

    /// The ECDSA signature of a 32-byte digest: r and s, 32 bytes big-endian each.
    fn sign_secp256k1<'a>(&'a self, label: &'a str, digest: &'a [u8; 32]) -> Signing<'a, [u8; 64]>;

    /// Encrypts 32 bytes, with authentication, under a key that never leaves the device and is of
    /// this label alone.
    fn wrap<'a>(&'a self, label: &'a str, secret: &'a [u8; 32]) -> Signing<'a, Vec<u8>>;

    /// Undoes [`KeyDevice::wrap`].
    fn unwrap<'a>(&'a self, label: &'a str, wrapped: &'a [u8]) -> Signing<'a, Zeroizing<[u8; 32]>>;

    /// Destroys all keys of a label, for good. Doing it again changes nothing.
    fn destroy<'a>(&'a self, label: &'a str) -> Signing<'a, ()>;
}

/// Keys that a device holds, and the file that says which.
pub struct DeviceKeys {
    device: Arc<dyn KeyDevice>,
    path: PathBuf,
    address: Address,
    account_label: String,
    last_epoch: u32,
    epochs: Vec<Kept>,
}

struct Kept {
    keys: EpochKeys,
    label: String,
    /// The attestation key, as the device wrapped it.
    wrapped: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceDocument {
    kind: String,
    format: u32,
    address: String,
    account_label: String,
    last_epoch: u32,
    epochs: Vec<DeviceEpoch>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceEpoch {
    keys: PublicEpoch,
    label: String,
    wrapped: String,
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKeys").field("address", &self.address).finish_non_exhaustive()
    }
}

impl DeviceKeys {
    /// Has a device make an account and the keys of the first epoch, and notes them in a new file.
    ///
    /// # Errors
    /// [`KeyError::Exists`]; [`KeyError::Device`]; [`KeyError::Io`].
    pub async fn create(
        device: Arc<dyn KeyDevice>,
        path: &Path,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Self, KeyError> {
        if path.try_exists()? {
            return Err(KeyError::Exists);
        }
        let account_label = label("account", rng);
        let point = device.generate_secp256k1(&account_label).await?;
        let mut keys = Self {
            device,
            path: path.to_owned(),
            address: Address::from_raw_public_key(&point),
            account_label,
            last_epoch: 0,
            epochs: Vec::new(),
        };
        keys.add_epoch(rng).await?;
        Ok(keys)
    }

    /// The keys that a file notes, in the device that holds them.
    ///
    /// # Errors
    /// [`KeyError::NoFile`]; [`KeyError::Exposed`]; [`KeyError::OtherFile`]; [`KeyError::Format`];
    /// [`KeyError::Damaged`]; [`KeyError::Io`].
    pub fn open(device: Arc<dyn KeyDevice>, path: &Path) -> Result<Self, KeyError> {
        let document: DeviceDocument = read(path)?;
        if document.kind != KIND {
            return Err(KeyError::OtherFile);
        }
        if document.format != FORMAT {
            return Err(KeyError::Format(document.format));
        }
        let damaged = || KeyError::Damaged("what it notes is not readable");
        let epochs = document.epochs.into_iter().map(|kept| {
            let wrapped = hex::decode(&kept.wrapped).map_err(|_| damaged())?;
            Ok(Kept { keys: kept.keys.read()?, label: kept.label, wrapped })
        });
        let epochs = epochs.collect::<Result<Vec<_>, KeyError>>()?;
        let ascending = epochs.is_sorted_by(|a, b| a.keys.epoch < b.keys.epoch);
        let last = epochs.last().map_or(0, |kept| kept.keys.epoch.number());
        if !ascending || last > document.last_epoch {
            return Err(damaged());
        }
        Ok(Self {
            device,
            path: path.to_owned(),
            address: document.address.parse().map_err(|_| damaged())?,
            account_label: document.account_label,
            last_epoch: document.last_epoch,
            epochs,
        })
    }

    /// Has the device make keys for the next epoch.
    ///
    /// # Errors
    /// [`KeyError::Device`]; [`KeyError::Io`].
    pub async fn add_epoch(
        &mut self,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<EpochKeys, KeyError> {
        let epoch = Epoch::new(self.last_epoch).map_or(Epoch::FIRST, Epoch::next);
        let label = label(&format!("epoch-{epoch}"), rng);
        let attestation = SigningKey::random(rng);
        let wrapped = self.device.wrap(&label, &attestation.to_bytes()).await?;
        let credential = self.device.generate_ed25519(&label).await?;
        let keys = EpochKeys { epoch, credential, attestation: attestation.verifying_key() };
        self.epochs.push(Kept { keys, label, wrapped });
        self.last_epoch = epoch.number();
        self.save()?;
        Ok(keys)
    }

    /// Has the device destroy an epoch's keys, and forgets the wrapped one.
    ///
    /// # Errors
    /// [`KeyError::UnknownEpoch`]; [`KeyError::Device`]; [`KeyError::Io`].
    pub async fn remove_epoch(&mut self, epoch: Epoch) -> Result<(), KeyError> {
        let kept = self.of(epoch)?;
        self.device.destroy(&kept.label).await?;
        self.epochs.retain(|kept| kept.keys.epoch != epoch);
        self.save()
    }

    fn of(&self, epoch: Epoch) -> Result<&Kept, KeyError> {
        let found = self.epochs.iter().find(|kept| kept.keys.epoch == epoch);
        found.ok_or(KeyError::UnknownEpoch(epoch))
    }

    fn save(&self) -> Result<(), KeyError> {
        let epochs = self.epochs.iter().map(|kept| DeviceEpoch {
            keys: PublicEpoch::of(&kept.keys),
            label: kept.label.clone(),
            wrapped: hex::encode(&kept.wrapped),
        });
        let document = DeviceDocument {
            kind: KIND.into(),
            format: FORMAT,
            address: self.address.to_string(),
            account_label: self.account_label.clone(),
            last_epoch: self.last_epoch,
            epochs: epochs.collect(),
        };
        let text = serde_json::to_vec_pretty(&document);
        let text = text.map_err(|_| KeyError::Damaged("it has no JSON form"))?;
        Ok(files::replace_private(&self.path, &text)?)
    }
}

impl KeyProvider for DeviceKeys {
    fn address(&self) -> Address {
        self.address
    }

    fn epochs(&self) -> Vec<EpochKeys> {
        self.epochs.iter().map(|kept| kept.keys).collect()
    }

    fn sign_message<'a>(&'a self, epoch: Epoch, message: &'a [u8]) -> Signing<'a, [u8; 64]> {
        Box::pin(async move { self.device.sign_ed25519(&self.of(epoch)?.label, message).await })
    }

    fn sign_credential<'a>(
        &'a self,
        epoch: Epoch,
        credential: &'a Credential,
    ) -> Signing<'a, Signature> {
        Box::pin(async move {
            let kept = self.of(epoch)?;
            let secret = self.device.unwrap(&kept.label, &kept.wrapped).await?;
            let key = SigningKey::from_bytes(&secret);
            let key = key.map_err(|_| KeyError::Device("unwrapped something else than a key"))?;
            key.sign(credential).map_err(|_| KeyError::Refused)
        })
    }

    fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Signing<'a, [u8; 64]> {
        self.device.sign_secp256k1(&self.account_label, digest)
    }
}

/// A label that no other key has: a crash may leave keys in a device that no file knows.
fn label(name: &str, rng: &mut (impl RngCore + CryptoRng)) -> String {
    let mut tail = [0; 8];
    rng.fill_bytes(&mut tail);
    format!("attestry-{name}-{}", hex::encode(tail))
}
