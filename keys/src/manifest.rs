//! What a key store says of its keys.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Made by one process, which could have forged proofs. For development only.
    InsecureDevelopment,
    /// Imported from a file that a ceremony left. Only as good as that ceremony.
    Imported,
}

/// Name, length and fingerprint of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the contents, hexadecimal.
    pub sha256: String,
}

impl KeyFile {
    /// Describes `contents`.
    pub(crate) fn describe(contents: &[u8]) -> Self {
        Self { bytes: contents.len() as u64, sha256: hex::encode(Sha256::digest(contents)) }
    }
}

/// The manifest of a key store, kept as JSON beside the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the store's layout: 1.
    pub format: u32,
    /// The circuit that the keys were made for.
    pub circuit_id: String,
    /// Where the keys come from.
    pub origin: Origin,
    /// SHA-256 of the verifying key's encoding, hexadecimal: the name of the key.
    pub vk_hash: String,
    /// The prover's key.
    pub proving_key: KeyFile,
    /// The verifying key.
    pub verifying_key: KeyFile,
    /// The standard Groth16 key that the others are derived from.
    pub standard_key: KeyFile,
}

impl Manifest {
    /// The layout that this build writes and reads.
    pub(crate) const FORMAT: u32 = 1;
}
