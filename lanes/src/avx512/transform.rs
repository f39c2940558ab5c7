//! Number-theoretic transforms: from values on a domain of 2ᵏ-th roots of unity to values on a
//! coset of it.
//!
//! The first transform leaves the coefficients in bit-reversed order, in which they are shifted
//! and which the second one takes. Element i stands in lane i mod 8 of row ⌊i/8⌋, so butterflies
//! between elements that are 8 or more apart are between rows; for the six closest layers, 64
//! elements are turned by the diagonal.

use super::field::{LIMBS, Lanes, Scalar};
use super::point::transposed;
use super::{Engine, field};
use ark_bn254::Fr;
use ark_ff::{BigInt, FftField, Field};
use zeroize::{Zeroize, ZeroizeOnDrop};

type Element = Lanes<Scalar>;

/// Eight elements in memory, by limb.
#[derive(Clone, Copy, Zeroize)]
#[repr(C, align(64))]
struct Row([[u64; 8]; LIMBS]);

impl Row {
    const ZERO: Self = Self([[0; 8]; LIMBS]);

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn load(&self) -> Element {
        Lanes::from_limbs(&self.0)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn store(&mut self, element: Element) {
        element.to_limbs(&mut self.0);
    }
}

/// Values on the coset, by row. Zeroized on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CosetValues(Vec<Row>);

/// Transforms of one size.
pub struct CosetTransform {
    size: usize,
    /// Powers of the inverse root: one slice for each layer between rows, the widest first.
    inverse_roots: Vec<Vec<Row>>,
    /// Powers of the root, the widest layer last.
    roots: Vec<Vec<Row>>,
    /// The first four powers of the eighth root of unity, and of its inverse.
    eighths: [[[u64; 4]; 4]; 2],
    /// Powers of the offset, in the order of the shift.
    shifts: Vec<Row>,
    /// Brings a product of two values into plain form.
    product_scale: [u64; 4],
}

impl CosetTransform {
    /// Tables for domains of 2^`log_size` elements and the coset with this offset. None for a
    /// size that the lanes do not serve: below 64, or above the field's roots of unity.
    pub fn new(_: Engine, log_size: u32, offset: Fr) -> Option<Self> {
        let size = 1usize.checked_shl(log_size).filter(|size| *size >= 64)?;
        let root = Fr::get_root_of_unity(size as u64)?;
        let inverse_root = root.inverse()?;
        let layers = |root: Fr| {
            let spans = (3..log_size).map(|log_span| 1 << log_span);
            spans.map(move |span: usize| rows(span, root.pow([(size / 2 / span) as u64]), |i| i))
        };
        let eighths = [root, inverse_root].map(|root| {
            let eighth = root.pow([size as u64 / 8]);
            [0u64, 1, 2, 3].map(|power| pack(eighth.pow([power])))
        });
        // Lane l of turned row k of block b holds element 64b + 8l + k.
        let turned = |i: usize| {
            let (block, k, lane) = (i / 64, i / 8 % 8, i % 8);
            (64 * block + 8 * lane + k).reverse_bits() >> (usize::BITS - log_size)
        };
        // Both factors carry a factor of `size` and 2²⁵⁶, and two products divide by 2⁵²⁰.
        let scale = Fr::from(256u64) * Fr::from(size as u64).square().inverse()?;
        Some(Self {
            size,
            inverse_roots: layers(inverse_root).rev().collect(),
            roots: layers(root).collect(),
            eighths,
            shifts: rows(size, offset, turned),
            product_scale: plain(scale),
        })
    }

    /// The values on the coset of the polynomial with these values on the domain; those missing
    /// are zero.
    ///
    /// # Panics
    /// If there are more values than elements of the domain.
    pub fn extend(&self, values: &[&[Fr]]) -> CosetValues {
        let mut rows = CosetValues(vec![Row::ZERO; self.size / 8]);
        let values = values.iter().copied().flatten();
        for (i, value) in values.enumerate() {
            for (limb, bits) in rows.0[i / 8].0.iter_mut().zip(field::split(value.0.0)) {
                limb[i % 8] = bits;
            }
        }
        // SAFETY: a transform is made with an engine, which exists only where the instructions
        // do.
        unsafe { self.extend_rows(&mut rows.0) }
        rows
    }

    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn extend_rows(&self, rows: &mut [Row]) {
        for roots in &self.inverse_roots {
            for block in rows.chunks_exact_mut(2 * roots.len()) {
                let (low, high) = block.split_at_mut(roots.len());
                for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
                    let [sum, difference] = butterfly(low.load(), high.load());
                    low.store(sum);
                    high.store(difference.mul(root.load()));
                }
            }
        }
        let [forward, inverse] = self.eighths;
        for (block, shifts) in rows.as_chunks_mut().0.iter_mut().zip(self.shifts.as_chunks().0) {
            shift_block(block, shifts, inverse, forward);
        }
        for roots in &self.roots {
            for block in rows.chunks_exact_mut(2 * roots.len()) {
                let (low, high) = block.split_at_mut(roots.len());
                for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
                    let [sum, difference] = butterfly(low.load(), high.load().mul(root.load()));
                    low.store(sum);
                    high.store(difference);
                }
            }
        }
    }

    /// The products of corresponding values, as integers in [0, r).
    pub fn products(&self, a: &CosetValues, b: &CosetValues, products: &mut Vec<BigInt<4>>) {
        // SAFETY: a transform is made with an engine, which exists only where the instructions
        // do.
        unsafe { self.multiply(a, b, products) }
    }

    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn multiply(&self, a: &CosetValues, b: &CosetValues, products: &mut Vec<BigInt<4>>) {
        let scale = Lanes::splat(self.product_scale);
        for (a, b) in a.0.iter().zip(&b.0) {
            let product = a.load().mul(b.load()).mul(scale).canonical();
            products.extend(product.to_lanes().map(BigInt));
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn butterfly(a: Element, b: Element) -> [Element; 2] {
    [a.add(b), a.sub(b)]
}

/// The last three layers of the first transform, the shift, and the first three layers of the
/// second transform, for 64 consecutive elements.
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn shift_block(
    rows: &mut [Row; 8],
    shifts: &[Row; 8],
    inverse_eighths: [[u64; 4]; 4],
    eighths: [[u64; 4]; 4],
) {
    turn(rows);
    for (span, stride) in [(4, 1), (2, 2), (1, 4)] {
        for low in (0..8).filter(|k| k & span == 0) {
            let [sum, mut difference] = butterfly(rows[low].load(), rows[low + span].load());
            let power = low % span * stride;
            if power != 0 {
                difference = difference.mul(Lanes::splat(inverse_eighths[power]));
            }
            rows[low].store(sum);
            rows[low + span].store(difference);
        }
    }
    for (row, shift) in rows.iter_mut().zip(shifts) {
        row.store(row.load().mul(shift.load()));
    }
    for (span, stride) in [(1, 4), (2, 2), (4, 1)] {
        for low in (0..8).filter(|k| k & span == 0) {
            let mut high = rows[low + span].load();
            let power = low % span * stride;
            if power != 0 {
                high = high.mul(Lanes::splat(eighths[power]));
            }
            let [sum, difference] = butterfly(rows[low].load(), high);
            rows[low].store(sum);
            rows[low + span].store(difference);
        }
    }
    turn(rows);
}

/// Turns 64 elements by the diagonal.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn turn(rows: &mut [Row; 8]) {
    for limb in 0..LIMBS {
        let mut vectors = [field::load(&rows[0].0[limb]); 8];
        for (vector, row) in vectors.iter_mut().zip(rows.iter()) {
            *vector = field::load(&row.0[limb]);
        }
        for (vector, row) in transposed(vectors).into_iter().zip(rows.iter_mut()) {
            field::store(vector, &mut row.0[limb]);
        }
    }
}

/// The words of an element in the lanes' Montgomery form.
fn pack(element: Fr) -> [u64; 4] {
    (element * Fr::from(16u64)).0.0
}

/// The words of an element, in no Montgomery form.
fn plain(element: Fr) -> [u64; 4] {
    ark_ff::PrimeField::into_bigint(element).0
}

/// `base` to the powers `exponent(0)`, `exponent(1)`, …, each below `count`.
fn rows(count: usize, base: Fr, exponent: impl Fn(usize) -> usize) -> Vec<Row> {
    let mut powers = Vec::with_capacity(count);
    let mut power = Fr::ONE;
    for _ in 0..count {
        powers.push(power);
        power *= base;
    }
    let mut rows = vec![Row::ZERO; count / 8];
    for i in 0..count {
        for (limb, bits) in rows[i / 8].0.iter_mut().zip(field::split(pack(powers[exponent(i)]))) {
            limb[i % 8] = bits;
        }
    }
    rows
}
