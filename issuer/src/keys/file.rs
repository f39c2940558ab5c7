//! Key files: an account and the keys of all epochs, encrypted under a passphrase; or open, for
//! development.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::field;
use attestry_circuits::schnorr::VerifyingKey;
use attestry_ledger::Address;
use attestry_vault::{KeyDerivation, Vault, to_json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::passphrase::Passphrase;
use super::provider::{Epoch, EpochKeys, KeyError, KeyProvider};
use super::software::{SecretDocument, SoftwareKeys};
use crate::files;

/// Name of the encrypted key file in a data directory.
pub const KEY_FILE: &str = "issuer-keys.json";
/// Name of the development key file in a data directory. Its content is not encrypted.
pub const DEVELOPMENT_KEY_FILE: &str = "issuer-keys.insecure-development.json";

const KIND: &str = "attestry-issuer-keys";
const FORMAT: u32 = 1;
const WARNING: &str = "Development keys, not encrypted. Never use them in production.";

/// What a key file says to who does not have its passphrase. That nobody changed it is known only
/// once the secrets are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// The account's address.
    pub address: Address,
    /// The epochs whose keys are in the file, ascending.
    pub epochs: Vec<EpochKeys>,
}

/// A key file that this process has opened to change it. No other process can meanwhile.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    form: Form,
    keys: SoftwareKeys,
    _lock: File,
}

#[derive(Debug)]
enum Form {
    InsecureDevelopment,
    Encrypted(Vault),
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct DevelopmentDocument {
    warning: String,
    keys: SecretDocument,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncryptedDocument {
    kind: String,
    format: u32,
    address: String,
    epochs: Vec<PublicEpoch>,
    /// The container of the secrets, hexadecimal.
    sealed: String,
}

/// The public keys of an epoch as they are written down, hexadecimal.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicEpoch {
    pub(crate) epoch: u32,
    /// Ed25519, 32 bytes.
    pub(crate) credential: String,
    /// BabyJubJub, x and y, 32 bytes each.
    pub(crate) attestation: String,
}

impl KeyFile {
    /// Puts keys into a new encrypted file.
    ///
    /// # Errors
    /// [`KeyError::Exists`]; [`KeyError::InUse`]; [`KeyError::Sealed`] if the passphrase is too
    /// short; [`KeyError::Io`].
    pub fn create(
        path: &Path,
        keys: SoftwareKeys,
        passphrase: &Passphrase,
        cost: KeyDerivation,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeyError> {
        let vault = Vault::create(passphrase.expose(), cost, rng)?;
        Self::create_as(path, keys, Form::Encrypted(vault), rng)
    }

    /// Opens an encrypted file to change it.
    ///
    /// # Errors
    /// [`KeyError::InUse`]; as [`SoftwareKeys::open`].
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyError> {
        let lock = lock(path)?;
        let (keys, vault) = unseal(path, passphrase)?;
        Ok(Self { path: path.to_owned(), form: Form::Encrypted(vault), keys, _lock: lock })
    }

    /// Opens a development file to change it.
    ///
    /// # Errors
    /// [`KeyError::InUse`]; as [`SoftwareKeys::open_insecure_development`].
    pub fn open_insecure_development(path: &Path) -> Result<Self, KeyError> {
        let lock = lock(path)?;
        let keys = SoftwareKeys::open_insecure_development(path)?;
        Ok(Self { path: path.to_owned(), form: Form::InsecureDevelopment, keys, _lock: lock })
    }

    /// The keys.
    pub fn keys(&self) -> &SoftwareKeys {
        &self.keys
    }

    /// The keys, after the file was closed.
    pub fn into_keys(self) -> SoftwareKeys {
        self.keys
    }

    /// Adds keys for the next epoch. They are in the file when this returns.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn add_epoch(
        &mut self,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<EpochKeys, KeyError> {
        let keys = self.keys.add_epoch(rng);
        self.save(rng)?;
        Ok(keys)
    }

    /// Forgets an epoch's secrets, in the file too. Copies of the file still have them.
    ///
    /// # Errors
    /// [`KeyError::UnknownEpoch`]; [`KeyError::Io`].
    pub fn remove_epoch(
        &mut self,
        epoch: Epoch,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), KeyError> {
        self.keys.remove_epoch(epoch)?;
        self.save(rng)
    }

    /// Seals the keys under another passphrase. Copies of the file keep the old one.
    ///
    /// # Errors
    /// [`KeyError::OtherFile`] for a development file; [`KeyError::Sealed`] if the passphrase is too
    /// short; [`KeyError::Io`].
    pub fn change_passphrase(
        &mut self,
        passphrase: &Passphrase,
        cost: KeyDerivation,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), KeyError> {
        let Form::Encrypted(vault) = &mut self.form else { return Err(KeyError::OtherFile) };
        *vault = Vault::create(passphrase.expose(), cost, rng)?;
        self.save(rng)
    }

    fn create_as(
        path: &Path,
        keys: SoftwareKeys,
        form: Form,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeyError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock = lock(path)?;
        if path.try_exists()? {
            return Err(KeyError::Exists);
        }
        let file = Self { path: path.to_owned(), form, keys, _lock: lock };
        file.save(rng)?;
        Ok(file)
    }

    fn save(&self, rng: &mut (impl RngCore + CryptoRng)) -> Result<(), KeyError> {
        let unwritable = |_| KeyError::Damaged("it has no JSON form");
        let secrets = self.keys.to_document();
        let text = match &self.form {
            Form::InsecureDevelopment => {
                to_json(&DevelopmentDocument { warning: WARNING.into(), keys: secrets })
            }
            Form::Encrypted(vault) => {
                let (sealed, _) = vault.seal(&to_json(&secrets).map_err(unwritable)?, rng)?;
                to_json(&EncryptedDocument {
                    kind: KIND.into(),
                    format: FORMAT,
                    address: self.keys.address().to_string(),
                    epochs: self.keys.epochs().iter().map(PublicEpoch::of).collect(),
                    sealed: hex::encode(sealed),
                })
            }
        };
        Ok(files::replace_private(&self.path, &text.map_err(unwritable)?)?)
    }
}

impl SoftwareKeys {
    /// The keys of an encrypted file.
    ///
    /// # Errors
    /// [`KeyError::NoFile`]; [`KeyError::Exposed`]; [`KeyError::OtherFile`]; [`KeyError::Format`];
    /// [`KeyError::Sealed`] telling a wrong passphrase from damage; [`KeyError::Damaged`], also if
    /// the public keys are not those of the secrets; [`KeyError::Io`].
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyError> {
        unseal(path, passphrase).map(|(keys, _)| keys)
    }

    /// The keys of a development file.
    ///
    /// # Errors
    /// [`KeyError::NoFile`]; [`KeyError::Exposed`]; [`KeyError::OtherFile`]; [`KeyError::Format`];
    /// [`KeyError::Damaged`]; [`KeyError::Io`].
    pub fn open_insecure_development(path: &Path) -> Result<Self, KeyError> {
        let document: DevelopmentDocument = read(path)?;
        Self::from_document(&document.keys)
    }

    /// The development keys of a data directory; made there on first use, unencrypted, in a file
    /// that only its owner may read.
    ///
    /// # Errors
    /// As [`SoftwareKeys::open_insecure_development`].
    pub fn load_or_create_insecure_development(
        data_directory: &Path,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeyError> {
        let path = data_directory.join(DEVELOPMENT_KEY_FILE);
        match Self::open_insecure_development(&path) {
            Err(KeyError::NoFile) => {
                let keys = Self::random(rng);
                KeyFile::create_as(&path, keys, Form::InsecureDevelopment, rng)
                    .map(KeyFile::into_keys)
            }
            opened => opened,
        }
    }
}

impl PublicKeys {
    /// What an encrypted file says without its passphrase.
    ///
    /// # Errors
    /// [`KeyError::NoFile`]; [`KeyError::OtherFile`]; [`KeyError::Format`]; [`KeyError::Damaged`];
    /// [`KeyError::Io`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::of(&read(path)?)
    }

    fn of(document: &EncryptedDocument) -> Result<Self, KeyError> {
        if document.kind != KIND {
            return Err(KeyError::OtherFile);
        }
        if document.format != FORMAT {
            return Err(KeyError::Format(document.format));
        }
        let damaged = KeyError::Damaged("its address is none");
        let address = document.address.parse().map_err(|_| damaged)?;
        let epochs: Result<_, _> = document.epochs.iter().map(PublicEpoch::read).collect();
        Ok(Self { address, epochs: epochs? })
    }
}

impl PublicEpoch {
    pub(crate) fn of(keys: &EpochKeys) -> Self {
        Self {
            epoch: keys.epoch.number(),
            credential: hex::encode(keys.credential),
            attestation: hex::encode(keys.attestation.to_bytes()),
        }
    }

    pub(crate) fn read(&self) -> Result<EpochKeys, KeyError> {
        let damaged = || KeyError::Damaged("a public key is none");
        let mut credential = [0; 32];
        hex::decode_to_slice(&self.credential, &mut credential).map_err(|_| damaged())?;
        let mut halves = [[0; 32]; 2];
        let bytes = halves.as_flattened_mut();
        hex::decode_to_slice(&self.attestation, bytes).map_err(|_| damaged())?;
        let [x, y] = halves.map(|half| field::from_be_bytes(&half));
        let (Ok(x), Ok(y), Some(epoch)) = (x, y, Epoch::new(self.epoch)) else {
            return Err(damaged());
        };
        let attestation = VerifyingKey::from_coordinates(x, y).map_err(|_| damaged())?;
        Ok(EpochKeys { epoch, credential, attestation })
    }
}

fn unseal(path: &Path, passphrase: &Passphrase) -> Result<(SoftwareKeys, Vault), KeyError> {
    let document: EncryptedDocument = read(path)?;
    let public = PublicKeys::of(&document)?;
    let sealed = hex::decode(&document.sealed);
    let sealed = sealed.map_err(|_| KeyError::Damaged("its secrets are not hexadecimal"))?;
    let opened = Vault::open(&sealed, passphrase.expose())?;
    let secrets = serde_json::from_slice(&opened.content)
        .map_err(|_| KeyError::Damaged("its secrets are not an issuer's"))?;
    let keys = SoftwareKeys::from_document(&secrets)?;
    if (public.address, public.epochs) != (keys.address(), keys.epochs()) {
        return Err(KeyError::Damaged("its public keys are not those of its secrets"));
    }
    Ok((keys, opened.vault))
}

fn lock(path: &Path) -> Result<File, KeyError> {
    files::lock(path).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => KeyError::InUse,
        ErrorKind::NotFound => KeyError::NoFile,
        _ => error.into(),
    })
}

/// A JSON file that only its owner may read. Its text is zeroized.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, KeyError> {
    let exposed = match files::is_exposed(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(KeyError::NoFile),
        other => other?,
    };
    if exposed {
        return Err(KeyError::Exposed("key file"));
    }
    let text = Zeroizing::new(std::fs::read(path)?);
    serde_json::from_slice(&text).map_err(|_| KeyError::OtherFile)
}
