//! Where an issuer's keys are, and opening them.

use crate::passphrase::PassphraseSource;
use crate::place::Place;
use anyhow::{Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_issuer::IssuerKeys;
use attestry_issuer::keys::{DEVELOPMENT_KEY_FILE, KEY_FILE, KeyFile, Passphrase, SoftwareKeys};
use std::path::PathBuf;
use std::sync::Arc;

/// An issuer's keys in their file.
pub(super) enum Unlocked {
    Encrypted(PathBuf, Passphrase),
    Development(PathBuf),
}

impl Unlocked {
    /// Finds the key file of a data directory, and the passphrase if it has one.
    pub(super) fn find(place: &Place, source: &PassphraseSource) -> Result<Self> {
        let (encrypted, development) = paths(place);
        match (encrypted.try_exists()?, development.try_exists()?) {
            (true, false) => Ok(Self::Encrypted(encrypted, source.read()?)),
            (false, true) => Ok(Self::Development(development)),
            (true, true) => bail!(
                "there are two key files, {} and {}: move away the one that is not in use",
                encrypted.display(),
                development.display()
            ),
            (false, false) => bail!("there are no keys yet: attestry issuer keys create"),
        }
    }

    /// The keys, to sign with.
    pub(super) fn keys(&self) -> Result<IssuerKeys> {
        let keys = match self {
            Self::Encrypted(path, passphrase) => SoftwareKeys::open(path, passphrase)?,
            Self::Development(path) => SoftwareKeys::open_insecure_development(path)?,
        };
        Ok(IssuerKeys::new(Arc::new(keys))?)
    }

    /// The file, to change it.
    pub(super) fn file(&self) -> Result<KeyFile> {
        Ok(match self {
            Self::Encrypted(path, passphrase) => KeyFile::open(path, passphrase)?,
            Self::Development(path) => KeyFile::open_insecure_development(path)?,
        })
    }
}

/// The encrypted key file and the development key file of a data directory.
pub(super) fn paths(place: &Place) -> (PathBuf, PathBuf) {
    let folder = place.folder("issuer");
    (folder.join(KEY_FILE), folder.join(DEVELOPMENT_KEY_FILE))
}

/// The keys that a service signs with: those of the encrypted file, or else development keys, made
/// on first use.
pub(crate) fn service_keys(place: &Place, source: &PassphraseSource) -> Result<IssuerKeys> {
    let (encrypted, development) = paths(place);
    if !encrypted.try_exists()? && !development.try_exists()? {
        let folder = place.folder("issuer");
        return Ok(IssuerKeys::load_or_create_insecure_development(&folder, &mut OsRng)?);
    }
    Unlocked::find(place, source)?.keys()
}
