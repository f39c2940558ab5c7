//! The issuer's three keys, and the development file that holds them.

use std::path::Path;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::IssuerId;
use attestry_circuits::schnorr::{SigningKey, VerifyingKey};
use attestry_ledger::{Account, Address};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{IssuerError, files};

/// The file in the data directory. Its content is not encrypted.
pub const DEVELOPMENT_KEY_FILE: &str = "issuer-keys.insecure-development.json";
const FORMAT: u32 = 1;

/// What the issuer signs with. Zeroized on drop, never printed.
pub struct IssuerKeys {
    account: Account,
    credential: ed25519_dalek::SigningKey,
    attestation: SigningKey,
}

impl std::fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerKeys").field("address", &self.address()).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    warning: String,
    format: u32,
    /// secp256k1, Ed25519 and BabyJubJub secrets: 32 bytes each, hexadecimal.
    account: String,
    credential: String,
    attestation: String,
}

impl IssuerKeys {
    /// New keys, not kept anywhere.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self {
            account: Account::random(rng),
            credential: ed25519_dalek::SigningKey::from_bytes(&seed),
            attestation: SigningKey::random(rng),
        }
    }

    /// The development keys of a data directory; made there on first use, unencrypted, in a file
    /// that only its owner may read.
    ///
    /// # Errors
    /// [`IssuerError::Keys`] if the file is not ours or others may read it; [`IssuerError::Io`].
    pub fn load_or_create_insecure_development(
        data_directory: &Path,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, IssuerError> {
        let path = data_directory.join(DEVELOPMENT_KEY_FILE);
        if path.try_exists()? {
            return Self::load(&path);
        }
        std::fs::create_dir_all(data_directory)?;
        let keys = Self::random(rng);
        keys.save(&path)?;
        Ok(keys)
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

    /// The Ed25519 key that W3C documents are verified with.
    pub fn credential_key(&self) -> [u8; 32] {
        self.credential.verifying_key().to_bytes()
    }

    /// The BabyJubJub key to be accredited, which attestations are verified with.
    pub fn attestation_key(&self) -> VerifyingKey {
        self.attestation.verifying_key()
    }

    pub(crate) fn credential_signer(&self) -> &ed25519_dalek::SigningKey {
        &self.credential
    }

    pub(crate) fn attestation_signer(&self) -> &SigningKey {
        &self.attestation
    }

    fn load(path: &Path) -> Result<Self, IssuerError> {
        if files::is_exposed(path)? {
            return Err(IssuerError::Keys("may be read by others than its owner"));
        }
        let text = Zeroizing::new(std::fs::read(path)?);
        let file: KeyFile =
            serde_json::from_slice(&text).map_err(|_| IssuerError::Keys("is not a key file"))?;
        if file.format != FORMAT {
            return Err(IssuerError::Keys("has a format that this software does not read"));
        }
        let invalid = IssuerError::Keys("holds a key that is not valid");
        let (Some(account), Some(credential), Some(attestation)) =
            (secret(&file.account), secret(&file.credential), secret(&file.attestation))
        else {
            return Err(invalid);
        };
        let account = Account::from_bytes(&account);
        let (Ok(account), Ok(attestation)) = (account, SigningKey::from_bytes(&attestation)) else {
            return Err(invalid);
        };
        let credential = ed25519_dalek::SigningKey::from_bytes(&credential);
        Ok(Self { account, credential, attestation })
    }

    /// Writes beside the final name first, so that a crash leaves no half of a key file.
    fn save(&self, path: &Path) -> Result<(), IssuerError> {
        let file = KeyFile {
            warning: "Development keys, not encrypted. Never use them in production.".into(),
            format: FORMAT,
            account: hex::encode(*self.account.to_bytes()),
            credential: hex::encode(*Zeroizing::new(self.credential.to_bytes())),
            attestation: hex::encode(*self.attestation.to_bytes()),
        };
        let draft = path.with_extension("draft");
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let writer = files::create_new_private(&draft)?;
        // Without a buffer, which would keep the keys.
        serde_json::to_writer_pretty(&writer, &file).map_err(std::io::Error::from)?;
        writer.sync_all()?;
        Ok(std::fs::rename(&draft, path)?)
    }
}

fn secret(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, bytes.as_mut()).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    fn open(folder: &Path, seed: u64) -> Result<IssuerKeys, IssuerError> {
        IssuerKeys::load_or_create_insecure_development(folder, &mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn keys_are_made_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let made = open(folder.path(), 1).unwrap();
        let read = open(folder.path(), 2).unwrap();
        assert_eq!(made.address(), read.address());
        assert_eq!(made.credential_key(), read.credential_key());
        assert_eq!(made.attestation_key(), read.attestation_key());
        assert_ne!(IssuerKeys::random(&mut StdRng::seed_from_u64(2)).address(), made.address());
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_private_and_is_refused_when_it_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), 1).unwrap();
        let path = folder.path().join(DEVELOPMENT_KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open(folder.path(), 1), Err(IssuerError::Keys(_))));
    }

    #[test]
    fn debug_does_not_print_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(folder.path(), 1).unwrap();
        let file = std::fs::read_to_string(folder.path().join(DEVELOPMENT_KEY_FILE)).unwrap();
        let file: serde_json::Value = serde_json::from_str(&file).unwrap();
        for name in ["account", "credential", "attestation"] {
            assert!(!format!("{keys:?}").contains(file[name].as_str().unwrap()), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_no_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DEVELOPMENT_KEY_FILE);
        let mut file = files::create_new_private(&path).unwrap();
        std::io::Write::write_all(&mut file, b"{\"format\":1}").unwrap();
        assert!(matches!(open(folder.path(), 1), Err(IssuerError::Keys(_))));
    }
}
