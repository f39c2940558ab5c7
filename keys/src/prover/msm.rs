//! Multi-scalar multiplication by buckets of batch-affine sums, with or without tables of
//! multiples of the bases.

use super::points::Points;
use crate::parallel::{join, map_indices};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Zero};
use attestry_lanes::Curve;
use zeroize::Zeroize;

/// Points that one task sums: its working set stays near the cache.
const TASK_POINTS: usize = 16384;

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
pub(crate) struct Tables<P: Curve> {
    plan: Plan,
    points: Points<P>,
}

impl<P: Curve> Tables<P> {
    /// Computes the multiples that `plan` asks for.
    pub(crate) fn build(bases: Points<P>, plan: Plan) -> Self {
        let step = plan.window_bits * plan.passes;
        Self { plan, points: bases.with_multiples(plan.levels as usize, step) }
    }

    /// Bytes of memory that the points take.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.points.size_in_bytes()
    }

    /// Σ scalarᵢ·baseᵢ.
    pub(crate) fn msm(&self, scalars: &[BigInt<4>]) -> Projective<P> {
        sum(self.plan, &self.points, scalars)
    }
}

/// Σ scalarᵢ·baseᵢ for few scalars below 2^`scalar_bits`, without tables.
pub(crate) fn msm<P: Curve>(
    bases: Vec<Affine<P>>,
    scalars: &[BigInt<4>],
    scalar_bits: u32,
) -> Projective<P> {
    let plan = Plan::without_tables(bases.len(), scalar_bits);
    sum(plan, &Points::Single(bases), scalars)
}

fn sum<P: Curve>(plan: Plan, points: &Points<P>, scalars: &[BigInt<4>]) -> Projective<P> {
    let mut sorted = Sorted::new(plan, scalars);
    let buckets = sum_buckets(points, &sorted);
    sorted.entries.zeroize();
    sorted.lengths.zeroize();
    weigh(plan, &buckets)
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
fn sum_buckets<P: Curve>(points: &Points<P>, sorted: &Sorted) -> Points<P> {
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
        points.sum_segments(
            &sorted.entries[first_entry..end_entry],
            &sorted.lengths[first_bucket..end_bucket],
        )
    });
    Points::concat(sums)
}

/// Σ over passes of 2^(c·pass)·Σ_k (k+1)·bucket_k.
///
/// The buckets of a pass are laid out as a grid, k = row·columns + column, so that only the sums
/// of rows and columns need to be weighed.
fn weigh<P: Curve>(plan: Plan, buckets: &Points<P>) -> Projective<P> {
    let columns = 1usize << ((plan.window_bits - 1) / 2);
    let rows = plan.buckets() / columns;
    let passes = plan.passes as usize;
    let in_rows: Vec<u32> = (0..(passes * plan.buckets()) as u32).map(|k| k << 1).collect();
    let in_columns: Vec<u32> = in_rows
        .chunks_exact(plan.buckets())
        .flat_map(|pass| (0..columns).flat_map(|c| pass.iter().skip(c).step_by(columns)))
        .copied()
        .collect();
    let (row_sums, column_sums) = join(
        || buckets.sum_segments(&in_rows, &vec![columns as u32; passes * rows]).into_affine(),
        || buckets.sum_segments(&in_columns, &vec![rows as u32; passes * columns]).into_affine(),
    );

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
fn weigh_by_index<P: Curve>(points: &[Affine<P>]) -> (Projective<P>, Projective<P>) {
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
    use attestry_lanes::Engine;

    fn naive<P: Curve>(bases: &[Affine<P>], scalars: &[BigInt<4>]) -> Projective<P> {
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
                for engine in [None, Engine::detect()] {
                    let points = Points::new(bases.clone(), engine);
                    let tables = Tables::build(points, plan);
                    assert_eq!(tables.msm(&scalars), expected, "{plan:?}");
                }
            }
        }
    }

    #[test]
    fn agrees_with_naive_sums_on_several_tasks_and_both_groups() {
        let (bases, scalars) = awkward(2000, 2);
        let expected = naive(&bases, &scalars);
        assert_eq!(msm(bases.clone(), &scalars, 254), expected);
        let plan = Plan::with_full_tables(bases.len(), 254);
        let tables = Tables::build(Points::new(bases, Engine::detect()), plan);
        assert_eq!(tables.msm(&scalars), expected);

        let mut rng = StdRng::seed_from_u64(3);
        let bases: Vec<_> = (0..70).map(|_| G2Projective::rand(&mut rng).into_affine()).collect();
        let expected = naive(&bases, &scalars[..70]);
        assert_eq!(msm(bases.clone(), &scalars[..70], 254), expected);
        let plan = Plan::with_full_tables(bases.len(), 254);
        assert_eq!(
            Tables::build(Points::new(bases, Engine::detect()), plan).msm(&scalars[..70]),
            expected
        );
    }

    #[test]
    fn short_scalars_take_few_windows() {
        let (bases, _) = awkward(64, 4);
        let scalars: Vec<_> = (0..64u64).map(|i| BigInt([u64::MAX - i, 0, 0, 0])).collect();
        assert_eq!(msm(bases.clone(), &scalars, 64), naive(&bases, &scalars));
        assert!(Plan::without_tables(64, 64).windows < 20);
    }

    #[test]
    fn no_scalars_sum_to_the_identity() {
        assert!(msm::<g1::Config>(vec![], &[], 254).is_zero());
        assert!(
            msm(vec![G1Projective::generator().into_affine()], &[BigInt::zero()], 254).is_zero()
        );
    }
}
