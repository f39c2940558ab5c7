//! Field elements and points in foreign encodings, checked when read.

use super::container::{Cursor, ELEMENT};
use crate::KeyError;
use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, BigInteger, PrimeField, Zero};

/// The limbs of a little-endian number.
fn limbs(bytes: &[u8; ELEMENT]) -> BigInt<4> {
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    BigInt(limbs)
}

/// A field's modulus, 32 bytes little-endian.
pub(super) fn modulus<F: PrimeField<BigInt = BigInt<4>>>() -> Vec<u8> {
    F::MODULUS.to_bytes_le()
}

/// An element as 32 bytes little-endian.
pub(super) fn element_bytes(element: &Fr) -> Vec<u8> {
    element.into_bigint().to_bytes_le()
}

/// Reads [`element_bytes`], which must be below the modulus.
pub(super) fn read_element(cursor: &mut Cursor<'_>) -> Result<Fr, KeyError> {
    let number = limbs(&cursor.element()?);
    Fr::from_bigint(number).ok_or_else(|| cursor.malformed("an element is not below the modulus"))
}

/// A coordinate field: of G1 one base field element, of G2 two.
pub(super) trait Coordinate: Sized {
    /// Bytes of the encoding.
    const LEN: usize;
    /// Reads the Montgomery form, little-endian; `None` if it is not below the modulus.
    fn read_montgomery(cursor: &mut Cursor<'_>) -> Result<Option<Self>, KeyError>;
}

impl Coordinate for Fq {
    const LEN: usize = ELEMENT;
    fn read_montgomery(cursor: &mut Cursor<'_>) -> Result<Option<Self>, KeyError> {
        let number = limbs(&cursor.element()?);
        Ok((number < Fq::MODULUS).then(|| Fq::new_unchecked(number)))
    }
}

impl Coordinate for Fq2 {
    const LEN: usize = 2 * ELEMENT;
    fn read_montgomery(cursor: &mut Cursor<'_>) -> Result<Option<Self>, KeyError> {
        let c0 = Fq::read_montgomery(cursor)?;
        let c1 = Fq::read_montgomery(cursor)?;
        Ok(c0.zip(c1).map(|(c0, c1)| Fq2::new(c0, c1)))
    }
}

/// The point with these coordinates if it is of the curve and of the prime-order subgroup;
/// (0, 0) is the identity.
fn point<P: SWCurveConfig>(x: P::BaseField, y: P::BaseField) -> Option<Affine<P>> {
    if x.is_zero() && y.is_zero() {
        return Some(Affine::zero());
    }
    let point = Affine::new_unchecked(x, y);
    (point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()).then_some(point)
}

/// Reads a point as the Montgomery form of its coordinates.
pub(super) fn read_point<P: SWCurveConfig>(cursor: &mut Cursor<'_>) -> Result<Affine<P>, KeyError>
where
    P::BaseField: Coordinate,
{
    let x = P::BaseField::read_montgomery(cursor)?;
    let y = P::BaseField::read_montgomery(cursor)?;
    let (x, y) =
        x.zip(y).ok_or_else(|| cursor.malformed("a coordinate is not below the modulus"))?;
    point(x, y).ok_or_else(|| cursor.malformed("a point is not in its subgroup"))
}

/// Reads a whole section of `count` points. Its length is checked before anything is allocated.
pub(super) fn read_points<P: SWCurveConfig>(
    mut cursor: Cursor<'_>,
    count: usize,
) -> Result<Vec<Affine<P>>, KeyError>
where
    P::BaseField: Coordinate,
{
    if count.checked_mul(2 * P::BaseField::LEN) != Some(cursor.len()) {
        return Err(cursor.malformed("its length is not that of the circuit's points"));
    }
    (0..count).map(|_| read_point(&mut cursor)).collect()
}

/// Digits of the modulus.
const DIGITS: usize = 77;

/// An element in decimal digits.
pub(super) fn decimal<F: PrimeField>(element: &F) -> String {
    element.into_bigint().to_string()
}

/// Reads [`decimal`]: digits without sign or leading zeros, below the modulus.
pub(super) fn from_decimal<F: PrimeField>(text: &str) -> Option<F> {
    let canonical = text.len() <= DIGITS
        && text.bytes().all(|digit| digit.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if !canonical {
        return None;
    }
    F::from_bigint(text.parse().ok()?)
}

/// A point as snarkjs writes it: projective coordinates in decimal digits.
pub(super) trait JsonPoint: AffineRepr {
    /// The members of a JSON array.
    type Json;
    /// The coordinates, with 1 as the third; the identity is (0, 1, 0).
    fn to_json(&self) -> Self::Json;
    /// Reads what [`to_json`](Self::to_json) writes; `None` if it is not a point of the subgroup
    /// in that form.
    fn from_json(json: &Self::Json) -> Option<Self>;
}

type Decimals = [String; 3];

impl JsonPoint for Affine<g1::Config> {
    type Json = Decimals;
    fn to_json(&self) -> Decimals {
        match self.xy() {
            Some((x, y)) => [decimal(&x), decimal(&y), "1".to_owned()],
            None => ["0", "1", "0"].map(str::to_owned),
        }
    }
    fn from_json(json: &Decimals) -> Option<Self> {
        if *json == Self::zero().to_json() {
            return Some(Self::zero());
        }
        let [x, y, z] = json;
        point_of_json(z == "1", from_decimal(x)?, from_decimal(y)?)
    }
}

impl JsonPoint for Affine<g2::Config> {
    type Json = [[String; 2]; 3];
    fn to_json(&self) -> Self::Json {
        let pair = |value: &Fq2| [decimal(&value.c0), decimal(&value.c1)];
        let small = |c0: &str| [c0.to_owned(), "0".to_owned()];
        match self.xy() {
            Some((x, y)) => [pair(&x), pair(&y), small("1")],
            None => ["0", "1", "0"].map(small),
        }
    }
    fn from_json(json: &Self::Json) -> Option<Self> {
        if *json == Self::zero().to_json() {
            return Some(Self::zero());
        }
        let pair = |[c0, c1]: &[String; 2]| Some(Fq2::new(from_decimal(c0)?, from_decimal(c1)?));
        let [x, y, z] = json;
        point_of_json(z[0] == "1" && z[1] == "0", pair(x)?, pair(y)?)
    }
}

/// The point of affine coordinates, which must not be both 0: the identity has a form of its own.
fn point_of_json<P: SWCurveConfig>(
    affine: bool,
    x: P::BaseField,
    y: P::BaseField,
) -> Option<Affine<P>> {
    point(x, y).filter(|point: &Affine<P>| affine && !point.is_zero())
}
