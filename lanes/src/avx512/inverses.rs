//! Many inverses for one (Montgomery's trick), in lanes.

use super::ext::Ext;
use super::point::{Coefficients, SCALE, pack_element, unpack_element};

/// Groups of eight that are worked on side by side: one waits for its results while another
/// computes.
pub(crate) const SIDES: usize = 2;
/// Products that grow side by side.
const CHAINS: usize = 2 * SIDES;

/// Takes denominators and gives their inverses back, the last ones first.
pub(crate) struct Inverses<const D: usize> {
    /// For each push, the products of what was pushed to its chains before.
    before: Vec<[Ext<D>; SIDES]>,
    products: [Ext<D>; CHAINS],
}

impl<const D: usize> Inverses<D> {
    /// For so many pushes in a round.
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn with_capacity(pushes: usize) -> Self {
        Self { before: Vec::with_capacity(pushes), products: [Self::one(); CHAINS] }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn one() -> Ext<D> {
        Ext::splat(SCALE.0.0)
    }

    /// Takes denominators below 2p; none may be zero.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn push(&mut self, denominators: [Ext<D>; SIDES]) {
        let chain = self.before.len() % 2 * SIDES;
        let products = [self.products[chain], self.products[chain + 1]];
        self.before.push(products);
        self.products[chain] = products[0].mul(denominators[0]);
        self.products[chain + 1] = products[1].mul(denominators[1]);
    }

    /// Inverts the products of all chains and lanes, with one inversion.
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn invert<F: Coefficients<D>>(&mut self) {
        let mut products = Vec::with_capacity(CHAINS * 8);
        for chain in &self.products {
            let words = chain.to_words();
            for lane in 0..8 {
                let coefficients = words.map(|words| unpack_element(words[lane]));
                products.push(F::from_coefficients(coefficients));
            }
        }
        let mut before = Vec::with_capacity(products.len());
        let mut product = F::one();
        for factor in &products {
            before.push(product);
            product *= factor;
        }
        debug_assert!(!product.is_zero(), "a denominator is zero");
        let mut inverse = product.inverse().unwrap_or_else(F::zero);
        for (factor, before) in products.iter_mut().zip(before).rev() {
            let next = inverse * *factor;
            *factor = inverse * before;
            inverse = next;
        }
        for (chain, inverses) in self.products.iter_mut().zip(products.chunks_exact(8)) {
            let mut words = [[[0; 4]; 8]; D];
            for (lane, inverse) in inverses.iter().enumerate() {
                for (words, coefficient) in words.iter_mut().zip(inverse.coefficients()) {
                    words[lane] = pack_element(coefficient);
                }
            }
            *chain = Ext::from_words(&words);
        }
    }

    /// The inverses of the denominators pushed last, which are given again.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn pop(&mut self, denominators: [Ext<D>; SIDES]) -> [Ext<D>; SIDES] {
        let Some(before) = self.before.pop() else { return denominators };
        let chain = self.before.len() % 2 * SIDES;
        let products = [self.products[chain], self.products[chain + 1]];
        let inverses = [products[0].mul(before[0]), products[1].mul(before[1])];
        self.products[chain] = products[0].mul(denominators[0]);
        self.products[chain + 1] = products[1].mul(denominators[1]);
        inverses
    }

    /// Makes ready for another round.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub(crate) fn restart(&mut self) {
        self.before.clear();
        self.products = [Self::one(); CHAINS];
    }
}
