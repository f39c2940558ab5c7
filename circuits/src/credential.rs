//! What an issuer signs: a header and 24 claims.

use crate::field::{self, Fr};
use crate::holder::HolderCommitment;
use crate::poseidon;
use crate::status::LIST_SIZE;
use crate::time::TIME_BITS;
use ark_ff::{BigInteger256, PrimeField};
use serde::{Deserialize, Serialize};

/// Claims in a credential.
pub const CLAIM_COUNT: usize = 24;

const TEXT_TAG: u64 = 3;
const TEXT_DOMAIN: &str = "attestry/text/v1";

/// Which schema gives the claims their meaning, and in which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchemaId {
    /// The schema's registered number.
    pub id: u16,
    /// Its version.
    pub version: u16,
}

impl SchemaId {
    /// id · 2^16 + version.
    pub fn as_u32(self) -> u32 {
        u32::from(self.id) << 16 | u32::from(self.version)
    }

    /// The inverse of [`SchemaId::as_u32`].
    pub fn from_u32(packed: u32) -> Self {
        Self { id: (packed >> 16) as u16, version: packed as u16 }
    }
}

/// The issuer's did:ethr address: 20 bytes, as a big-endian integer in the field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerId([u8; 20]);

impl IssuerId {
    /// The issuer with this address.
    pub fn from_address(address: [u8; 20]) -> Self {
        Self(address)
    }

    /// The address.
    pub fn address(&self) -> [u8; 20] {
        self.0
    }

    /// The address as a field element.
    pub fn as_field(&self) -> Fr {
        Fr::from_be_bytes_mod_order(&self.0)
    }
}

impl std::fmt::Display for IssuerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl std::fmt::Debug for IssuerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerId({self})")
    }
}

/// The part of a credential that every schema shares.
///
/// The eighth signed header field, the signature's nonce commitment, stands in the
/// [`Signature`](crate::schnorr::Signature). `Debug` shows the schema and the issuer alone: the
/// rest tells credentials apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Schema and version.
    pub schema: SchemaId,
    /// Who issued it; must be the issuer of the registry leaf.
    pub issuer_id: IssuerId,
    /// Whose it is.
    pub holder: HolderCommitment,
    /// The credential's bit in the issuer's status list, below [`LIST_SIZE`].
    pub status_index: u32,
    /// First second of validity, Unix, 40 bits.
    pub valid_from: u64,
    /// Last second of validity, Unix, 40 bits.
    pub valid_until: u64,
    /// Fresh per credential; also salts its text claims.
    pub salt: [u8; 16],
}

/// Why a header cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The status index is past the list.
    #[error("status_index is not below {LIST_SIZE}")]
    StatusIndex,
    /// A time does not fit 40 bits.
    #[error("{0} is not below 2^40 seconds")]
    Time(&'static str),
    /// The period ends before it starts.
    #[error("valid_until is before valid_from")]
    EmptyPeriod,
}

impl Header {
    /// Checks the ranges that an issuer must keep.
    ///
    /// # Errors
    /// [`HeaderError`] naming the field and the rule.
    pub fn validate(&self) -> Result<(), HeaderError> {
        if self.status_index as usize >= LIST_SIZE {
            return Err(HeaderError::StatusIndex);
        }
        let times = [("valid_from", self.valid_from), ("valid_until", self.valid_until)];
        if let Some((name, _)) = times.into_iter().find(|(_, time)| time >> TIME_BITS != 0) {
            return Err(HeaderError::Time(name));
        }
        if self.valid_until < self.valid_from {
            return Err(HeaderError::EmptyPeriod);
        }
        Ok(())
    }

    /// The salt as a field element, big-endian.
    pub fn salt_element(&self) -> Fr {
        Fr::from_be_bytes_mod_order(&self.salt)
    }

    /// schema + status_index·2^32 + valid_from·2^64 + valid_until·2^128, in the field.
    ///
    /// The circuit knows each part's range, so the packing is one-to-one.
    pub fn packed(&self) -> Fr {
        pack(&[
            (u64::from(self.schema.as_u32()), 0),
            (u64::from(self.status_index), 32),
            (self.valid_from, 64),
            (self.valid_until, 128),
        ])
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header")
            .field("schema", &self.schema)
            .field("issuer_id", &self.issuer_id)
            .finish_non_exhaustive()
    }
}

/// Σ value·2^shift, in the field.
pub(crate) fn pack(parts: &[(u64, u32)]) -> Fr {
    parts.iter().map(|&(value, shift)| Fr::from(value) * power_of_two(shift)).sum()
}

/// 2^exponent for an exponent below 253, in the field.
pub(crate) fn power_of_two(exponent: u32) -> Fr {
    let mut limbs = [0; 4];
    limbs[exponent as usize / 64] = 1 << (exponent % 64);
    Fr::from_bigint(BigInteger256::new(limbs)).unwrap_or_default()
}

/// The claims of a credential, in its schema's order.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(pub [Fr; CLAIM_COUNT]);

impl Default for Claims {
    fn default() -> Self {
        Self([Fr::default(); CLAIM_COUNT])
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims(redacted)")
    }
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The shared part.
    pub header: Header,
    /// The schema's part.
    pub claims: Claims,
}

impl Credential {
    /// The Poseidon sponge over the nonce commitment, the header and the claims: capacity 0,
    /// first 14 elements, then the remaining 15.
    pub fn digest(&self, nonce_commitment: Fr) -> Fr {
        let header = &self.header;
        let mut elements = vec![
            nonce_commitment,
            header.packed(),
            header.issuer_id.as_field(),
            header.holder.as_field(),
            header.salt_element(),
        ];
        elements.extend_from_slice(&self.claims.0);
        let (first, second) = elements.split_at(DIGEST_SPLIT);
        poseidon::hash_from(poseidon::hash(first), second)
    }
}

/// Elements that the first permutation of [`Credential::digest`] absorbs.
pub(crate) const DIGEST_SPLIT: usize = 14;

/// The claim of a text: a hash under the credential's salt, so that a guess cannot be checked
/// without it. `text` is already normalised by the schema's rule.
pub fn salted_text_claim(salt: Fr, slot: usize, text: &str) -> Fr {
    let text = field::hash_to_field(TEXT_DOMAIN, text.as_bytes());
    poseidon::hash_tagged(TEXT_TAG, &[salt, Fr::from(slot as u64), text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_schema_and_the_issuer_alone() {
        let credential = Credential {
            header: Header {
                schema: SchemaId { id: 1, version: 2 },
                issuer_id: IssuerId::from_address([0xaa; 20]),
                holder: HolderCommitment::from_field(Fr::from(3u64)),
                status_index: 4,
                valid_from: 5,
                valid_until: 6,
                salt: [7; 16],
            },
            claims: Claims([Fr::from(8u64); CLAIM_COUNT]),
        };
        let issuer = "aa".repeat(20);
        assert_eq!(
            format!("{credential:?}"),
            format!(
                "Credential {{ header: Header {{ schema: SchemaId {{ id: 1, version: 2 }}, \
                 issuer_id: IssuerId(0x{issuer}), .. }}, claims: Claims(redacted) }}"
            )
        );
    }
}
