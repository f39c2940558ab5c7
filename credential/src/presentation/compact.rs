//! The compact bytes of a presentation.
//!
//! Version 1, then circuit id (32), registry root (32), now (8, big-endian), nullifier (32),
//! presentation key (32), proof (128), the number of disclosed values (1), for each in the order
//! of the names: length of the name (1), name, length of the value (2, big-endian), value as JSON
//! without white space; at last the signature (64).

use attestry_circuits::{Nullifier, registry::RegistryRoot, time::TIME_BITS};

use super::{
    Digest, Presentation, PresentationError, StatementParts,
    disclosed::{self, MAX_DISCLOSED, MAX_NAME, MAX_VALUE},
};
use crate::policy::Disclosed;

const VERSION: u8 = 1;
const FIXED: usize = 1 + 32 + 32 + 8 + 32 + 32 + 128 + 1 + 64;

/// Bytes of the compact form, at most; 330 without disclosed values.
pub const MAX_COMPACT: usize = FIXED + MAX_DISCLOSED * (1 + MAX_NAME + 2 + MAX_VALUE);

impl Presentation {
    /// The compact form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.unsigned_bytes();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// The compact form without the signature: what the signature covers.
    pub(super) fn unsigned_bytes(&self) -> Vec<u8> {
        let parts = &self.parts;
        let mut bytes = Vec::with_capacity(MAX_COMPACT);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.circuit_id.to_bytes());
        bytes.extend_from_slice(&parts.registry_root.to_bytes());
        bytes.extend_from_slice(&parts.now.to_be_bytes());
        bytes.extend_from_slice(&parts.nullifier.to_bytes());
        bytes.extend_from_slice(&parts.presentation_key);
        bytes.extend_from_slice(&self.proof);
        let disclosed = &parts.disclosed;
        bytes.push(disclosed.iter().count() as u8);
        for (name, value) in disclosed.iter() {
            let value = value.to_string();
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes
    }

    /// Reads the compact form; only the bytes that [`Presentation::to_bytes`] writes are read.
    ///
    /// # Errors
    /// [`PresentationError::TooLong`] above [`MAX_COMPACT`]; [`PresentationError::Now`];
    /// [`PresentationError::Bytes`] naming the rule.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PresentationError> {
        if bytes.len() > MAX_COMPACT {
            return Err(PresentationError::TooLong { what: "presentation", limit: MAX_COMPACT });
        }
        let mut reader = Reader(bytes);
        if reader.take()? != [VERSION] {
            return Err(PresentationError::Bytes("another version of the format"));
        }
        let canonical = |_| PresentationError::Bytes("a field element is not canonical");
        let circuit_id = Digest::from_bytes(reader.take()?);
        let registry_root = RegistryRoot::from_bytes(&reader.take()?).map_err(canonical)?;
        let now = u64::from_be_bytes(reader.take()?);
        if now >> TIME_BITS != 0 {
            return Err(PresentationError::Now);
        }
        let nullifier = Nullifier::from_bytes(&reader.take()?).map_err(canonical)?;
        let presentation_key = reader.take()?;
        let proof = reader.take()?;
        let disclosed = reader.disclosed()?;
        let signature = reader.take()?;
        if !reader.0.is_empty() {
            return Err(PresentationError::Bytes("there are bytes after the signature"));
        }
        let parts = StatementParts { registry_root, now, nullifier, disclosed, presentation_key };
        Ok(Self { circuit_id, parts, proof, signature })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, length: usize) -> Result<&'a [u8], PresentationError> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(PresentationError::Bytes("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PresentationError> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(N)?);
        Ok(array)
    }

    fn disclosed(&mut self) -> Result<Disclosed, PresentationError> {
        let [count] = self.take()?;
        let mut values = Vec::new();
        for _ in 0..count {
            let [length] = self.take()?;
            let name = std::str::from_utf8(self.slice(usize::from(length))?)
                .map_err(|_| PresentationError::Bytes("a name is not text"))?;
            let length = u16::from_be_bytes(self.take()?);
            let text = self.slice(usize::from(length))?;
            let value = serde_json::from_slice::<serde_json::Value>(text).ok();
            let value = value.filter(|value| value.to_string().as_bytes() == text);
            let value = value.ok_or(PresentationError::Bytes("a value is not plain JSON"))?;
            if values.last().is_some_and(|(last, _): &(String, _)| last.as_str() >= name) {
                return Err(PresentationError::Bytes("the disclosed names are not in order"));
            }
            values.push((name.to_owned(), value));
        }
        disclosed::checked(values)
    }
}
