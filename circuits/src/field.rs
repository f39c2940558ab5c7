//! Field elements and their one encoding: 32 bytes, big-endian, canonical. Some are secret: unlike
//! arkworks' own conversions, those from and to bytes leave no copy on the heap.

use ark_ff::{BigInteger256, Field, PrimeField};
use sha2::{Digest, Sha256};

pub use ark_bn254::Fr;

/// Why bytes or text are not a field element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The integer is not below the scalar field's modulus.
    #[error("field element is not below the BN254 scalar modulus")]
    NonCanonical,
    /// The text is not `0x` and 64 lower-case hexadecimal digits.
    #[error("field element is not 0x and 64 lower-case hexadecimal digits")]
    NotHex,
}

/// The element with this big-endian encoding.
///
/// # Errors
/// [`FieldError::NonCanonical`] if the integer is not below the modulus.
pub fn from_be_bytes(bytes: &[u8; 32]) -> Result<Fr, FieldError> {
    let mut integer = BigInteger256::default();
    for (limb, bytes) in integer.0.iter_mut().rev().zip(bytes.as_chunks().0) {
        *limb = u64::from_be_bytes(*bytes);
    }
    Fr::from_bigint(integer).ok_or(FieldError::NonCanonical)
}

/// The canonical big-endian encoding.
pub fn to_be_bytes(element: &Fr) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    for (bytes, limb) in bytes.as_chunks_mut().0.iter_mut().rev().zip(element.into_bigint().0) {
        *bytes = limb.to_be_bytes();
    }
    bytes
}

/// The element written as `0x` and 64 lower-case hexadecimal digits.
///
/// # Errors
/// [`FieldError::NotHex`] for any other text, [`FieldError::NonCanonical`] for an integer that is
/// not below the modulus.
pub fn from_hex(text: &str) -> Result<Fr, FieldError> {
    let digits = text.strip_prefix("0x").ok_or(FieldError::NotHex)?;
    if digits.len() != 64 || digits.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(FieldError::NotHex);
    }
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| FieldError::NotHex)?;
    from_be_bytes(&bytes)
}

/// `0x` and 64 lower-case hexadecimal digits.
pub fn to_hex(element: &Fr) -> String {
    format!("0x{}", hex::encode(to_be_bytes(element)))
}

/// SHA-256 of the length-prefixed domain and the bytes, cut to its first 31 bytes, big-endian.
///
/// For document hashes, scopes and keys; 248 bits, so no reduction takes place.
pub fn hash_to_field(domain: &str, bytes: &[u8]) -> Fr {
    let mut hasher = Sha256::new();
    hasher.update((domain.len() as u16).to_be_bytes());
    hasher.update(domain.as_bytes());
    hasher.update(bytes);
    Fr::from_be_bytes_mod_order(&hasher.finalize()[..31])
}

/// Σ aᵢ · bᵢ, with one reduction for three products.
pub(crate) fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<3>(), b.as_chunks::<3>());
    let rest: Fr = a_rest.iter().zip(b_rest).map(|(a, b)| *a * b).sum();
    a.iter().zip(b).map(|(a, b)| Fr::sum_of_products(a, b)).sum::<Fr>() + rest
}

/// The low 64 bits, if the element is below 2^64.
pub fn to_u64(element: &Fr) -> Option<u64> {
    let limbs = element.into_bigint().0;
    (limbs[1..] == [0, 0, 0]).then_some(limbs[0])
}

/// Serde of a field element as [`to_hex`] text: `#[serde(with = "field::serde_hex")]`.
pub mod serde_hex {
    use super::{Fr, from_hex, to_hex};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes [`to_hex`].
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(element: &Fr, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(element))
    }

    /// Reads [`from_hex`].
    ///
    /// # Errors
    /// Those of the deserializer and of [`from_hex`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fr, D::Error> {
        from_hex(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A newtype over [`Fr`] with the canonical hexadecimal encoding in serde and `Display`.
macro_rules! field_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "crate::field::serde_hex")] $crate::field::Fr);

        impl $name {
            /// The value with this canonical element.
            pub fn from_field(element: $crate::field::Fr) -> Self {
                Self(element)
            }

            /// The element.
            pub fn as_field(&self) -> $crate::field::Fr {
                self.0
            }

            /// The canonical encoding: 32 bytes, big-endian.
            pub fn to_bytes(&self) -> [u8; 32] {
                $crate::field::to_be_bytes(&self.0)
            }

            /// The value with this encoding.
            ///
            /// # Errors
            /// [`FieldError::NonCanonical`](crate::FieldError::NonCanonical) if the integer is not
            /// below the modulus.
            pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, $crate::FieldError> {
                $crate::field::from_be_bytes(bytes).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::field::to_hex(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::FieldError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::field::from_hex(text).map(Self)
            }
        }
    };
}
pub(crate) use field_newtype;

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::BigInteger;
    use proptest::prelude::*;

    #[test]
    fn rejects_the_modulus() {
        let modulus: [u8; 32] = Fr::MODULUS.to_bytes_be().try_into().unwrap();
        assert_eq!(from_be_bytes(&modulus), Err(FieldError::NonCanonical));
    }

    #[test]
    fn rejects_upper_case_and_short_text() {
        let text = to_hex(&Fr::from(171u64));
        assert_eq!(from_hex(&text), Ok(Fr::from(171u64)));
        assert_eq!(from_hex(&text.replace("ab", "AB")), Err(FieldError::NotHex));
        assert_eq!(from_hex("0x1"), Err(FieldError::NotHex));
        assert_eq!(from_hex(&text[2..]), Err(FieldError::NotHex));
    }

    proptest! {
        #[test]
        fn every_canonical_encoding_round_trips(bytes in any::<[u8; 32]>()) {
            if let Ok(element) = from_be_bytes(&bytes) {
                prop_assert_eq!(element, Fr::from_be_bytes_mod_order(&bytes));
                prop_assert_eq!(to_be_bytes(&element), bytes);
                prop_assert_eq!(from_hex(&to_hex(&element)), Ok(element));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = from_hex(&text);
        }
    }
}
