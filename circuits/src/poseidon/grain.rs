//! The Grain LFSR in self-shrinking mode, which yields Poseidon's constants.

use super::params::{FULL_ROUNDS, partial_rounds};
use crate::field::Fr;
use ark_ff::{BigInteger256, Field, PrimeField};

const FIELD_BITS: u64 = 254;

/// Bits that one step yields: the highest tap is 18 bits below the register's end.
const STEP: u32 = 16;

struct Grain {
    /// The register's 80 bits, the oldest lowest.
    register: u128,
    /// Bits kept and not yet used, the oldest lowest.
    kept: u128,
    count: u32,
}

impl Grain {
    fn new(width: u64, full_rounds: u64, partial_rounds: u64) -> Self {
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
        let mut register = 0;
        let mut position = 0;
        for (value, length) in fields {
            for i in (0..length).rev() {
                register |= u128::from(value >> i & 1) << position;
                position += 1;
            }
        }
        let mut grain = Self { register, kept: 0, count: 0 };
        for _ in 0..160 / STEP {
            grain.step();
        }
        grain
    }

    /// The register's next bits, the oldest lowest.
    fn step(&mut self) -> u128 {
        let register = self.register;
        let taps = [62, 51, 38, 23, 13, 0];
        let sum = taps.into_iter().fold(0, |sum, tap| sum ^ register >> tap);
        let bits = sum & ((1 << STEP) - 1);
        self.register = register >> STEP | bits << (80 - STEP);
        bits
    }

    /// Keeps of each pair of bits the second, if the first is set. Without a branch: they are
    /// random.
    fn refill(&mut self) {
        let bits = self.step();
        for pair in 0..STEP / 2 {
            let pair = bits >> (2 * pair);
            let keep = pair & 1;
            self.kept |= (pair >> 1 & keep) << self.count;
            self.count += keep as u32;
        }
    }

    fn next_bit(&mut self) -> bool {
        while self.count == 0 {
            self.refill();
        }
        let bit = self.kept & 1 == 1;
        self.kept >>= 1;
        self.count -= 1;
        bit
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
