//! Poseidon: 3 constraints an S-box, none for the linear layers.

use super::bits::product;
use crate::field::Fr;
use crate::poseidon::{self, FULL_ROUNDS, Parameters};
use crate::r1cs::backend::{Backend, Linear};

/// The capacity element that a hash starts from.
#[derive(Clone)]
pub(in crate::r1cs) enum Capacity<N> {
    /// Known to the circuit: its first S-box costs nothing.
    Tag(u64),
    /// The output of an earlier permutation.
    Chained(N),
}

/// As [`crate::poseidon::hash_from`]: 3·(8·t + partial rounds) constraints for width t, 3 less
/// with a tag.
pub(in crate::r1cs) fn hash<B: Backend>(
    b: &mut B,
    capacity: Capacity<B::Num>,
    inputs: &[B::Num],
) -> B::Num {
    let parameters = Parameters::of_width(inputs.len() + 1);
    let half = FULL_ROUNDS / 2;
    let known_first = match capacity {
        Capacity::Tag(tag) => Some(poseidon::sbox(Fr::from(tag) + parameters.full_constants[0][0])),
        Capacity::Chained(_) => None,
    };
    let mut state = match capacity {
        Capacity::Tag(_) => vec![B::Num::zero()],
        Capacity::Chained(num) => vec![num],
    };
    state.extend_from_slice(inputs);

    for round in 0..half {
        for (i, element) in state.iter_mut().enumerate() {
            *element = match known_first {
                Some(value) if round == 0 && i == 0 => B::Num::constant(value),
                _ => sbox(b, &element.offset(parameters.full_constants[round][i])),
            };
        }
        let matrix = if round + 1 == half { &parameters.pre_sparse } else { &parameters.mds };
        state = multiply(matrix, &state);
    }
    for (constant, sparse) in parameters.partial_constants.iter().zip(&parameters.sparse) {
        let first = sbox(b, &state[0].offset(*constant));
        let mut sum = first.times(sparse.corner);
        for (element, factor) in state[1..].iter().zip(&sparse.row) {
            sum.add_scaled(element, *factor);
        }
        state[0] = sum;
        for (element, factor) in state[1..].iter_mut().zip(&sparse.column) {
            element.add_scaled(&first, *factor);
        }
    }
    for constants in &parameters.full_constants[half..] {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element = sbox(b, &element.offset(*constant));
        }
        state = multiply(&parameters.mds, &state);
    }
    state.swap_remove(0)
}

fn multiply<N: Linear>(matrix: &[Vec<Fr>], state: &[N]) -> Vec<N> {
    matrix
        .iter()
        .map(|row| {
            let mut sum = N::zero();
            row.iter().zip(state).for_each(|(factor, element)| sum.add_scaled(element, *factor));
            sum
        })
        .collect()
}

fn sbox<B: Backend>(b: &mut B, x: &B::Num) -> B::Num {
    let square = product(b, x, x);
    let fourth = product(b, &square, &square);
    product(b, &fourth, x)
}
