//! Secrets sealed under a passphrase: one container of bytes, for whoever keeps keys at rest.
//!
//! ```text
//! header (see [`header`])  ‖  nonce (24)  ‖  length (8)  ‖  XChaCha20-Poly1305 ciphertext and tag
//!                          ‖  records (see [`journal`])
//! ```
//!
//! The key is Argon2id of the passphrase; the header is the associated data, so that no parameter
//! can be changed without notice. A change of the content is a record behind it, so that it costs
//! what it is long and not what the content is.

mod header;
mod journal;
mod json;

use argon2::{Algorithm, Argon2, Params, Version};
use ark_std::rand::{CryptoRng, RngCore};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use header::Header;
pub use journal::{Position, Tail};
pub use json::to_json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const NONCE: usize = 24;
const KEY: usize = 32;
const CHECK_DOMAIN: &[u8] = b"attestry/vault-key-check/v1";

/// Why a vault cannot be made or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The bytes are no vault.
    #[error("vault: these bytes are not an Attestry vault")]
    NotAVault,
    /// A later version of the format.
    #[error("vault: format {found} is not one that this build reads")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The key derivation is weaker or dearer than what this build agrees to.
    #[error("vault: the key derivation's {0} is out of the permitted range")]
    KeyDerivation(&'static str),
    /// The passphrase is too short.
    #[error("vault: the passphrase has fewer than {} bytes", MIN_PASSPHRASE)]
    Passphrase,
    /// The header is intact, the passphrase is not the one.
    #[error("vault: wrong passphrase")]
    WrongPassphrase,
    /// The bytes were changed or cut.
    #[error("vault: {0} is damaged")]
    Damaged(&'static str),
    /// Encryption failed, which only a content beyond the cipher's limit can cause.
    #[error("vault: the content is too long")]
    TooLong,
}

/// Bytes of a passphrase, at least.
pub const MIN_PASSPHRASE: usize = 8;

/// Cost of deriving the key from the passphrase, by Argon2id with one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDerivation {
    memory_kib: u32,
    passes: u32,
}

impl KeyDerivation {
    /// 19 MiB and 2 passes: the least that is made or opened (OWASP's minimum for Argon2id).
    pub const MINIMUM: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// 64 MiB and 3 passes, after RFC 9106, section 4.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3 };
    /// 1 GiB and 16 passes: the most that is opened, lest a forged header exhaust the machine.
    pub const MAXIMUM: Self = Self { memory_kib: 1024 * 1024, passes: 16 };

    /// A cost between [`KeyDerivation::MINIMUM`] and [`KeyDerivation::MAXIMUM`].
    ///
    /// # Errors
    /// [`VaultError::KeyDerivation`] naming the parameter that is out of range.
    pub fn new(memory_kib: u32, passes: u32) -> Result<Self, VaultError> {
        let (least, most) = (Self::MINIMUM, Self::MAXIMUM);
        if !(least.memory_kib..=most.memory_kib).contains(&memory_kib) {
            return Err(VaultError::KeyDerivation("memory"));
        }
        if !(least.passes..=most.passes).contains(&passes) {
            return Err(VaultError::KeyDerivation("number of passes"));
        }
        Ok(Self { memory_kib, passes })
    }
}

/// What a container held.
#[derive(Debug)]
pub struct Opened {
    /// The key.
    pub vault: Vault,
    /// The content.
    pub content: Zeroizing<Vec<u8>>,
    /// The records that are whole, in their order.
    pub records: Vec<Zeroizing<Vec<u8>>>,
    /// What stands after them.
    pub tail: Tail,
}

/// The key of an opened container. Zeroized on drop, never printed.
pub struct Vault {
    header: Header,
    key: Zeroizing<[u8; KEY]>,
}

impl Vault {
    /// A key for a new container.
    ///
    /// # Errors
    /// [`VaultError::Passphrase`] if the passphrase is too short.
    pub fn create(
        passphrase: &str,
        cost: KeyDerivation,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, VaultError> {
        if passphrase.len() < MIN_PASSPHRASE {
            return Err(VaultError::Passphrase);
        }
        let mut salt = [0; header::SALT];
        rng.fill_bytes(&mut salt);
        let key = derive(passphrase, &salt, cost)?;
        let header = Header { cost, salt, key_check: key_check(&key) };
        Ok(Self { header, key })
    }

    /// Opens a container: its key, its content and the records behind it.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] if the header is intact but the passphrase is another;
    /// [`VaultError::Damaged`] if header or content were changed;
    /// [`VaultError::KeyDerivation`], before anything is derived, if the header asks for a cost out of
    /// range; [`VaultError::NotAVault`] or [`VaultError::Version`] for other bytes.
    pub fn open(bytes: &[u8], passphrase: &str) -> Result<Opened, VaultError> {
        let (header, rest) = Header::read(bytes)?;
        let key = derive(passphrase, &header.salt, header.cost)?;
        if key_check(&key) != header.key_check {
            return Err(VaultError::WrongPassphrase);
        }
        Self { header, key }.read(bytes.len(), rest)
    }

    /// What stands after the header of a container of so many bytes.
    fn read(self, length: usize, rest: &[u8]) -> Result<Opened, VaultError> {
        let damaged = VaultError::Damaged("the content");
        let (nonce, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (content, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let content = usize::try_from(u64::from_be_bytes(*content)).map_err(|_| damaged)?;
        let (ciphertext, journal) = rest.split_at_checked(content).ok_or(damaged)?;
        let content = self.decrypt(nonce, ciphertext, &self.header.to_bytes()).ok_or(damaged)?;
        let start = Position::after_content(*nonce, length - journal.len());
        let (records, tail) = self.read_records(start, journal);
        Ok(Opened { vault: self, content, records, tail })
    }

    /// Opens a container of this key without deriving it again.
    ///
    /// # Errors
    /// As [`Vault::open`]; [`VaultError::WrongPassphrase`] if it was sealed under another key.
    pub fn open_again(&self, bytes: &[u8]) -> Result<Opened, VaultError> {
        let (header, rest) = Header::read(bytes)?;
        if header != self.header {
            return Err(VaultError::WrongPassphrase);
        }
        Self { header, key: self.key.clone() }.read(bytes.len(), rest)
    }

    /// The container's bytes with this content, under a fresh nonce, and where its first record
    /// goes.
    ///
    /// # Errors
    /// [`VaultError::TooLong`] past the cipher's limit of 256 GiB.
    pub fn seal(
        &self,
        content: &[u8],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Vec<u8>, Position), VaultError> {
        let mut bytes = self.header.to_bytes().to_vec();
        let (nonce, ciphertext) = self.encrypt(content, &bytes, rng)?;
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&(ciphertext.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&ciphertext);
        let start = Position::after_content(nonce, bytes.len());
        Ok((bytes, start))
    }

    /// The plaintext under a fresh nonce, and that nonce.
    fn encrypt(
        &self,
        plaintext: &[u8],
        associated: &[u8],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<([u8; NONCE], Vec<u8>), VaultError> {
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        let ciphertext = XChaCha20Poly1305::new((&*self.key).into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plaintext, aad: associated })
            .map_err(|_| VaultError::TooLong)?;
        Ok((nonce, ciphertext))
    }

    fn decrypt(
        &self,
        nonce: &[u8; NONCE],
        ciphertext: &[u8],
        associated: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload { msg: ciphertext, aad: associated };
        let cipher = XChaCha20Poly1305::new((&*self.key).into());
        cipher.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(redacted)")
    }
}

fn derive(
    passphrase: &str,
    salt: &[u8; header::SALT],
    cost: KeyDerivation,
) -> Result<Zeroizing<[u8; KEY]>, VaultError> {
    let refused = |_| VaultError::KeyDerivation("cost");
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(KEY)).map_err(refused)?;
    let mut key = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(refused)?;
    Ok(key)
}

/// Tells a wrong passphrase from a damaged content, and commits the ciphertext to one key.
fn key_check(key: &[u8; KEY]) -> [u8; header::KEY_CHECK] {
    let mut hasher = Sha256::new();
    hasher.update(CHECK_DOMAIN);
    hasher.update(key);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests;
