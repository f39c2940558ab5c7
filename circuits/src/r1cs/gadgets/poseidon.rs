//! Poseidon: 3 constraints an S-box, none for the linear layers.

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

/// A hash but for its last constraint, square · cube = output − rest: the variable of that product
/// is the output itself, so that the last round's other products are in no row of A or B.
pub(in crate::r1cs) struct Output<N> {
    square: N,
    cube: N,
    rest: N,
}

impl<N: Linear> Output<N> {
    /// The hash, or zero where there are no values.
    pub(in crate::r1cs) fn value<B: Backend<Num = N>>(&self, b: &B) -> Fr {
        b.value(&self.square) * b.value(&self.cube) + b.value(&self.rest)
    }

    /// The hash as a new variable: 1 constraint.
    pub(in crate::r1cs) fn variable<B: Backend<Num = N>>(&self, b: &mut B) -> N {
        b.product_less(&self.square, &self.cube, &self.rest.negated())
    }

    /// The hash equals `expected`: 1 constraint.
    pub(in crate::r1cs) fn equals<B: Backend<Num = N>>(&self, b: &mut B, expected: &N) {
        b.enforce(&self.square, &self.cube, &expected.minus(&self.rest));
    }
}

/// As [`crate::poseidon::hash_from`]: 3·(8·t + partial rounds) constraints for width t, 3 less
/// with a tag, counting the one of [`Output::variable`] or [`Output::equals`].
pub(in crate::r1cs) fn hash<B: Backend>(
    b: &mut B,
    capacity: Capacity<B::Num>,
    inputs: &[B::Num],
) -> Output<B::Num> {
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
        state[0] = first.clone();
        state[0] = B::Num::dot(&sparse.row, &state);
        for (element, factor) in state[1..].iter_mut().zip(&sparse.column) {
            element.add_scaled(&first, *factor);
        }
    }
    for constants in &parameters.full_constants[half..FULL_ROUNDS - 1] {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element = sbox(b, &element.offset(*constant));
        }
        state = multiply(&parameters.mds, &state);
    }
    let last = &parameters.full_constants[FULL_ROUNDS - 1];
    let (square, cube) = square_and_cube(b, &state[0].offset(last[0]));
    for (element, constant) in state[1..].iter_mut().zip(&last[1..]) {
        *element = sbox(b, &element.offset(*constant));
    }
    let row = &parameters.mds[0];
    let rest = B::Num::dot(&row[1..], &state[1..]);
    Output { square: square.times(row[0]), cube, rest }
}

fn multiply<N: Linear>(matrix: &[Vec<Fr>], state: &[N]) -> Vec<N> {
    matrix.iter().map(|row| N::dot(row, state)).collect()
}

/// x⁵ = x² · x³, with x² in A and x³ in B only: beside x, either holds one variable an S-box.
fn sbox<B: Backend>(b: &mut B, x: &B::Num) -> B::Num {
    let (square, cube) = square_and_cube(b, x);
    b.product(&square, &cube)
}

fn square_and_cube<B: Backend>(b: &mut B, x: &B::Num) -> (B::Num, B::Num) {
    let square = b.product(x, x);
    let cube = b.product(&square, x);
    (square, cube)
}
