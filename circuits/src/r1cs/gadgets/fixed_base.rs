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

use super::bits::{boolean, product};
use super::montgomery::{Edwards, Montgomery};
use crate::field::Fr;
use crate::jubjub::{Point, Scalar};
use crate::r1cs::backend::{Backend, Linear};
use ark_ff::{BigInteger, Field, PrimeField};
use std::sync::OnceLock;

const WINDOWS: usize = 84;

/// (first, second) coordinates of 1, 3, 5 and 7 times 8ⁱ·B.
type Window = [(Fr, Fr); 4];

struct Tables {
    /// u and v for all windows but the last.
    montgomery: Vec<Window>,
    /// x and y for the last window.
    edwards: Window,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut power = Scalar::from(1u64);
        let mut windows: Vec<Window> = (0..WINDOWS)
            .map(|_| {
                let window = [1u64, 3, 5, 7].map(|odd| {
                    let point = Point::base().multiply(&(power * Scalar::from(odd)));
                    point.map(|p| (p.x(), p.y())).unwrap_or_default()
                });
                power *= Scalar::from(8u64);
                window
            })
            .collect();
        let edwards = windows.pop().unwrap_or_default();
        let to_montgomery = |(x, y): (Fr, Fr)| {
            let u = (Fr::ONE + y) * (Fr::ONE - y).inverse().unwrap_or_default();
            (u, u * x.inverse().unwrap_or_default())
        };
        let montgomery = windows.into_iter().map(|w| w.map(to_montgomery)).collect();
        Tables { montgomery, edwards }
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
    let digits = digits(scalar);
    let mut sum: Option<Montgomery<B::Num>> = None;
    for (window, digit) in tables().montgomery.iter().zip(&digits) {
        let (sign, (u, magnitude)) = look_up(b, window, *digit);
        let v = product(b, &magnitude, &sign);
        let term = Montgomery { u, v };
        sum = Some(match sum {
            None => term,
            Some(sum) => sum.add(b, &term),
        });
    }
    let last = digits[WINDOWS - 1];
    let (sign, (magnitude, y)) = look_up(b, &tables().edwards, last);
    let x = product(b, &magnitude, &sign);
    let term = Edwards { x, y };
    match sum {
        None => term,
        Some(sum) => sum.to_edwards(b).add(b, &term),
    }
}

/// The sign as ±1 and the coordinates for the magnitude: 4 constraints.
fn look_up<B: Backend>(
    b: &mut B,
    window: &Window,
    (positive, index): (bool, u8),
) -> (B::Num, (B::Num, B::Num)) {
    let sign = boolean(b, positive).times(Fr::from(2u64)).offset(-Fr::ONE);
    let low = boolean(b, index & 1 == 1);
    let high = boolean(b, index & 2 == 2);
    let both = product(b, &low, &high);
    let interpolate = |at: [Fr; 4]| {
        let mut sum = B::Num::constant(at[0]);
        sum.add_scaled(&low, at[1] - at[0]);
        sum.add_scaled(&high, at[2] - at[0]);
        sum.add_scaled(&both, at[3] - at[2] - at[1] + at[0]);
        sum
    };
    (sign, (interpolate(window.map(|p| p.0)), interpolate(window.map(|p| p.1))))
}
