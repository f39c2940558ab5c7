//! The lanes agree with arkworks' arithmetic, on ordinary and on awkward operands.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{FftField, Field, PrimeField, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_lanes::{CosetTransform, Curve, Engine};
use std::io::Write;

/// The engine; where there is none, says that the test is skipped.
fn engine() -> Option<Engine> {
    let engine = Engine::detect();
    if engine.is_none() {
        let mut stderr = std::io::stderr();
        writeln!(stderr, "skipped: this processor has no AVX-512 IFMA").unwrap();
    }
    engine
}

fn check_sums<P: Curve>(engine: Engine, points: &[Affine<P>], entries: &[u32], lengths: &[u32]) {
    let packed: Vec<_> = points.iter().map(|point| P::pack(engine, point)).collect();
    let sums = P::sum_segments(engine, &packed, entries, lengths);
    assert_eq!(sums.len(), lengths.len());
    let mut rest = entries;
    for (sum, &length) in sums.iter().zip(lengths) {
        let (segment, others) = rest.split_at(length as usize);
        rest = others;
        let mut expected = Projective::<P>::default();
        for entry in segment {
            let point = points[(entry >> 1) as usize];
            expected += if entry & 1 == 1 { -point } else { point };
        }
        assert_eq!(P::unpack(engine, sum), expected.into_affine());
    }
}

fn random_points<P: Curve>(count: usize, rng: &mut StdRng) -> Vec<Affine<P>> {
    (0..count).map(|_| Projective::<P>::rand(rng).into_affine()).collect()
}

fn random_segments(points: usize, rng: &mut StdRng) -> (Vec<u32>, Vec<u32>) {
    let lengths: Vec<u32> = (0..300)
        .map(|_| match rng.next_u32() % 4 {
            0 => rng.next_u32() % 3,
            1 => rng.next_u32() % 40,
            2 => 1,
            _ => rng.next_u32() % 9,
        })
        .collect();
    let total: u32 = lengths.iter().sum();
    let entries = (0..total).map(|_| rng.next_u32() % (2 * points as u32)).collect();
    (entries, lengths)
}

fn sums_agree<P: Curve>() {
    let Some(engine) = engine() else { return };
    let mut rng = StdRng::seed_from_u64(1);
    let points = random_points::<P>(400, &mut rng);
    for _ in 0..4 {
        let (entries, lengths) = random_segments(points.len(), &mut rng);
        check_sums(engine, &points, &entries, &lengths);
    }
    // One long segment: several blocks at once.
    let entries: Vec<_> = (0..20_000).map(|_| rng.next_u32() % 800).collect();
    check_sums(engine, &points, &entries, &[20_000]);
    check_sums(engine, &points, &[], &[]);
    check_sums(engine, &points, &[], &[0, 0]);
}

#[test]
fn sums_in_g1_agree_with_the_complete_group_law() {
    sums_agree::<g1::Config>();
}

#[test]
fn sums_in_g2_agree_with_the_complete_group_law() {
    sums_agree::<g2::Config>();
}

fn awkward_sums_agree<P: Curve>() {
    let Some(engine) = engine() else { return };
    let g = Projective::<P>::generator();
    let small: Vec<_> = [g, -g, g + g, -(g + g), Projective::default(), g + g + g]
        .map(|point| point.into_affine())
        .to_vec();
    // Every pair of small multiples, with every sign.
    let pairs: Vec<u32> = (0..12).flat_map(|a| (0..12).flat_map(move |b| [a, b])).collect();
    check_sums(engine, &small, &pairs, &vec![2; pairs.len() / 2]);
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..4 {
        let (entries, lengths) = random_segments(small.len(), &mut rng);
        check_sums(engine, &small, &entries, &lengths);
    }
}

#[test]
fn equal_opposite_and_identity_points_are_summed_right_in_g1() {
    awkward_sums_agree::<g1::Config>();
}

#[test]
fn equal_opposite_and_identity_points_are_summed_right_in_g2() {
    awkward_sums_agree::<g2::Config>();
}

fn doublings_agree<P: Curve>() {
    let Some(engine) = engine() else { return };
    let mut rng = StdRng::seed_from_u64(3);
    let mut points = random_points::<P>(37, &mut rng);
    points[5] = Affine::identity();
    let mut packed: Vec<_> = points.iter().map(|point| P::pack(engine, point)).collect();
    P::double_all(engine, &mut packed, 13);
    for (double, point) in packed.iter().zip(&points) {
        let expected = point.mul_bigint([1u64 << 13]).into_affine();
        assert_eq!(P::unpack(engine, double), expected);
    }
}

#[test]
fn doublings_agree_with_scalar_multiplication_in_both_groups() {
    doublings_agree::<g1::Config>();
    doublings_agree::<g2::Config>();
}

#[test]
fn no_point_of_either_curve_has_x_zero() {
    // What makes x = 0 free to stand for the identity.
    assert!(Affine::<g1::Config>::get_point_from_x_unchecked(0.into(), false).is_none());
    assert!(Affine::<g2::Config>::get_point_from_x_unchecked(0.into(), false).is_none());
}

#[test]
fn transforms_agree_with_those_of_arkworks() {
    let Some(engine) = engine() else { return };
    let mut rng = StdRng::seed_from_u64(4);
    for log_size in [6, 7, 9, 13] {
        let size = 1usize << log_size;
        let domain = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
        let offset = Fr::get_root_of_unity(2 * size as u64).unwrap();
        let coset = domain.get_coset(offset).unwrap();
        let transform = CosetTransform::new(engine, log_size, offset).unwrap();
        let extremes = [Fr::from(0u64), Fr::ONE, -Fr::ONE];
        let mut values = |given: usize| -> Vec<Fr> {
            (0..given)
                .map(|i| match i % 5 {
                    0 => extremes[rng.next_u32() as usize % 3],
                    _ => Fr::rand(&mut rng),
                })
                .collect()
        };
        let (a, b) = (values(size), values(size - 5));
        let extended = |values: &[Fr]| coset.fft(&domain.ifft(values));
        let mut padded = b.clone();
        padded.resize(size, Fr::from(0u64));
        let expected: Vec<_> = extended(&a)
            .iter()
            .zip(extended(&padded))
            .map(|(a, b)| (*a * b).into_bigint())
            .collect();
        let (start, end) = a.split_at(size / 3);
        let mut products = Vec::new();
        transform.products(
            &transform.extend(&[start, end]),
            &transform.extend(&[&b]),
            &mut products,
        );
        assert!(products == expected, "size 2^{log_size}");
    }
    assert!(CosetTransform::new(engine, 5, Fr::ONE).is_none());
    assert!(CosetTransform::new(engine, 29, Fr::ONE).is_none());
    assert!(CosetTransform::new(engine, 64, Fr::ONE).is_none());
}
