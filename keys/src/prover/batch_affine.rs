//! Sums of many affine points at six multiplications an addition: one inversion is shared by a
//! block of additions (Montgomery's trick).
//!
//! Every case of the group law is handled: equal points are doubled, opposite points give the
//! identity, and the identity is neutral. Bases of a proving key do contain equal and opposite
//! points.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, Field, Zero};

/// Additions that share one inversion: few enough that their denominators stay in the cache.
const BLOCK: usize = 1024;

/// What one addition of a block needs once the inverses are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Different x-coordinates: the chord.
    Add,
    /// The same point twice: the tangent.
    Double,
    /// The right operand is the identity, or there is none.
    TakeLeft,
    /// The left operand is the identity.
    TakeRight,
    /// Opposite points.
    Cancel,
}

/// Denominators of a block of additions and their running products.
struct Block<F> {
    cases: Vec<Case>,
    denominators: Vec<F>,
    products: Vec<F>,
    running: F,
}

impl<F: Field> Block<F> {
    fn new() -> Self {
        Self {
            cases: Vec::with_capacity(BLOCK),
            denominators: Vec::with_capacity(BLOCK),
            products: Vec::with_capacity(BLOCK),
            running: F::one(),
        }
    }

    fn push(&mut self, case: Case, denominator: F) {
        self.cases.push(case);
        self.products.push(self.running);
        self.running *= denominator;
        self.denominators.push(denominator);
    }

    fn push_trivial(&mut self, case: Case) {
        self.cases.push(case);
        self.products.push(F::zero());
        self.denominators.push(F::zero());
    }

    /// Replaces each denominator by its inverse.
    fn invert(&mut self) {
        // Only nonzero denominators were multiplied in.
        let mut inverse = self.running.inverse().unwrap_or_else(F::one);
        for ((case, denominator), product) in
            self.cases.iter().zip(&mut self.denominators).zip(&self.products).rev()
        {
            if matches!(case, Case::Add | Case::Double) {
                let next = inverse * *denominator;
                *denominator = inverse * product;
                inverse = next;
            }
        }
    }

    fn clear(&mut self) {
        self.cases.clear();
        self.denominators.clear();
        self.products.clear();
        self.running = F::one();
    }
}

fn classify<P: SWCurveConfig>(p: &Affine<P>, q: &Affine<P>) -> (Case, P::BaseField) {
    let dx = q.x - p.x;
    if q.is_zero() {
        (Case::TakeLeft, P::BaseField::zero())
    } else if p.is_zero() {
        (Case::TakeRight, P::BaseField::zero())
    } else if !dx.is_zero() {
        (Case::Add, dx)
    } else if p.y == q.y && !p.y.is_zero() {
        (Case::Double, p.y.double())
    } else {
        (Case::Cancel, P::BaseField::zero())
    }
}

fn add_with_slope<P: SWCurveConfig>(
    p: &Affine<P>,
    q_x: &P::BaseField,
    slope: P::BaseField,
) -> Affine<P> {
    let x = slope.square() - p.x - q_x;
    let y = slope * (p.x - x) - p.y;
    Affine::new_unchecked(x, y)
}

fn tangent_numerator<P: SWCurveConfig>(p: &Affine<P>) -> P::BaseField {
    let square = p.x.square();
    square.double() + square + P::COEFF_A
}

fn combine<P: SWCurveConfig>(
    case: Case,
    p: &Affine<P>,
    q: &Affine<P>,
    inverse: P::BaseField,
) -> Affine<P> {
    match case {
        Case::Add => add_with_slope(p, &q.x, (q.y - p.y) * inverse),
        Case::Double => add_with_slope(p, &p.x, tangent_numerator(p) * inverse),
        Case::TakeLeft => *p,
        Case::TakeRight => *q,
        Case::Cancel => Affine::identity(),
    }
}

/// Sums consecutive segments of `points`, whose lengths are `lengths`.
///
/// Returns one sum per segment, the identity for an empty one.
pub(crate) fn sum_segments<P: SWCurveConfig>(
    mut points: Vec<Affine<P>>,
    mut lengths: Vec<u32>,
) -> Vec<Affine<P>> {
    debug_assert_eq!(points.len(), lengths.iter().map(|&l| l as usize).sum::<usize>());
    let mut block = Block::new();
    let mut operands: Vec<u32> = Vec::with_capacity(BLOCK);
    while lengths.iter().any(|&length| length > 1) {
        let mut halved = Vec::with_capacity(points.len() / 2 + lengths.len());
        let mut start = 0u32;
        for length in &mut lengths {
            let end = start + *length;
            let mut left = start;
            while left < end {
                let p = &points[left as usize];
                if left + 1 < end {
                    let (case, denominator) = classify(p, &points[left as usize + 1]);
                    if denominator.is_zero() {
                        block.push_trivial(case);
                    } else {
                        block.push(case, denominator);
                    }
                } else {
                    block.push_trivial(Case::TakeLeft);
                }
                operands.push(left);
                if operands.len() == BLOCK {
                    finish(&points, &mut block, &mut operands, &mut halved);
                }
                left += 2;
            }
            start = end;
            *length = length.div_ceil(2);
        }
        finish(&points, &mut block, &mut operands, &mut halved);
        points = halved;
    }
    if lengths.iter().all(|&length| length == 1) {
        return points;
    }
    let mut sums = points.into_iter();
    lengths
        .iter()
        .map(|&length| match length {
            0 => Affine::identity(),
            _ => sums.next().unwrap_or_default(),
        })
        .collect()
}

fn finish<P: SWCurveConfig>(
    points: &[Affine<P>],
    block: &mut Block<P::BaseField>,
    operands: &mut Vec<u32>,
    sums: &mut Vec<Affine<P>>,
) {
    block.invert();
    for ((&left, &case), &inverse) in operands.iter().zip(&block.cases).zip(&block.denominators) {
        let p = &points[left as usize];
        // A last, single point of a segment is `TakeLeft`; its right neighbour is not looked at.
        let q = points.get(left as usize + 1).unwrap_or(p);
        sums.push(combine(case, p, q, inverse));
    }
    operands.clear();
    block.clear();
}

/// Doubles each point `times` times, in place.
pub(crate) fn double_all<P: SWCurveConfig>(points: &mut [Affine<P>], times: u32) {
    let mut block = Block::new();
    for chunk in points.chunks_mut(BLOCK) {
        for _ in 0..times {
            for p in chunk.iter() {
                if p.is_zero() || p.y.is_zero() {
                    block.push_trivial(Case::Cancel);
                } else {
                    block.push(Case::Double, p.y.double());
                }
            }
            block.invert();
            for ((p, &case), &inverse) in
                chunk.iter_mut().zip(&block.cases).zip(&block.denominators)
            {
                *p = combine(case, p, p, inverse);
            }
            block.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{G1Projective, G2Projective, g1, g2};
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_std::UniformRand;
    use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};

    fn check<P: SWCurveConfig>(points: &[Affine<P>], lengths: &[u32]) {
        let sums = sum_segments(points.to_vec(), lengths.to_vec());
        assert_eq!(sums.len(), lengths.len());
        let mut start = 0;
        for (sum, &length) in sums.iter().zip(lengths) {
            let end = start + length as usize;
            let expected: ark_ec::short_weierstrass::Projective<P> =
                points[start..end].iter().map(|p| p.into_group()).sum();
            assert_eq!(*sum, expected.into_affine());
            start = end;
        }
    }

    #[test]
    fn sums_agree_with_the_complete_group_law_on_random_segments() {
        let mut rng = StdRng::seed_from_u64(1);
        let points: Vec<_> =
            (0..3000).map(|_| G1Projective::rand(&mut rng).into_affine()).collect();
        check::<g1::Config>(&points, &[0, 1, 2, 3, 0, 994, 2000, 0]);
        let points: Vec<_> = (0..50).map(|_| G2Projective::rand(&mut rng).into_affine()).collect();
        check::<g2::Config>(&points, &[17, 0, 32, 1]);
    }

    #[test]
    fn equal_opposite_and_identity_points_are_summed_right() {
        let g = G1Projective::generator();
        let p = g.into_affine();
        let minus = (-g).into_affine();
        let identity = Affine::identity();
        check::<g1::Config>(&[p, p], &[2]);
        check::<g1::Config>(&[p, minus], &[2]);
        check::<g1::Config>(&[identity, p, p, identity, identity, identity], &[2, 2, 2]);
        check::<g1::Config>(&[p, p, p, minus, minus, minus, p], &[7]);
        let mut rng = StdRng::seed_from_u64(2);
        let mixed: Vec<_> = (0..4000)
            .map(|_| match rng.next_u32() % 5 {
                0 => p,
                1 => minus,
                2 => identity,
                3 => (g + g).into_affine(),
                _ => (-(g + g)).into_affine(),
            })
            .collect();
        check::<g1::Config>(&mixed, &[1500, 2, 2, 2, 494, 2000]);
    }

    #[test]
    fn repeated_doubling_agrees_with_scalar_multiplication() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut points: Vec<_> =
            (0..1500).map(|_| G1Projective::rand(&mut rng).into_affine()).collect();
        points[7] = Affine::identity();
        let expected: Vec<_> =
            points.iter().map(|p| p.mul_bigint([1u64 << 13]).into_affine()).collect();
        double_all::<g1::Config>(&mut points, 13);
        assert_eq!(points, expected);
    }
}
