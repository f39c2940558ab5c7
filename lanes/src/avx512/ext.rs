//! Eight elements of Fq (`D` = 1) or of Fq² = Fq[u]/(u² + 1) (`D` = 2) side by side.

use super::field::{Base, Lanes};
use std::arch::x86_64::__mmask8;

/// Eight elements, by coefficient. The bounds are those of [`Lanes`], for each coefficient.
#[derive(Clone, Copy)]
pub(crate) struct Ext<const D: usize>(pub(crate) [Lanes<Base>; D]);

impl<const D: usize> Ext<D> {
    /// Zero in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn zero() -> Self {
        Self([Lanes::zero(); D])
    }

    /// The same element of Fq, in Montgomery's form, in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn splat(words: [u64; 4]) -> Self {
        let mut element = Self::zero();
        element.0[0] = Lanes::splat(words);
        element
    }

    /// From the words of eight elements, by coefficient.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn from_words(words: &[[[u64; 4]; 8]; D]) -> Self {
        let mut element = Self::zero();
        for (coefficient, words) in element.0.iter_mut().zip(words) {
            *coefficient = Lanes::from_lanes(words);
        }
        element
    }

    /// The words of eight elements, by coefficient.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn to_words(self) -> [[[u64; 4]; 8]; D] {
        let mut words = [[[0; 4]; 8]; D];
        for (words, coefficient) in words.iter_mut().zip(self.0) {
            *words = coefficient.to_lanes();
        }
        words
    }

    /// As [`Lanes::add`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn add(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = a.add(b);
        }
        self
    }

    /// As [`Lanes::sub`]; an element that is zero comes as p in each coefficient.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn sub(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = a.sub(b);
        }
        self
    }

    /// As [`Lanes::sub_both`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn sub_both(mut self, a: Self, b: Self) -> Self {
        for ((x, a), b) in self.0.iter_mut().zip(a.0).zip(b.0) {
            *x = x.sub_both(a, b);
        }
        self
    }

    /// As [`Lanes::negated_where`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn negated_where(mut self, mask: __mmask8) -> Self {
        for a in &mut self.0 {
            *a = a.negated_where(mask);
        }
        self
    }

    /// self · other, for values below 2.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn mul(self, other: Self) -> Self {
        let mut product = Self::zero();
        if D == 1 {
            product.0[0] = self.0[0].mul(other.0[0]);
        } else {
            let ([a0, a1], [b0, b1]) = ([self.0[0], self.0[1]], [other.0[0], other.0[1]]);
            product.0[0] = Lanes::sum_of_products(a0, b0, a1.negated_where(0xFF), b1);
            product.0[1] = Lanes::sum_of_products(a0, b1, a1, b0);
        }
        product
    }

    /// self², for values below 2.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn square(self) -> Self {
        let mut square = Self::zero();
        if D == 1 {
            square.0[0] = self.0[0].mul(self.0[0]);
        } else {
            let [a0, a1] = [self.0[0], self.0[1]];
            square.0[0] = a0.add(a1).mul(a0.sub(a1));
            square.0[1] = a0.add(a0).mul(a1);
        }
        square
    }

    /// The lanes in which every coefficient is exactly p: what [`sub`](Self::sub) gives for equal
    /// elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn is_prime(self) -> __mmask8 {
        self.0.into_iter().fold(0xFF, |mask, coefficient| mask & coefficient.is_prime())
    }

    /// The lanes in which every coefficient is exactly 0.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn is_zero(self) -> __mmask8 {
        self.0.into_iter().fold(0xFF, |mask, coefficient| mask & coefficient.is_zero())
    }

    /// As [`Lanes::blend`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn blend(mut self, mask: __mmask8, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = a.blend(mask, b);
        }
        self
    }
}
