//! Multi-scalar multiplication by buckets of batch-affine sums, with or without tables of
//! multiples of the bases.

use super::batch_affine::{double_all, sum_segments};
use crate::parallel::{map_chunks_mut, map_indices};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Zero};
use zeroize::Zeroize;

/// Points that one task sums: its working set stays near the cache.
const TASK_POINTS: usize = 8192;

/// How scalars are cut into signed windows, and which multiples of the bases are at hand.
///
/// A scalar is Σ_w d_w·2^(c·w) with |d_w| ≤ 2^(c−1). Window `w = level·passes + pass` takes the
/// multiple 2^(c·passes·level) of its base and falls into the buckets of its pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Bits of a window.
    pub(crate) window_bits: u32,
    /// Windows of a scalar.
    pub(crate) windows: u32,
    /// Multiples held of each base.
    pub(crate) levels: u32,
    /// Sets of buckets, and runs of doublings between them.
    pub(crate) passes: u32,
}

impl Plan {
    /// The cheapest plan for `bases` points and scalars of `scalar_bits` bits, without tables.
    pub(crate) fn without_tables(bases: usize, scalar_bits: u32) -> Self {
        Self::cheapest(bases, scalar_bits, |_| 1)
    }

    /// The cheapest plan for `bases` points and scalars of `scalar_bits` bits, with one table
    /// entry for every window.
    pub(crate) fn with_full_tables(bases: usize, scalar_bits: u32) -> Self {
        Self::cheapest(bases, scalar_bits, |windows| windows)
    }

    fn cheapest(bases: usize, scalar_bits: u32, levels: impl Fn(u32) -> u32) -> Self {
        let plan = |window_bits: u32| {
            // One bit more than the scalar has: the carry of the signed digits.
            let windows = (scalar_bits + 1).div_ceil(window_bits);
            let levels = levels(windows);
            Self { window_bits, windows, levels, passes: windows.div_ceil(levels) }
        };
        let mut best = plan(2);
        for window_bits in 3..=16 {
            let candidate = plan(window_bits);
            if candidate.additions(bases) < best.additions(bases) {
                best = candidate;
            }
        }
        best
    }

    fn buckets(&self) -> usize {
        1 << (self.window_bits - 1)
    }

    fn additions(&self, bases: usize) -> usize {
        bases * self.windows as usize + 2 * self.passes as usize * self.buckets()
    }
}

/// Bases of a multi-scalar multiplication and their multiples: `levels` consecutive points each.
#[derive(Clone)]
pub(crate) struct Tables<P: SWCurveConfig> {
    plan: Plan,
    points: Vec<Affine<P>>,
}

impl<P: SWCurveConfig> Tables<P> {
    /// Computes the multiples that `plan` asks for.
    pub(crate) fn build(bases: Vec<Affine<P>>, plan: Plan) -> Self {
        if plan.levels == 1 {
            return Self { plan, points: bases };
        }
        let levels = plan.levels as usize;
        let mut points = vec![Affine::identity(); bases.len() * levels];
        let step = plan.window_bits * plan.passes;
        let chunk_bases = 512;
        map_chunks_mut(&mut points, chunk_bases * levels, |chunk_index, chunk| {
            let first = chunk_index * chunk_bases;
            let mut current = bases[first..first + chunk.len() / levels].to_vec();
            for level in 0..levels {
                if level > 0 {
                    double_all(&mut current, step);
                }
                for (slot, point) in chunk.iter_mut().skip(level).step_by(levels).zip(&current) {
                    *slot = *point;
                }
            }
        });
        Self { plan, points }
    }

    /// Bytes of memory that the points take.
    pub(crate) fn size_in_bytes(&self) -> usize {
        std::mem::size_of_val(self.points.as_slice())
    }

    /// Σ scalarᵢ·baseᵢ.
    pub(crate) fn msm(&self, scalars: &[BigInt<4>]) -> Projective<P> {
        sum(self.plan, &self.points, scalars)
    }
}

/// Σ scalarᵢ·baseᵢ for scalars below 2^`scalar_bits`, without tables.
pub(crate) fn msm<P: SWCurveConfig>(
    bases: &[Affine<P>],
    scalars: &[BigInt<4>],
    scalar_bits: u32,
) -> Projective<P> {
    sum(Plan::without_tables(bases.len(), scalar_bits), bases, scalars)
}

fn sum<P: SWCurveConfig>(plan: Plan, points: &[Affine<P>], scalars: &[BigInt<4>]) -> Projective<P> {
    debug_assert_eq!(points.len(), scalars.len() * plan.levels as usize);
    let mut sorted = Sorted::new(plan, scalars);
    let buckets = sum_buckets(points, &sorted);
    sorted.entries.zeroize();
    sorted.lengths.zeroize();
    weigh(plan, buckets)
}

/// Table entries by bucket: `entry = point index·2 + sign`.
struct Sorted {
    entries: Vec<u32>,
    lengths: Vec<u32>,
}

impl Sorted {
    /// Counting sort of all signed digits of all scalars.
    fn new(plan: Plan, scalars: &[BigInt<4>]) -> Self {
        const NONE: u32 = u32::MAX;
        let windows = plan.windows as usize;
        let mut lengths = vec![0u32; plan.passes as usize * plan.buckets()];
        // Per digit: bucket·2 + sign.
        let mut codes = vec![NONE; scalars.len() * windows];
        for (scalar, codes) in scalars.iter().zip(codes.chunks_exact_mut(windows)) {
            if scalar.is_zero() {
                continue;
            }
            let mut carry = 0i64;
            for (window, code) in codes.iter_mut().enumerate() {
                let start = window as u32 * plan.window_bits;
                let mut digit = bits(scalar, start, plan.window_bits) as i64 + carry;
                carry = i64::from(digit > plan.buckets() as i64);
                digit -= carry << plan.window_bits;
                if digit != 0 {
                    let pass = window % plan.passes as usize;
                    let bucket = pass * plan.buckets() + digit.unsigned_abs() as usize - 1;
                    lengths[bucket] += 1;
                    *code = (bucket as u32) << 1 | u32::from(digit < 0);
                }
            }
            debug_assert_eq!(carry, 0);
        }
        let mut next = Vec::with_capacity(lengths.len());
        let mut total = 0u32;
        for length in &lengths {
            next.push(total);
            total += length;
        }
        let mut entries = vec![0u32; total as usize];
        for (index, codes) in codes.chunks_exact(windows).enumerate() {
            for (window, &code) in codes.iter().enumerate() {
                if code != NONE {
                    let level = window / plan.passes as usize;
                    let point = (index * plan.levels as usize + level) as u32;
                    let slot = &mut next[(code >> 1) as usize];
                    entries[*slot as usize] = point << 1 | (code & 1);
                    *slot += 1;
                }
            }
        }
        codes.zeroize();
        next.zeroize();
        Self { entries, lengths }
    }
}

/// The `count` (at most 16) bits of `scalar` from bit `start` on.
fn bits(scalar: &BigInt<4>, start: u32, count: u32) -> u64 {
    let (limb, shift) = ((start / 64) as usize, start % 64);
    if limb >= 4 {
        return 0;
    }
    let mut value = scalar.0[limb] >> shift;
    if shift + count > 64 && limb < 3 {
        value |= scalar.0[limb + 1] << (64 - shift);
    }
    value & ((1 << count) - 1)
}

/// The sum of every bucket, in tasks of consecutive buckets.
fn sum_buckets<P: SWCurveConfig>(points: &[Affine<P>], sorted: &Sorted) -> Vec<Affine<P>> {
    // Task boundaries: (first bucket, first entry).
    let mut starts = vec![(0usize, 0usize)];
    let mut entry = 0usize;
    let mut since = 0usize;
    for (bucket, &length) in sorted.lengths.iter().enumerate() {
        entry += length as usize;
        since += length as usize;
        if since >= TASK_POINTS {
            starts.push((bucket + 1, entry));
            since = 0;
        }
    }
    let ends = starts[1..].iter().copied().chain([(sorted.lengths.len(), entry)]);
    let tasks: Vec<_> = starts.iter().copied().zip(ends).collect();
    let sums = map_indices(tasks.len(), |task| {
        let ((first_bucket, first_entry), (end_bucket, end_entry)) = tasks[task];
        let gathered = sorted.entries[first_entry..end_entry]
            .iter()
            .map(|&entry| {
                let mut point = points[(entry >> 1) as usize];
                if entry & 1 == 1 {
                    point.y = -point.y;
                }
                point
            })
            .collect();
        sum_segments(gathered, sorted.lengths[first_bucket..end_bucket].to_vec())
    });
    sums.concat()
}

/// Σ over passes of 2^(c·pass)·Σ_k (k+1)·bucket_k.
///
/// The buckets of a pass are laid out as a grid, k = row·columns + column, so that only the sums
/// of rows and columns need to be weighed.
fn weigh<P: SWCurveConfig>(plan: Plan, buckets: Vec<Affine<P>>) -> Projective<P> {
    let columns = 1usize << ((plan.window_bits - 1) / 2);
    let rows = plan.buckets() / columns;
    let passes = plan.passes as usize;
    let mut transposed = Vec::with_capacity(buckets.len());
    for pass in buckets.chunks_exact(plan.buckets()) {
        for column in 0..columns {
            transposed.extend(pass.iter().skip(column).step_by(columns));
        }
    }
    let column_sums = sum_segments(transposed, vec![rows as u32; passes * columns]);
    let row_sums = sum_segments(buckets, vec![columns as u32; passes * rows]);

    let mut total = Projective::<P>::zero();
    for pass in (0..passes).rev() {
        for _ in 0..plan.window_bits {
            total.double_in_place();
        }
        let rows_of_pass = &row_sums[pass * rows..(pass + 1) * rows];
        let (all, mut by_row) = weigh_by_index(rows_of_pass);
        for _ in 0..columns.trailing_zeros() {
            by_row.double_in_place();
        }
        let (_, by_column) = weigh_by_index(&column_sums[pass * columns..(pass + 1) * columns]);
        total += by_row + by_column + all;
    }
    total
}

/// (Σ pointᵢ, Σ i·pointᵢ).
fn weigh_by_index<P: SWCurveConfig>(points: &[Affine<P>]) -> (Projective<P>, Projective<P>) {
    let mut running = Projective::<P>::zero();
    let mut weighed = Projective::<P>::zero();
    for point in points.iter().skip(1).rev() {
        running += point;
        weighed += running;
    }
    if let Some(first) = points.first() {
        running += first;
    }
    (running, weighed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, G1Projective, G2Projective, g1};
    use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
    use ark_ff::{One, PrimeField, UniformRand};
    use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};

    fn naive<P: SWCurveConfig>(bases: &[Affine<P>], scalars: &[BigInt<4>]) -> Projective<P> {
        bases.iter().zip(scalars).map(|(p, s)| p.mul_bigint(s)).sum()
    }

    /// Bases with repetitions, opposites and the identity; scalars with bits, small and extreme
    /// values.
    fn awkward(n: usize, seed: u64) -> (Vec<Affine<g1::Config>>, Vec<BigInt<4>>) {
        let mut rng = StdRng::seed_from_u64(seed);
        let fixed = G1Projective::generator().into_affine();
        let bases = (0..n)
            .map(|_| match rng.next_u32() % 6 {
                0 => fixed,
                1 => -fixed,
                2 => Affine::identity(),
                _ => G1Projective::rand(&mut rng).into_affine(),
            })
            .collect();
        let scalars = (0..n)
            .map(|_| match rng.next_u32() % 6 {
                0 => Fr::zero(),
                1 => Fr::one(),
                2 => -Fr::one(),
                3 => Fr::from(rng.next_u32()),
                _ => Fr::rand(&mut rng),
            })
            .map(PrimeField::into_bigint)
            .collect();
        (bases, scalars)
    }

    #[test]
    fn agrees_with_naive_sums_for_every_window_size_and_number_of_levels() {
        let (bases, scalars) = awkward(150, 1);
        let expected = naive(&bases, &scalars);
        for window_bits in 2..=16 {
            let windows = 255u32.div_ceil(window_bits);
            for levels in [1, 2, 3, windows] {
                let plan = Plan { window_bits, windows, levels, passes: windows.div_ceil(levels) };
                let tables = Tables::build(bases.clone(), plan);
                assert_eq!(tables.msm(&scalars), expected, "{plan:?}");
            }
        }
    }

    #[test]
    fn agrees_with_naive_sums_on_several_tasks_and_both_groups() {
        let (bases, scalars) = awkward(2000, 2);
        let expected = naive(&bases, &scalars);
        assert_eq!(msm(&bases, &scalars, 254), expected);
        let tables = Tables::build(bases.clone(), Plan::with_full_tables(bases.len(), 254));
        assert_eq!(tables.msm(&scalars), expected);

        let mut rng = StdRng::seed_from_u64(3);
        let bases: Vec<_> = (0..70).map(|_| G2Projective::rand(&mut rng).into_affine()).collect();
        let expected = naive(&bases, &scalars[..70]);
        assert_eq!(msm(&bases, &scalars[..70], 254), expected);
    }

    #[test]
    fn short_scalars_take_few_windows() {
        let (bases, _) = awkward(64, 4);
        let scalars: Vec<_> = (0..64u64).map(|i| BigInt([u64::MAX - i, 0, 0, 0])).collect();
        assert_eq!(msm(&bases, &scalars, 64), naive(&bases, &scalars));
        assert!(Plan::without_tables(64, 64).windows < 20);
    }

    #[test]
    fn no_scalars_sum_to_the_identity() {
        assert!(msm::<g1::Config>(&[], &[], 254).is_zero());
        assert!(msm(&[G1Projective::generator().into_affine()], &[BigInt::zero()], 254).is_zero());
    }
}
