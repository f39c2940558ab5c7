//! The Grain LFSR in self-shrinking mode, which yields Poseidon's constants.

use super::params::{FULL_ROUNDS, partial_rounds};
use crate::field::Fr;
use ark_ff::{BigInteger256, Field, PrimeField};

const FIELD_BITS: u64 = 254;

struct Grain {
    state: [bool; 80],
    position: usize,
}

impl Grain {
    fn new(width: u64, full_rounds: u64, partial_rounds: u64) -> Self {
        let mut bits = Vec::with_capacity(80);
        // Prime field, x^alpha S-box, field size, width, rounds, then ones.
        let fields = [
            (1, 2),
            (0, 4),
            (FIELD_BITS, 12),
            (width, 12),
            (full_rounds, 10),
            (partial_rounds, 10),
            ((1 << 30) - 1, 30),
        ];
        for (value, length) in fields {
            bits.extend((0..length).rev().map(|i| value >> i & 1 == 1));
        }
        let mut state = [false; 80];
        state.copy_from_slice(&bits);
        let mut grain = Self { state, position: 0 };
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let tap = |offset: usize| self.state[(self.position + offset) % 80];
        let bit = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
        self.state[self.position] = bit;
        self.position = (self.position + 1) % 80;
        bit
    }

    fn next_bit(&mut self) -> bool {
        loop {
            let keep = self.step();
            let bit = self.step();
            if keep {
                return bit;
            }
        }
    }

    fn next_integer(&mut self) -> BigInteger256 {
        let mut limbs = [0u64; 4];
        for i in (0..FIELD_BITS as usize).rev() {
            limbs[i / 64] |= u64::from(self.next_bit()) << (i % 64);
        }
        BigInteger256::new(limbs)
    }

    fn next_below_modulus(&mut self) -> Fr {
        loop {
            if let Some(element) = Fr::from_bigint(self.next_integer()) {
                return element;
            }
        }
    }

    fn next_reduced(&mut self) -> Fr {
        let integer = self.next_integer();
        Fr::from_le_bytes_mod_order(&ark_ff::BigInteger::to_bytes_le(&integer))
    }
}

/// Round constants (round by round) and the Cauchy MDS matrix of a width.
pub(super) fn generate(width: usize) -> (Vec<Fr>, Vec<Vec<Fr>>) {
    let partial = partial_rounds(width);
    let mut grain = Grain::new(width as u64, FULL_ROUNDS as u64, partial as u64);
    let constants =
        (0..(FULL_ROUNDS + partial) * width).map(|_| grain.next_below_modulus()).collect();
    let points: Vec<Fr> = (0..2 * width).map(|_| grain.next_reduced()).collect();
    let (xs, ys) = points.split_at(width);
    let mds = xs
        .iter()
        .map(|x| ys.iter().map(|y| (*x + y).inverse().unwrap_or_default()).collect())
        .collect();
    (constants, mds)
}
