//! Records behind the content, each sealed on its own.
//!
//! ```text
//! length of what follows (4)  ‖  nonce (24)  ‖  XChaCha20-Poly1305 ciphertext and tag
//! ```
//!
//! A length of zero ends the records: a store may keep room behind them. The associated data is
//! a domain, the content's nonce and the record's number, big-endian: a record belongs to one
//! place behind one content. That the last ones were cut off whole, as in an older copy of the
//! bytes, is not for a cipher to see.

use super::{NONCE, Vault, VaultError};
use ark_std::rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

const DOMAIN: &[u8] = b"attestry/vault-record/v1";

/// Where the next record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The content's nonce.
    content: [u8; NONCE],
    /// Records before.
    records: u64,
    /// Bytes before.
    offset: u64,
}

/// What stands after the records that are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing; the next record goes here.
    Clean(Position),
    /// A record that a crash cut off while it was being written.
    Torn,
    /// A record that was changed, for there are whole ones behind it.
    Damaged,
}

impl Position {
    pub(super) fn after_content(content: [u8; NONCE], bytes: usize) -> Self {
        Self { content, records: 0, offset: bytes as u64 }
    }

    /// Bytes of the container before the record.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Records before this one.
    pub fn records(&self) -> u64 {
        self.records
    }

    fn after(self, bytes: usize) -> Self {
        Self { records: self.records + 1, offset: self.offset + bytes as u64, ..self }
    }

    fn associated_data(&self) -> Vec<u8> {
        [DOMAIN, &self.content, &self.records.to_be_bytes()].concat()
    }
}

impl Vault {
    /// The bytes of a record at this position, and the position behind it.
    ///
    /// # Errors
    /// [`VaultError::TooLong`] past 4 GiB.
    pub fn seal_record(
        &self,
        at: Position,
        record: &[u8],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Vec<u8>, Position), VaultError> {
        let (nonce, ciphertext) = self.encrypt(record, &at.associated_data(), rng)?;
        let length = u32::try_from(NONCE + ciphertext.len()).map_err(|_| VaultError::TooLong)?;
        let bytes = [&length.to_be_bytes(), nonce.as_slice(), &ciphertext].concat();
        let next = at.after(bytes.len());
        Ok((bytes, next))
    }

    /// The records from `position` on, and what ends them.
    pub(super) fn read_records(
        &self,
        mut position: Position,
        mut bytes: &[u8],
    ) -> (Vec<Zeroizing<Vec<u8>>>, Tail) {
        let mut records = Vec::new();
        let mut broken = false;
        while let Some((sealed, rest)) = split(bytes) {
            let next = position.after(bytes.len() - rest.len());
            match self.open_record(position, sealed) {
                Some(_) if broken => return (records, Tail::Damaged),
                Some(record) => records.push(record),
                None => broken = true,
            }
            (position, bytes) = (next, rest);
        }
        let tail = if broken || bytes.iter().any(|byte| *byte != 0) {
            Tail::Torn
        } else {
            Tail::Clean(position)
        };
        (records, tail)
    }

    fn open_record(&self, at: Position, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_first_chunk()?;
        self.decrypt(nonce, ciphertext, &at.associated_data())
    }
}

/// The next record's sealed bytes and what follows them, if it is there in its full length.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if length == 0 { None } else { rest.split_at_checked(length) }
}
