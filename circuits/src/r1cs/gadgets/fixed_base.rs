//! s·B for the generator B, by signed 3-bit windows.
//!
//! s is written as Σ dᵢ·8ⁱ over 84 windows with odd digits dᵢ in −7..=7: with
//! K = (s + 8⁸⁴ − 1)/2 modulo the group order and its octal digits kᵢ, dᵢ = 2kᵢ − 7. A window's
//! variables are the digit's sign and the two bits of its magnitude's index, so every assignment
//! of them is some scalar; none needs to be canonical.
//!
//! Montgomery additions are safe up to the last window: before window i < 83 the sum is k·B with
//! |k| < 8ⁱ and the term is d·8ⁱ·B with 1 ≤ |d| ≤ 7, so neither their sum nor their difference is a
//! multiple of the order. The last addition is the complete Edwards one.

use super::bits::with_sign;
use super::montgomery::{Edwards, Montgomery};
use super::slopes::{self, Term};
use crate::field::Fr;
use crate::jubjub::{Point, Scalar, montgomery_coordinates};
use crate::r1cs::backend::{Backend, Linear};
use ark_ec::{AdditiveGroup as _, CurveGroup};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective};
use ark_ff::{BigInteger, Field, PrimeField};
use std::sync::OnceLock;
use zeroize::Zeroizing;

const WINDOWS: usize = 84;

/// Something for each magnitude of a digit: 1, 3, 5 and 7.
type Window<T> = [T; 4];

struct Tables {
    /// 1, 3, 5 and 7 times 8ⁱ·B.
    points: Vec<Window<EdwardsAffine>>,
    /// Their u and v, for all windows but the last.
    montgomery: Vec<Window<(Fr, Fr)>>,
    /// Their x and y, for the last window.
    edwards: Window<(Fr, Fr)>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut power = Point::base().to_projective();
        let mut points: Vec<EdwardsProjective> = Vec::with_capacity(4 * WINDOWS);
        for _ in 0..WINDOWS {
            let double = power.double();
            let mut odd = power;
            for _ in 0..4 {
                points.push(odd);
                odd += double;
            }
            power = double.double().double();
        }
        let (by_montgomery, by_edwards) = points.split_at(4 * (WINDOWS - 1));
        let montgomery = montgomery_coordinates(by_montgomery);
        let edwards = [0, 1, 2, 3].map(|i| Point::of_projective(by_edwards[i]));
        Tables {
            points: EdwardsProjective::normalize_batch(&points).as_chunks().0.to_vec(),
            montgomery: montgomery.as_chunks().0.to_vec(),
            edwards: edwards.map(|point| point.map(|p| (p.x(), p.y())).unwrap_or_default()),
        }
    })
}

/// Sign (true for plus) and magnitude index of each window's digit.
fn digits(scalar: &Scalar) -> Vec<(bool, u8)> {
    let half = Scalar::from(2u64).inverse().unwrap_or_default();
    let top = Scalar::from(8u64).pow([WINDOWS as u64]);
    let shifted = ((*scalar + top - Scalar::from(1u64)) * half).into_bigint();
    (0..WINDOWS)
        .map(|i| {
            let bit = |j| shifted.get_bit(3 * i + j);
            let low = u8::from(bit(0)) | u8::from(bit(1)) << 1;
            if bit(2) { (true, low) } else { (false, 3 - low) }
        })
        .collect()
}

/// scalar · B: 674 constraints.
pub(in crate::r1cs) fn multiply_base<B: Backend>(b: &mut B, scalar: &Scalar) -> Edwards<B::Num> {
    let digits = Zeroizing::new(digits(scalar));
    let tables = tables();
    let windows = tables.montgomery.iter().zip(&tables.points).zip(digits.iter());
    let terms = windows.map(|((coordinates, points), (positive, index))| {
        let (u, v) = coordinates[usize::from(*index)];
        let point = points[usize::from(*index)];
        if *positive {
            Term { point, coordinates: (u, v) }
        } else {
            Term { point: -point, coordinates: (u, -v) }
        }
    });
    let terms: Zeroizing<Vec<Term>> = Zeroizing::new(terms.collect());
    let slopes = slopes::of_sum(&terms);
    let mut slopes = slopes.iter();
    let mut sum: Option<Montgomery<B::Num>> = None;
    for (window, digit) in tables.montgomery.iter().zip(digits.iter()) {
        let (sign, (u, magnitude)) = look_up(b, window, *digit);
        let v = with_sign(b, &magnitude, &sign);
        let term = Montgomery { u, v };
        sum = Some(match sum {
            None => term,
            Some(sum) => sum.add(b, &term, slopes.next().copied().unwrap_or_default()),
        });
    }
    let last = digits[WINDOWS - 1];
    let (sign, (magnitude, y)) = look_up(b, &tables.edwards, last);
    let x = with_sign(b, &magnitude, &sign);
    let term = Edwards { x, y };
    match sum {
        None => term,
        Some(sum) => sum.to_edwards(b).add(b, &term),
    }
}

/// The sign, 1 for plus, and the coordinates for the magnitude: 4 constraints.
fn look_up<B: Backend>(
    b: &mut B,
    window: &Window<(Fr, Fr)>,
    (positive, index): (bool, u8),
) -> (B::Num, (B::Num, B::Num)) {
    let sign = b.boolean(positive);
    let low = b.boolean(index & 1 == 1);
    let high = b.boolean(index & 2 == 2);
    let both = b.product(&low, &high);
    let interpolate = |at: [Fr; 4]| {
        let mut sum = B::Num::constant(at[0]);
        sum.add_scaled(&low, at[1] - at[0]);
        sum.add_scaled(&high, at[2] - at[0]);
        sum.add_scaled(&both, at[3] - at[2] - at[1] + at[0]);
        sum
    };
    (sign, (interpolate(window.map(|p| p.0)), interpolate(window.map(|p| p.1))))
}
