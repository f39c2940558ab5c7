//! Eight field elements side by side, as limbs of 52 bits.
//!
//! An element a is held as a·2²⁶⁰ mod p (Montgomery's form), in five limbs below 2⁵² each. The
//! value may exceed p: each function says by how much, with the bounds that it needs. Writing
//! values as multiples of p, a product needs a·b ≤ 84 (2²⁶⁰/p is 84.6 for both fields) and then
//! stays below ab/84 + 1.

use ark_bn254::{FqConfig, FrConfig};
use ark_ff::MontConfig;
use std::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_cmplt_epi64_mask,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64,
    _mm512_or_si512, _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setr_epi64,
    _mm512_setzero_si512, _mm512_shrdi_epi64, _mm512_slli_epi64, _mm512_srai_epi64,
    _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64, _mm512_ternarylogic_epi64,
    _mm512_testn_epi64_mask,
};
use std::marker::PhantomData;

/// Limbs of an element.
pub(crate) const LIMBS: usize = 5;
/// Bits of a limb.
const BITS: u32 = 52;
/// All bits of a limb.
const MASK: u64 = (1 << BITS) - 1;
/// ⌊2²⁶⁰/p⌋ for both fields.
const RATIO: i64 = 84;

/// A prime that the lanes compute modulo.
pub(crate) trait Modulus: Copy {
    /// The prime as four limbs of 64 bits, least significant first.
    const WORDS: [u64; 4];
    /// −p⁻¹ mod 2⁶⁴.
    const NEGATED_INVERSE: u64;

    /// The prime as limbs of 52 bits.
    const PRIME: [u64; LIMBS] = split(Self::WORDS);
    /// Limb j of 0, p, …, 7p.
    const MULTIPLES: [[u64; 8]; LIMBS] = multiples(Self::PRIME);
}

/// Coordinates of points.
#[derive(Clone, Copy)]
pub(crate) struct Base;

impl Modulus for Base {
    const WORDS: [u64; 4] = <FqConfig as MontConfig<4>>::MODULUS.0;
    const NEGATED_INVERSE: u64 = <FqConfig as MontConfig<4>>::INV;
}

/// Scalars.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

impl Modulus for Scalar {
    const WORDS: [u64; 4] = <FrConfig as MontConfig<4>>::MODULUS.0;
    const NEGATED_INVERSE: u64 = <FrConfig as MontConfig<4>>::INV;
}

/// Four words as limbs.
pub(crate) const fn split(words: [u64; 4]) -> [u64; LIMBS] {
    [
        words[0] & MASK,
        (words[0] >> 52 | words[1] << 12) & MASK,
        (words[1] >> 40 | words[2] << 24) & MASK,
        (words[2] >> 28 | words[3] << 36) & MASK,
        words[3] >> 16,
    ]
}

const fn multiples(prime: [u64; LIMBS]) -> [[u64; 8]; LIMBS] {
    let mut table = [[0; 8]; LIMBS];
    let mut factor = 0;
    while factor < 8 {
        let mut carry = 0;
        let mut limb = 0;
        while limb < LIMBS {
            let value = prime[limb] * factor as u64 + carry;
            table[limb][factor] = value & MASK;
            carry = value >> BITS;
            limb += 1;
        }
        factor += 1;
    }
    table
}

/// Eight elements modulo `M`.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<M> {
    limbs: [__m512i; LIMBS],
    modulus: PhantomData<M>,
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn all(value: u64) -> __m512i {
    _mm512_set1_epi64(value as i64)
}

impl<M: Modulus> Lanes<M> {
    const fn of(limbs: [__m512i; LIMBS]) -> Self {
        Self { limbs, modulus: PhantomData }
    }

    /// Zero in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn zero() -> Self {
        Self::of([_mm512_setzero_si512(); LIMBS])
    }

    /// The same element, given by four words in Montgomery's form, in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn splat(words: [u64; 4]) -> Self {
        Self::of(split(words).map(|limb| all(limb)))
    }

    /// From vectors that hold word 0, 1, 2 and 3 of eight elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn from_words(words: [__m512i; 4]) -> Self {
        let mask = all(MASK);
        Self::of([
            _mm512_and_si512(words[0], mask),
            _mm512_and_si512(_mm512_shrdi_epi64::<52>(words[0], words[1]), mask),
            _mm512_and_si512(_mm512_shrdi_epi64::<40>(words[1], words[2]), mask),
            _mm512_and_si512(_mm512_shrdi_epi64::<28>(words[2], words[3]), mask),
            _mm512_srli_epi64::<16>(words[3]),
        ])
    }

    /// The inverse of [`from_words`](Self::from_words), for values below 2²⁵⁶.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn to_words(self) -> [__m512i; 4] {
        let [l0, l1, l2, l3, l4] = self.limbs;
        [
            _mm512_or_si512(l0, _mm512_slli_epi64::<52>(l1)),
            _mm512_or_si512(_mm512_srli_epi64::<12>(l1), _mm512_slli_epi64::<40>(l2)),
            _mm512_or_si512(_mm512_srli_epi64::<24>(l2), _mm512_slli_epi64::<28>(l3)),
            _mm512_or_si512(_mm512_srli_epi64::<36>(l3), _mm512_slli_epi64::<16>(l4)),
        ]
    }

    /// From limb 0, 1, … of eight elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn from_limbs(limbs: &[[u64; 8]; LIMBS]) -> Self {
        let mut element = Self::zero();
        for (vector, limb) in element.limbs.iter_mut().zip(limbs) {
            *vector = load(limb);
        }
        element
    }

    /// Limb 0, 1, … of eight elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn to_limbs(self, limbs: &mut [[u64; 8]; LIMBS]) {
        for (vector, limb) in self.limbs.into_iter().zip(limbs) {
            store(vector, limb);
        }
    }

    /// From the words of eight elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn from_lanes(elements: &[[u64; 4]; 8]) -> Self {
        let mut words = [_mm512_setzero_si512(); 4];
        for (word, vector) in words.iter_mut().enumerate() {
            *vector = load(&elements.map(|element| element[word]));
        }
        Self::from_words(words)
    }

    /// The words of eight elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn to_lanes(self) -> [[u64; 4]; 8] {
        let mut elements = [[0; 4]; 8];
        for (word, vector) in self.to_words().into_iter().enumerate() {
            let mut lanes = [0; 8];
            store(vector, &mut lanes);
            for (element, lane) in elements.iter_mut().zip(lanes) {
                element[word] = lane;
            }
        }
        elements
    }

    /// Brings a value in [0, 8p) whose limbs are off by small amounts, negative ones too, below
    /// 1.05p with limbs in range.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn reduced(mut limbs: [__m512i; LIMBS]) -> Self {
        // The quotient's estimate is 0.8 % low, so it is never too high and at most one too low.
        let quotient =
            _mm512_madd52hi_epu64(_mm512_setzero_si512(), limbs[4], _mm512_set1_epi64(RATIO));
        for (limb, multiples) in limbs.iter_mut().zip(&M::MULTIPLES) {
            let multiples = load(multiples);
            *limb = _mm512_sub_epi64(*limb, _mm512_permutexvar_epi64(quotient, multiples));
        }
        Self::of(carried(limbs))
    }

    /// self + other < 8 becomes a value below 1.05.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn add(self, other: Self) -> Self {
        let mut limbs = self.limbs;
        for (limb, other) in limbs.iter_mut().zip(other.limbs) {
            *limb = _mm512_add_epi64(*limb, other);
        }
        Self::reduced(limbs)
    }

    /// self − other, where self < 5 and other < 2, becomes a value below 1.05; zero comes as
    /// exactly p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn sub(self, other: Self) -> Self {
        let mut limbs = self.limbs;
        for (j, (limb, other)) in limbs.iter_mut().zip(other.limbs).enumerate() {
            let twice = all(M::MULTIPLES[j][2]);
            *limb = _mm512_add_epi64(_mm512_sub_epi64(*limb, other), twice);
        }
        Self::reduced(limbs)
    }

    /// self − a − b, where self < 3 and a + b < 4, becomes a value below 1.05.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn sub_both(self, a: Self, b: Self) -> Self {
        let mut limbs = self.limbs;
        for (j, limb) in limbs.iter_mut().enumerate() {
            let sum = _mm512_add_epi64(a.limbs[j], b.limbs[j]);
            let four = all(M::MULTIPLES[j][4]);
            *limb = _mm512_add_epi64(_mm512_sub_epi64(*limb, sum), four);
        }
        Self::reduced(limbs)
    }

    /// 2p − self in the lanes of `mask`, for values below 2.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn negated_where(self, mask: __mmask8) -> Self {
        let mut limbs = self.limbs;
        for (j, limb) in limbs.iter_mut().enumerate() {
            *limb = _mm512_mask_sub_epi64(*limb, mask, all(M::MULTIPLES[j][2]), *limb);
        }
        Self::of(carried(limbs))
    }

    /// self · other.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn mul(self, other: Self) -> Self {
        let mut sum = [_mm512_setzero_si512(); LIMBS + 1];
        for factor in other.limbs {
            accumulate(&mut sum, self.limbs, factor);
            Self::divide(&mut sum);
        }
        Self::of(carried([sum[0], sum[1], sum[2], sum[3], sum[4]]))
    }

    /// a·b + c·d, with one reduction; the bound holds for the sum of both products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn sum_of_products(a: Self, b: Self, c: Self, d: Self) -> Self {
        let mut sum = [_mm512_setzero_si512(); LIMBS + 1];
        for (b, d) in b.limbs.into_iter().zip(d.limbs) {
            accumulate(&mut sum, a.limbs, b);
            accumulate(&mut sum, c.limbs, d);
            Self::divide(&mut sum);
        }
        Self::of(carried([sum[0], sum[1], sum[2], sum[3], sum[4]]))
    }

    /// One step of Montgomery's reduction: adds a multiple of p that clears the lowest limb, and
    /// drops that limb.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn divide(sum: &mut [__m512i; LIMBS + 1]) {
        let zero = _mm512_setzero_si512();
        let factor = _mm512_madd52lo_epu64(zero, sum[0], all(M::NEGATED_INVERSE & MASK));
        accumulate(sum, M::PRIME.map(|limb| all(limb)), factor);
        let carry = _mm512_srli_epi64::<BITS>(sum[0]);
        *sum = [_mm512_add_epi64(sum[1], carry), sum[2], sum[3], sum[4], sum[5], zero];
    }

    /// The same elements in [0, p), for values below 1.05.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn canonical(self) -> Self {
        let mut limbs = self.limbs;
        for (limb, prime) in limbs.iter_mut().zip(M::PRIME) {
            *limb = _mm512_sub_epi64(*limb, all(prime));
        }
        let difference = carried(limbs);
        let negative = _mm512_cmplt_epi64_mask(difference[LIMBS - 1], _mm512_setzero_si512());
        Self::of(difference).blend(negative, self)
    }

    /// The lanes whose value is exactly p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn is_prime(self) -> __mmask8 {
        let mut difference = _mm512_setzero_si512();
        for (limb, prime) in self.limbs.into_iter().zip(M::PRIME) {
            // difference | (limb ^ prime)
            difference = _mm512_ternarylogic_epi64::<0xF6>(difference, limb, all(prime));
        }
        _mm512_testn_epi64_mask(difference, difference)
    }

    /// The lanes whose value is exactly 0.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn is_zero(self) -> __mmask8 {
        let [first, rest @ ..] = self.limbs;
        let bits = rest.into_iter().fold(first, |bits, limb| _mm512_or_si512(bits, limb));
        _mm512_testn_epi64_mask(bits, bits)
    }

    /// `other` in the lanes of `mask`, self elsewhere.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn blend(self, mask: __mmask8, other: Self) -> Self {
        let mut limbs = self.limbs;
        for (limb, other) in limbs.iter_mut().zip(other.limbs) {
            *limb = _mm512_mask_blend_epi64(mask, *limb, other);
        }
        Self::of(limbs)
    }
}

/// sum += limbs · factor, limb by limb.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn accumulate(sum: &mut [__m512i; LIMBS + 1], limbs: [__m512i; LIMBS], factor: __m512i) {
    for (j, limb) in limbs.into_iter().enumerate() {
        sum[j] = _mm512_madd52lo_epu64(sum[j], limb, factor);
        sum[j + 1] = _mm512_madd52hi_epu64(sum[j + 1], limb, factor);
    }
}

/// Carries from limb to limb, with signs.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn carried(mut limbs: [__m512i; LIMBS]) -> [__m512i; LIMBS] {
    let mask = all(MASK);
    for j in 0..LIMBS - 1 {
        limbs[j + 1] = _mm512_add_epi64(limbs[j + 1], _mm512_srai_epi64::<BITS>(limbs[j]));
        limbs[j] = _mm512_and_si512(limbs[j], mask);
    }
    limbs
}

/// Eight words as a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn load(words: &[u64; 8]) -> __m512i {
    let w = words.map(|word| word as i64);
    _mm512_setr_epi64(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
}

/// Writes a vector's eight words.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn store(vector: __m512i, words: &mut [u64; 8]) {
    // SAFETY: the pointer is to 64 writable bytes, and the instruction asks for no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use ark_bn254::Fr;
    use ark_ff::{BigInt, BigInteger, PrimeField, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};
    use std::io::Write;

    /// Elements with awkward words among random ones, up to the given multiple of the modulus.
    fn operands(rng: &mut StdRng, extra: u64) -> [[u64; 4]; 8] {
        std::array::from_fn(|lane| {
            let mut value = match lane {
                0 => BigInt::from(0u64),
                1 => BigInt::from(1u64),
                2 => (-Fr::from(1u64)).into_bigint(),
                _ => Fr::rand(rng).into_bigint(),
            };
            for _ in 0..extra {
                value.add_with_carry(&Fr::MODULUS);
            }
            value.0
        })
    }

    fn residue(words: [u64; 4]) -> Fr {
        Fr::from_le_bytes_mod_order(&words.map(u64::to_le_bytes).concat())
    }

    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn check(a: [[u64; 4]; 8], b: [[u64; 4]; 8]) {
        let (x, y) = (Lanes::<Scalar>::from_lanes(&a), Lanes::<Scalar>::from_lanes(&b));
        let radix = residue([0, 0, 0, 1 << 63]) * Fr::from(1u64 << 5);
        let results = [
            (x.add(y), "sum"),
            (x.sub(y), "difference"),
            (x.mul(y), "product"),
            (Lanes::sum_of_products(x, y, y, y), "sum of products"),
            (x.sub_both(y, y), "two differences"),
            (x.negated_where(0xFF), "opposite"),
            (x.add(y).canonical(), "canonical sum"),
        ];
        for lane in 0..8 {
            let (p, q) = (residue(a[lane]), residue(b[lane]));
            let expected =
                [p + q, p - q, p * q / radix, (p * q + q * q) / radix, p - q - q, -p, p + q];
            for ((result, what), expected) in results.iter().zip(expected) {
                assert_eq!(residue(result.to_lanes()[lane]), expected, "{what}, lane {lane}");
            }
            let canonical = results[6].0.to_lanes()[lane];
            assert!(BigInt(canonical) < Fr::MODULUS, "lane {lane} is not canonical");
        }
        assert_eq!(x.sub(x).is_prime(), 0xFF, "zero comes as the modulus");
        assert_eq!(Lanes::<Scalar>::zero().is_zero(), 0xFF);
    }

    #[test]
    fn operations_agree_with_arkworks_up_to_their_bounds() {
        if Engine::detect().is_none() {
            let mut stderr = std::io::stderr();
            writeln!(stderr, "skipped: this processor has no AVX-512 IFMA").unwrap();
            return;
        }
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            for extra in [0, 1] {
                let (a, b) = (operands(&mut rng, extra), operands(&mut rng, 0));
                // SAFETY: the engine was detected.
                unsafe { check(a, b) };
            }
        }
    }
}
