//! Multiples of a verifying key's input bases, so that combining public inputs takes additions
//! only.

use crate::prover::batch_affine::{double_all, sum_segments};
use ark_bn254::{Fr, G1Affine, G1Projective, g1};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, BigInt, PrimeField, Zero};

/// Bits of a window.
const WINDOW_BITS: u32 = 6;
/// Windows of a scalar below 2^254, with the carry of signed digits.
const WINDOWS: usize = 255usize.div_ceil(WINDOW_BITS as usize);
/// Multiples kept for a window: 1 to 2^5.
const MULTIPLES: usize = 1 << (WINDOW_BITS - 1);
/// Partial sums that are left for complete additions once inversions cost more.
const PARTIAL_SUMS: usize = 32;

/// For each input, each window w and each m in 1..=32: m·2^(6w)·base.
#[derive(Clone)]
pub(crate) struct InputTables {
    constant: G1Affine,
    points: Vec<G1Affine>,
}

impl InputTables {
    /// Tables for the bases of the constant one and of the public inputs.
    pub(crate) fn new(bases: &[G1Affine]) -> Self {
        let (constant, bases) = bases.split_first().map_or_else(
            || (G1Affine::identity(), [].as_slice()),
            |(constant, bases)| (*constant, bases),
        );
        // shifted[input·WINDOWS + window] = 2^(6·window)·base.
        let mut shifted = vec![G1Affine::identity(); bases.len() * WINDOWS];
        let mut current = bases.to_vec();
        for window in 0..WINDOWS {
            if window > 0 {
                double_all::<g1::Config>(&mut current, WINDOW_BITS);
            }
            for (slot, point) in shifted.iter_mut().skip(window).step_by(WINDOWS).zip(&current) {
                *slot = *point;
            }
        }
        let mut points = vec![G1Affine::identity(); shifted.len() * MULTIPLES];
        let mut multiple = shifted.clone();
        for m in 0..MULTIPLES {
            if m > 0 {
                let pairs = multiple.iter().zip(&shifted).flat_map(|(p, q)| [*p, *q]).collect();
                multiple = sum_segments(pairs, vec![2; shifted.len()]);
            }
            for (slot, point) in points.iter_mut().skip(m).step_by(MULTIPLES).zip(&multiple) {
                *slot = *point;
            }
        }
        Self { constant, points }
    }

    /// constant + Σ inputᵢ·baseᵢ.
    pub(crate) fn combine(&self, inputs: &[Fr]) -> G1Affine {
        (self.weighted(inputs) + self.constant).into_affine()
    }

    /// Σ inputᵢ·baseᵢ.
    pub(crate) fn weighted(&self, inputs: &[Fr]) -> G1Projective {
        let mut terms = Vec::with_capacity(inputs.len() * WINDOWS);
        for (input, table) in inputs.iter().zip(self.points.chunks_exact(WINDOWS * MULTIPLES)) {
            if input.is_zero() {
                continue;
            }
            let scalar = input.into_bigint();
            let mut carry = 0i64;
            for (window, multiples) in table.chunks_exact(MULTIPLES).enumerate() {
                let mut digit = window_of(&scalar, window) + carry;
                carry = i64::from(digit > MULTIPLES as i64);
                digit -= carry << WINDOW_BITS;
                if digit != 0 {
                    let point = multiples[digit.unsigned_abs() as usize - 1];
                    terms.push(if digit < 0 { -point } else { point });
                }
            }
        }
        let lengths = (0..PARTIAL_SUMS)
            .map(|i| ((i + 1) * terms.len() / PARTIAL_SUMS - i * terms.len() / PARTIAL_SUMS) as u32)
            .collect();
        let mut sum = G1Projective::ZERO;
        for partial in sum_segments(terms, lengths) {
            sum += partial;
        }
        sum
    }

    /// Σ inputᵢ·baseᵢ + factor·constant.
    pub(crate) fn combine_scaled(&self, factor: Fr, inputs: &[Fr]) -> G1Affine {
        (self.weighted(inputs) + self.constant * factor).into_affine()
    }
}

fn window_of(scalar: &BigInt<4>, window: usize) -> i64 {
    let start = window * WINDOW_BITS as usize;
    let (limb, shift) = (start / 64, start % 64);
    let mut value = scalar.0[limb] >> shift;
    if shift + WINDOW_BITS as usize > 64 && limb < 3 {
        value |= scalar.0[limb + 1] << (64 - shift);
    }
    (value & ((1 << WINDOW_BITS) - 1)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn combined_inputs_agree_with_scalar_multiplication() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut bases: Vec<_> =
            (0..6).map(|_| G1Projective::rand(&mut rng).into_affine()).collect();
        bases[4] = -bases[3];
        bases[5] = G1Affine::identity();
        let tables = InputTables::new(&bases);
        let same = Fr::rand(&mut rng);
        for inputs in [
            [Fr::zero(); 5],
            [-Fr::from(1u64); 5],
            [same; 5],
            [Fr::from(31u64), Fr::from(32u64), Fr::from(33u64), Fr::from(64u64), same],
            std::array::from_fn(|_| Fr::rand(&mut rng)),
        ] {
            let expected: G1Projective =
                bases[1..].iter().zip(&inputs).map(|(base, input)| *base * input).sum();
            assert_eq!(tables.weighted(&inputs), expected);
            assert_eq!(tables.combine(&inputs), (expected + bases[0]).into_affine());
            let scaled = (expected + bases[0] * same).into_affine();
            assert_eq!(tables.combine_scaled(same, &inputs), scaled);
        }
    }
}
