//! Keys on disk: a folder with three keys and a manifest, written at once and read only if every
//! fingerprint agrees.

use crate::manifest::KeyFile;
use crate::{KeyError, Manifest, Origin, ProvingKey, StandardKey, VerifyingKey};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const MANIFEST: &str = "manifest.json";
const PROVING_KEY: &str = "proving.key";
const VERIFYING_KEY: &str = "verifying.key";
const STANDARD_KEY: &str = "standard.key";

/// All keys of one circuit.
#[derive(Clone, Debug)]
pub struct KeySet {
    /// The circuit that the keys were made for.
    pub circuit_id: String,
    /// Where they come from.
    pub origin: Origin,
    /// The prover's key, derived from the standard key.
    pub proving: ProvingKey,
    /// The verifier's key.
    pub verifying: VerifyingKey,
    /// The standard Groth16 key.
    pub standard: StandardKey,
}

/// What saving came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The keys are in the store.
    Written,
    /// Another process had put its keys there first; they stay, and these were discarded.
    KeptExisting,
}

/// A folder that holds the keys of one circuit.
///
/// Keys are written to a folder beside it, which is then renamed: whoever looks sees all of the
/// keys or none, and of two processes that start at once one wins and both use its keys.
///
/// The manifest finds damage and mix-ups. It does not stop someone who can write to the folder:
/// a verifier compares [`Manifest::vk_hash`] with the one that it was configured with.
#[derive(Clone, Debug)]
pub struct KeyStore {
    folder: PathBuf,
    circuit_id: String,
}

impl KeyStore {
    /// The store in `folder` for the circuit with this id. Nothing is read yet.
    pub fn for_circuit(folder: impl Into<PathBuf>, circuit_id: impl Into<String>) -> Self {
        Self { folder: folder.into(), circuit_id: circuit_id.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the keys, unless the store has some.
    ///
    /// # Errors
    /// [`KeyError::OtherCircuit`] if the keys are not for the store's circuit, [`KeyError::Io`] if
    /// the file system refuses.
    pub fn save(&self, keys: &KeySet) -> Result<Saved, KeyError> {
        self.check_circuit(&keys.circuit_id)?;
        let mut standard = Vec::with_capacity(keys.standard.uncompressed_size());
        keys.standard
            .serialize_uncompressed(&mut standard)
            .map_err(|_| KeyError::Malformed { key: "standard key", rule: "it has no encoding" })?;
        let verifying = keys.verifying.to_bytes();
        let proving = keys.proving.to_bytes();
        let manifest = Manifest {
            format: Manifest::FORMAT,
            circuit_id: keys.circuit_id.clone(),
            origin: keys.origin,
            vk_hash: hex::encode(keys.verifying.hash()),
            proving_key: KeyFile::describe(&proving),
            verifying_key: KeyFile::describe(&verifying),
            standard_key: KeyFile::describe(&standard),
        };
        let manifest = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| self.bad_manifest(error.to_string()))?;

        let staging = self.staging_folder();
        let written = [
            (PROVING_KEY, &proving),
            (VERIFYING_KEY, &verifying),
            (STANDARD_KEY, &standard),
            (MANIFEST, &manifest),
        ]
        .into_iter()
        .try_for_each(|(name, contents)| write_durably(&staging, name, contents))
        .and_then(|()| self.put_in_place(&staging));
        if !matches!(written, Ok(Saved::Written)) {
            // Best effort: a leftover staging folder is never read.
            let _ = fs::remove_dir_all(&staging);
        }
        written
    }

    /// Reads and checks the manifest.
    ///
    /// # Errors
    /// [`KeyError::Missing`] if there are no keys, [`KeyError::OtherCircuit`] if they are for
    /// another circuit, [`KeyError::Manifest`] if it is not a manifest of this version.
    pub fn manifest(&self) -> Result<Manifest, KeyError> {
        let path = self.folder.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(KeyError::Missing(self.folder.clone()));
            }
            other => other.map_err(KeyError::io("reading", &path))?,
        };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| self.bad_manifest(error.to_string()))?;
        if manifest.format != Manifest::FORMAT {
            return Err(self.bad_manifest(format!("format must be {}", Manifest::FORMAT)));
        }
        self.check_circuit(&manifest.circuit_id)?;
        Ok(manifest)
    }

    /// Reads the prover's key: its fingerprint is checked, its points need no further check.
    ///
    /// # Errors
    /// Those of [`manifest`](Self::manifest), and [`KeyError::Fingerprint`] if the file is not the
    /// one that the manifest describes.
    pub fn proving_key(&self) -> Result<ProvingKey, KeyError> {
        let manifest = self.manifest()?;
        ProvingKey::from_bytes_unchecked(&self.read(PROVING_KEY, &manifest.proving_key)?)
    }

    /// Reads the verifying key; fingerprint, points and hash are checked.
    ///
    /// # Errors
    /// Those of [`manifest`](Self::manifest), and [`KeyError::Fingerprint`] if the file is not the
    /// one that the manifest describes.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let manifest = self.manifest()?;
        let bytes = self.read(VERIFYING_KEY, &manifest.verifying_key)?;
        let key = VerifyingKey::from_bytes(&bytes)?;
        if hex::encode(key.hash()) != manifest.vk_hash {
            return Err(self.bad_manifest("vk_hash is not the verifying key's".to_owned()));
        }
        Ok(key)
    }

    /// Reads the standard Groth16 key: for exports and comparisons, not for proving.
    ///
    /// # Errors
    /// Those of [`proving_key`](Self::proving_key).
    pub fn standard_key(&self) -> Result<StandardKey, KeyError> {
        let manifest = self.manifest()?;
        let bytes = self.read(STANDARD_KEY, &manifest.standard_key)?;
        StandardKey::deserialize_with_mode(bytes.as_slice(), Compress::No, Validate::No).map_err(
            |_| KeyError::Malformed { key: "standard key", rule: "it is not an arkworks key" },
        )
    }

    fn check_circuit(&self, found: &str) -> Result<(), KeyError> {
        match found == self.circuit_id {
            true => Ok(()),
            false => Err(KeyError::OtherCircuit {
                expected: self.circuit_id.clone(),
                found: found.to_owned(),
            }),
        }
    }

    fn bad_manifest(&self, reason: String) -> KeyError {
        KeyError::Manifest { path: self.folder.join(MANIFEST), reason }
    }

    /// The file's contents, if they have the fingerprint.
    fn read(&self, name: &'static str, expected: &KeyFile) -> Result<Vec<u8>, KeyError> {
        let path = self.folder.join(name);
        let contents = fs::read(&path).map_err(KeyError::io("reading", &path))?;
        let found = KeyFile::describe(&contents);
        match found == *expected {
            true => Ok(contents),
            false => Err(KeyError::Fingerprint {
                file: name,
                expected: expected.sha256.clone(),
                found: found.sha256,
            }),
        }
    }

    /// A folder beside the store's that no other writer uses.
    fn staging_folder(&self) -> PathBuf {
        static WRITERS: AtomicU64 = AtomicU64::new(0);
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        let mut name = self.folder.file_name().map_or_else(OsString::new, OsString::from);
        name.push(format!(".partial-{}-{writer}", std::process::id()));
        self.folder.with_file_name(name)
    }

    /// Renames the finished folder to its place, which fails if keys are there already.
    fn put_in_place(&self, staging: &Path) -> Result<Saved, KeyError> {
        match fs::rename(staging, &self.folder) {
            Ok(()) => {
                if let Some(parent) = self.folder.parent().filter(|p| !p.as_os_str().is_empty()) {
                    sync_folder(parent)?;
                }
                Ok(Saved::Written)
            }
            Err(_) if self.folder.join(MANIFEST).exists() => Ok(Saved::KeptExisting),
            Err(error) => Err(KeyError::io("putting keys into", &self.folder)(error)),
        }
    }
}

fn write_durably(folder: &Path, name: &str, contents: &[u8]) -> Result<(), KeyError> {
    fs::create_dir_all(folder).map_err(KeyError::io("creating", folder))?;
    let path = folder.join(name);
    let mut file = File::create_new(&path).map_err(KeyError::io("creating", &path))?;
    file.write_all(contents).and_then(|()| file.sync_all()).map_err(KeyError::io("writing", &path))
}

/// Makes a rename in `folder` durable, where the platform can.
fn sync_folder(folder: &Path) -> Result<(), KeyError> {
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(KeyError::io("writing", folder))?;
    }
    Ok(())
}
