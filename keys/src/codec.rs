//! Encoding of a proving key that is only ever read after its fingerprint was checked.
//!
//! Integers are little-endian. Field elements are the four 64-bit limbs of their Montgomery form,
//! so that reading them costs no arithmetic; points are x and y, with (0, 0) for the identity.
//! Nothing here is an encoding for foreign bytes: those go through [`Proof`](crate::Proof) and
//! [`VerifyingKey`](crate::VerifyingKey), which check what they read.

use crate::KeyError;
use ark_bn254::{Fq, Fq2, Fr};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::BigInt;

/// Something with a raw encoding of fixed length.
pub(crate) trait Raw: Sized {
    /// Length of the encoding in bytes.
    const LEN: usize;
    /// Appends the encoding.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads exactly `LEN` bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Raw for u32 {
    const LEN: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_le_bytes(bytes.try_into().ok()?))
    }
}

fn write_limbs(limbs: &BigInt<4>, out: &mut Vec<u8>) {
    for limb in limbs.0 {
        out.extend_from_slice(&limb.to_le_bytes());
    }
}

fn read_limbs(bytes: &[u8]) -> Option<BigInt<4>> {
    let bytes: &[u8; 32] = bytes.try_into().ok()?;
    let mut limbs = [0u64; 4];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    Some(BigInt(limbs))
}

macro_rules! raw_field {
    ($field:ty) => {
        impl Raw for $field {
            const LEN: usize = 32;
            fn write(&self, out: &mut Vec<u8>) {
                write_limbs(&self.0, out);
            }
            fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self::new_unchecked(read_limbs(bytes)?))
            }
        }
    };
}
raw_field!(Fr);
raw_field!(Fq);

impl Raw for Fq2 {
    const LEN: usize = 64;
    fn write(&self, out: &mut Vec<u8>) {
        self.c0.write(out);
        self.c1.write(out);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self::new(Fq::read(bytes.get(..32)?)?, Fq::read(bytes.get(32..)?)?))
    }
}

impl<P: SWCurveConfig> Raw for Affine<P>
where
    P::BaseField: Raw,
{
    const LEN: usize = 2 * P::BaseField::LEN;
    fn write(&self, out: &mut Vec<u8>) {
        self.x.write(out);
        self.y.write(out);
    }
    fn read(bytes: &[u8]) -> Option<Self> {
        let (x, y) = bytes.split_at_checked(P::BaseField::LEN)?;
        Some(Self::new_unchecked(P::BaseField::read(x)?, P::BaseField::read(y)?))
    }
}

/// Appends the number of items and the items.
pub(crate) fn write_all<T: Raw>(items: &[T], out: &mut Vec<u8>) {
    (items.len() as u32).write(out);
    out.reserve(items.len() * T::LEN);
    for item in items {
        item.write(out);
    }
}

/// Reads values one after the other.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    key: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, the encoding of `key`.
    pub(crate) fn new(key: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, key }
    }

    /// The error of this key for a broken `rule`.
    pub(crate) fn malformed(&self, rule: &'static str) -> KeyError {
        KeyError::Malformed { key: self.key, rule }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], KeyError> {
        let (head, tail) =
            self.bytes.split_at_checked(len).ok_or_else(|| self.malformed("it is cut short"))?;
        self.bytes = tail;
        Ok(head)
    }

    /// Reads `prefix`.
    pub(crate) fn expect(&mut self, prefix: &[u8]) -> Result<(), KeyError> {
        match self.take(prefix.len())? == prefix {
            true => Ok(()),
            false => Err(self.malformed("it is of another format version")),
        }
    }

    /// One value.
    pub(crate) fn one<T: Raw>(&mut self) -> Result<T, KeyError> {
        let bytes = self.take(T::LEN)?;
        T::read(bytes).ok_or_else(|| self.malformed("a value has the wrong length"))
    }

    /// A list as [`write_all`] writes it.
    pub(crate) fn all<T: Raw>(&mut self) -> Result<Vec<T>, KeyError> {
        let count = self.one::<u32>()? as usize;
        let len = count.checked_mul(T::LEN).ok_or_else(|| self.malformed("a list is too long"))?;
        self.take(len)?
            .chunks_exact(T::LEN)
            .map(|bytes| {
                T::read(bytes).ok_or_else(|| self.malformed("a value has the wrong length"))
            })
            .collect()
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(self) -> Result<(), KeyError> {
        match self.bytes.is_empty() {
            true => Ok(()),
            false => Err(self.malformed("bytes follow its end")),
        }
    }
}
