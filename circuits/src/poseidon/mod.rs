//! Poseidon over the BN254 scalar field, compatible with circomlib for widths 2 to 17.
//!
//! S-box x⁵, 8 full rounds, partial rounds by width; constants from the Grain generator of the
//! Poseidon paper (<https://eprint.iacr.org/2019/458>, appendix F). Partial rounds use the sparse
//! factorisation of appendix B, which changes no output.

mod grain;
mod params;

pub(crate) use params::{FULL_ROUNDS, Parameters};

use crate::field::{Fr, dot};
use ark_ff::{AdditiveGroup, Field};

/// The most inputs that one permutation takes besides its capacity element.
pub const MAX_INPUTS: usize = 16;

/// circomlib's `Poseidon(n)`: capacity zero, the inputs, first element out.
///
/// # Panics
/// If there are no inputs or more than [`MAX_INPUTS`]: the count is a property of the caller's
/// code, never of data.
pub fn hash(inputs: &[Fr]) -> Fr {
    hash_from(Fr::ZERO, inputs)
}

/// As [`hash`], with the capacity element set to `tag` to separate domains.
///
/// # Panics
/// As [`hash`].
pub fn hash_tagged(tag: u64, inputs: &[Fr]) -> Fr {
    hash_from(Fr::from(tag), inputs)
}

/// As [`hash`], with the given capacity element: circomlib's `PoseidonEx` with `initialState`.
/// Chaining it absorbs more than [`MAX_INPUTS`] elements.
///
/// # Panics
/// As [`hash`].
pub fn hash_from(capacity: Fr, inputs: &[Fr]) -> Fr {
    let mut state = [capacity; MAX_INPUTS + 1];
    let state = &mut state[..=inputs.len()];
    state[1..].copy_from_slice(inputs);
    permute(state);
    state[0]
}

/// The permutation, in place; the width is the length of the state.
///
/// # Panics
/// If the width is not in 2..=17.
pub fn permute(state: &mut [Fr]) {
    let parameters = Parameters::of_width(state.len());
    let mut scratch = [Fr::ZERO; MAX_INPUTS + 1];
    let scratch = &mut scratch[..state.len()];
    let half = FULL_ROUNDS / 2;
    for round in 0..half {
        full_round(state, &parameters.full_constants[round]);
        let matrix = if round + 1 == half { &parameters.pre_sparse } else { &parameters.mds };
        multiply(matrix, state, scratch);
    }
    for (constant, sparse) in parameters.partial_constants.iter().zip(&parameters.sparse) {
        let first = sbox(state[0] + constant);
        state[0] = first;
        state[0] = dot(&sparse.row, state);
        for (element, factor) in state[1..].iter_mut().zip(&sparse.column) {
            *element += first * factor;
        }
    }
    for constants in &parameters.full_constants[half..] {
        full_round(state, constants);
        multiply(&parameters.mds, state, scratch);
    }
}

fn full_round(state: &mut [Fr], constants: &[Fr]) {
    for (element, constant) in state.iter_mut().zip(constants) {
        *element = sbox(*element + constant);
    }
}

fn multiply(matrix: &[Vec<Fr>], state: &mut [Fr], scratch: &mut [Fr]) {
    for (out, row) in scratch.iter_mut().zip(matrix) {
        *out = dot(row, state);
    }
    state.copy_from_slice(scratch);
}

/// x⁵.
pub(crate) fn sbox(x: Fr) -> Fr {
    let fourth = x.square().square();
    fourth * x
}

#[cfg(test)]
mod tests {
    use super::params::partial_rounds;
    use super::*;

    /// The textbook rounds, without the sparse factorisation.
    fn permute_plainly(state: &mut [Fr]) {
        let width = state.len();
        let (constants, mds) = grain::generate(width);
        let partial = partial_rounds(width);
        let mut scratch = state.to_vec();
        for (round, constants) in constants.chunks(width).enumerate() {
            for (element, constant) in state.iter_mut().zip(constants) {
                *element += constant;
            }
            let full = round < FULL_ROUNDS / 2 || round >= FULL_ROUNDS / 2 + partial;
            let sboxes = if full { width } else { 1 };
            state[..sboxes].iter_mut().for_each(|x| *x = sbox(*x));
            multiply(&mds, state, &mut scratch);
        }
    }

    #[test]
    fn sparse_rounds_equal_the_textbook_rounds_for_every_width() {
        for width in 2..=17 {
            let mut fast: Vec<Fr> = (0..width as u64).map(|i| Fr::from(i * i + 7)).collect();
            let mut plain = fast.clone();
            permute(&mut fast);
            permute_plainly(&mut plain);
            assert_eq!(fast, plain, "width {width}");
        }
    }
}
