//! Affine points as whole cache lines, and eight of them at once.

use super::ext::Ext;
use super::field::{Base, Lanes, Modulus, load, store};
use ark_bn254::{Fq, Fq2, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, BigInteger, Field, Fp, MontFp, PrimeField, Zero};
use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_shuffle_i64x2, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};
use zeroize::Zeroize;

/// An affine point over Fq (`D` = 1) or Fq² (`D` = 2): x, then y, by coefficient, four words
/// each, in the lanes' Montgomery form and below 2p. The identity has x = 0, which no point of
/// either curve has (neither 3 nor the twist's constant is a square).
#[derive(Clone, Copy, Debug, Zeroize)]
#[repr(C, align(64))]
pub struct Packed<const D: usize>(pub(crate) [[u64; 8]; D]);

impl<const D: usize> Packed<D> {
    /// The identity.
    pub const IDENTITY: Self = Self([[0; 8]; D]);

    /// Asks for the point before it is needed.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        for line in &self.0 {
            // SAFETY: a hint; it reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
        }
    }
}

/// 2²⁶⁰/2²⁵⁶: from arkworks' Montgomery form to that of the lanes.
pub(crate) const SCALE: Fq = Fp::new(BigInt([16, 0, 0, 0]));
/// Its inverse.
const UNSCALE: Fq =
    MontFp!("12312136615409592312513603231707217237391675025980025810262583815737939742328");

/// The words of an element in the lanes' form.
pub(crate) fn pack_element(element: Fq) -> [u64; 4] {
    (element * SCALE).0.0
}

/// The element of words in the lanes' form, of any value.
pub(crate) fn unpack_element(words: [u64; 4]) -> Fq {
    let mut value = BigInt(words);
    while value >= Fq::MODULUS {
        value.sub_with_borrow(&Fq::MODULUS);
    }
    Fq::new_unchecked(value) * UNSCALE
}

/// The base field of a curve, by coefficients.
pub(crate) trait Coefficients<const D: usize>: Field {
    fn coefficients(&self) -> [Fq; D];
    fn from_coefficients(coefficients: [Fq; D]) -> Self;
}

impl Coefficients<1> for Fq {
    fn coefficients(&self) -> [Fq; 1] {
        [*self]
    }

    fn from_coefficients([element]: [Fq; 1]) -> Self {
        element
    }
}

impl Coefficients<2> for Fq2 {
    fn coefficients(&self) -> [Fq; 2] {
        [self.c0, self.c1]
    }

    fn from_coefficients([c0, c1]: [Fq; 2]) -> Self {
        Self::new(c0, c1)
    }
}

pub(crate) fn pack<const D: usize, P: Summable<D>>(point: &Affine<P>) -> Packed<D> {
    let mut packed = Packed::IDENTITY;
    if !point.is_zero() {
        let words = packed.0.as_flattened_mut().chunks_exact_mut(4);
        let coefficients = [point.x.coefficients(), point.y.coefficients()];
        for (words, coefficient) in words.zip(coefficients.as_flattened()) {
            words.copy_from_slice(&pack_element(*coefficient));
        }
    }
    packed
}

pub(crate) fn unpack<const D: usize, P: Summable<D>>(packed: &Packed<D>) -> Affine<P> {
    let mut coefficients = [[Fq::zero(); D]; 2];
    let words = packed.0.as_flattened().as_chunks::<4>().0;
    for (coefficient, words) in coefficients.as_flattened_mut().iter_mut().zip(words) {
        *coefficient = unpack_element(*words);
    }
    let [x, y] = coefficients.map(P::BaseField::from_coefficients);
    if x.is_zero() { Affine::identity() } else { Affine::new_unchecked(x, y) }
}

/// The opposite of a point below 2p.
pub(crate) fn negated<const D: usize>(point: &Packed<D>) -> Packed<D> {
    let mut opposite = *point;
    let (_, y) = opposite.0.as_flattened_mut().split_at_mut(4 * D);
    for words in y.as_chunks_mut::<4>().0 {
        let mut difference = BigInt(Base::WORDS);
        difference.add_with_carry(&BigInt(Base::WORDS));
        difference.sub_with_borrow(&BigInt(*words));
        *words = difference.0;
    }
    opposite
}

/// Curves y² = x³ + b over a field with `D` coefficients.
pub(crate) trait Summable<const D: usize>:
    SWCurveConfig<BaseField: Coefficients<D>>
{
}
impl Summable<1> for g1::Config {}
impl Summable<2> for g2::Config {}

/// Turns eight vectors of eight words by the diagonal.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn transposed(rows: [__m512i; 8]) -> [__m512i; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    let half = |a, b, c, d| {
        let (low, high) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xDD>(a, b));
        let (next_low, next_high) =
            (_mm512_shuffle_i64x2::<0x88>(c, d), _mm512_shuffle_i64x2::<0xDD>(c, d));
        [
            _mm512_shuffle_i64x2::<0x88>(low, next_low),
            _mm512_shuffle_i64x2::<0x88>(high, next_high),
            _mm512_shuffle_i64x2::<0xDD>(low, next_low),
            _mm512_shuffle_i64x2::<0xDD>(high, next_high),
        ]
    };
    let [c0, c2, c4, c6] = half(
        _mm512_unpacklo_epi64(r0, r1),
        _mm512_unpacklo_epi64(r2, r3),
        _mm512_unpacklo_epi64(r4, r5),
        _mm512_unpacklo_epi64(r6, r7),
    );
    let [c1, c3, c5, c7] = half(
        _mm512_unpackhi_epi64(r0, r1),
        _mm512_unpackhi_epi64(r2, r3),
        _mm512_unpackhi_epi64(r4, r5),
        _mm512_unpackhi_epi64(r6, r7),
    );
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Elements `2·line` and `2·line + 1` of eight points.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn load_line<const D: usize>(points: [&Packed<D>; 8], line: usize) -> [Lanes<Base>; 2] {
    let p = points;
    let columns = transposed([
        load(&p[0].0[line]),
        load(&p[1].0[line]),
        load(&p[2].0[line]),
        load(&p[3].0[line]),
        load(&p[4].0[line]),
        load(&p[5].0[line]),
        load(&p[6].0[line]),
        load(&p[7].0[line]),
    ]);
    let [c0, c1, c2, c3, c4, c5, c6, c7] = columns;
    [Lanes::from_words([c0, c1, c2, c3]), Lanes::from_words([c4, c5, c6, c7])]
}

/// The x-coordinates of eight points.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn load_x<const D: usize>(points: [&Packed<D>; 8]) -> Ext<D> {
    let [first, second] = load_line(points, 0);
    let mut x = Ext::zero();
    x.0[0] = first;
    if D == 2 {
        x.0[1] = second;
    }
    x
}

/// The coordinates of eight points.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn load_points<const D: usize>(points: [&Packed<D>; 8]) -> [Ext<D>; 2] {
    let (mut x, mut y) = (Ext::zero(), Ext::zero());
    let [first, second] = load_line(points, 0);
    x.0[0] = first;
    if D == 1 {
        y.0[0] = second;
    } else {
        x.0[1] = second;
        [y.0[0], y.0[1]] = load_line(points, 1);
    }
    [x, y]
}

/// Eight points from their coordinates.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn packed<const D: usize>(x: Ext<D>, y: Ext<D>) -> [Packed<D>; 8] {
    let mut points = [Packed::IDENTITY; 8];
    for line in 0..D {
        let [first, second] = match (D, line) {
            (1, _) => [x.0[0], y.0[0]],
            (_, 0) => [x.0[0], x.0[1]],
            _ => [y.0[0], y.0[1]],
        };
        let [w0, w1, w2, w3] = first.to_words();
        let [w4, w5, w6, w7] = second.to_words();
        let rows = transposed([w0, w1, w2, w3, w4, w5, w6, w7]);
        for (point, row) in points.iter_mut().zip(rows) {
            store(row, &mut point.0[line]);
        }
    }
    points
}
