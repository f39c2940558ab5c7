//! The container's header.
//!
//! ```text
//! "attestry-vault\n" ‖ version u16 ‖ memory KiB u32 ‖ passes u32 ‖ salt (16) ‖ key check (32)
//!                    ‖ checksum (8)
//! ```
//!
//! Integers are big-endian; the checksum is the start of the SHA-256 of what stands before it. It
//! finds damage before a passphrase is blamed; that nobody tampered is for the cipher to say.

use super::{KeyDerivation, VaultError};
use sha2::{Digest, Sha256};

pub(super) const SALT: usize = 16;
pub(super) const KEY_CHECK: usize = 32;

const MAGIC: &[u8; 15] = b"attestry-vault\n";
const VERSION: u16 = 2;
const CHECKSUM: usize = 8;
const LENGTH: usize = MAGIC.len() + 2 + 4 + 4 + SALT + KEY_CHECK + CHECKSUM;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) cost: KeyDerivation,
    pub(super) salt: [u8; SALT],
    pub(super) key_check: [u8; KEY_CHECK],
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let parts: [&[u8]; 6] = [
            MAGIC,
            &VERSION.to_be_bytes(),
            &self.cost.memory_kib.to_be_bytes(),
            &self.cost.passes.to_be_bytes(),
            &self.salt,
            &self.key_check,
        ];
        let mut end = 0;
        for part in parts {
            bytes[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        let checksum = checksum(&bytes[..end]);
        bytes[end..].copy_from_slice(&checksum);
        bytes
    }

    /// The header, and what follows it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), VaultError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(VaultError::NotAVault)?;
        let damaged = VaultError::Damaged("the header");
        let (version, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let found = u16::from_be_bytes(*version);
        if found != VERSION {
            return Err(VaultError::Version { found });
        }
        let (memory, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (passes, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (key_check, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (sum, rest) = rest.split_first_chunk().ok_or(damaged)?;
        if checksum(&bytes[..LENGTH - CHECKSUM]) != *sum {
            return Err(damaged);
        }
        let cost = KeyDerivation::new(u32::from_be_bytes(*memory), u32::from_be_bytes(*passes))?;
        Ok((Self { cost, salt: *salt, key_check: *key_check }, rest))
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&Sha256::digest(bytes)[..CHECKSUM]);
    checksum
}
