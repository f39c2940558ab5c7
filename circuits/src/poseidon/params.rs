//! Constants per width, with the partial rounds' matrices in sparse form.

use super::grain;
use crate::field::{Fr, dot};
use ark_ff::{AdditiveGroup, Field};
use std::sync::OnceLock;

/// Full rounds, half before and half after the partial ones.
pub(crate) const FULL_ROUNDS: usize = 8;

const MIN_WIDTH: usize = 2;
const PARTIAL_ROUNDS: [usize; 16] =
    [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

/// Partial rounds of a width in 2..=17, as in circomlib.
///
/// # Panics
/// If the width is out of range.
pub(super) fn partial_rounds(width: usize) -> usize {
    PARTIAL_ROUNDS[width - MIN_WIDTH]
}

/// A matrix that is the identity but for its first row and column.
pub(crate) struct SparseMatrix {
    /// The first row.
    pub(crate) row: Vec<Fr>,
    /// The first column without the first row's element.
    pub(crate) column: Vec<Fr>,
}

/// Everything that the permutation of one width needs.
pub(crate) struct Parameters {
    /// Constants of each full round.
    pub(crate) full_constants: Vec<Vec<Fr>>,
    /// The one constant of each partial round; the others moved into later rounds.
    pub(crate) partial_constants: Vec<Fr>,
    /// The MDS matrix.
    pub(crate) mds: Vec<Vec<Fr>>,
    /// The dense matrix of the last full round before the partial ones.
    pub(crate) pre_sparse: Vec<Vec<Fr>>,
    /// The sparse matrix of each partial round.
    pub(crate) sparse: Vec<SparseMatrix>,
}

impl Parameters {
    /// The parameters of a width, made on first use.
    ///
    /// # Panics
    /// If the width is not in 2..=17.
    pub(crate) fn of_width(width: usize) -> &'static Self {
        static CACHE: [OnceLock<Parameters>; 16] = [const { OnceLock::new() }; 16];
        CACHE[width - MIN_WIDTH].get_or_init(|| Self::generate(width))
    }

    fn generate(width: usize) -> Self {
        let (constants, mds) = grain::generate(width);
        let mut rounds: Vec<Vec<Fr>> = constants.chunks(width).map(<[Fr]>::to_vec).collect();
        let half = FULL_ROUNDS / 2;
        let partial = partial_rounds(width);

        // A constant of an element without S-box passes it, so it moves through the matrix into
        // the next round.
        let mut partial_constants = Vec::with_capacity(partial);
        for round in half..half + partial {
            let mut carried = std::mem::take(&mut rounds[round]);
            partial_constants.push(carried[0]);
            carried[0] = Fr::ZERO;
            for (constant, row) in rounds[round + 1].iter_mut().zip(&mds) {
                *constant += dot(row, &carried);
            }
        }
        rounds.drain(half..half + partial);

        // With M = (m, v; c, M̂), M = (m, v·M̂⁻¹; c, 1) · diag(1, M̂), and diag(1, M̂) passes the S-box
        // of element 0: from the last partial round backwards it moves into the round before,
        // whose matrix is then diag(1, M̂)·M = (m, v; M̂·c, M̂²). So round k from the last has
        // the sparse matrix (m, v·M̂⁻ᵏ⁻¹; M̂ᵏ·c, 1), and diag(1, M̂ᵖ)·M is left before all p.
        let block: Vec<Vec<Fr>> = mds[1..].iter().map(|row| row[1..].to_vec()).collect();
        let inverse_columns = transpose(&invert(&block));
        let mut row = mds[0][1..].to_vec();
        let mut column: Vec<Fr> = mds[1..].iter().map(|row| row[0]).collect();
        let mut sparse: Vec<SparseMatrix> = (0..partial)
            .map(|_| {
                row = apply(&inverse_columns, &row);
                let next = apply(&block, &column);
                let column = std::mem::replace(&mut column, next);
                SparseMatrix { row: [&mds[0][..1], &row].concat(), column }
            })
            .collect();
        sparse.reverse();
        let mut dense = vec![mds[0].clone()];
        dense.extend(multiply_by_power(block, partial, mds[1..].to_vec()));
        Self { full_constants: rounds, partial_constants, mds, pre_sparse: dense, sparse }
    }
}

/// matrix · vector.
fn apply(matrix: &[Vec<Fr>], vector: &[Fr]) -> Vec<Fr> {
    matrix.iter().map(|row| dot(row, vector)).collect()
}

fn transpose(matrix: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    (0..matrix[0].len()).map(|j| matrix.iter().map(|row| row[j]).collect()).collect()
}

fn product(a: &[Vec<Fr>], b: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    let columns = transpose(b);
    a.iter().map(|row| apply(&columns, row)).collect()
}

/// base^exponent · matrix.
fn multiply_by_power(
    mut base: Vec<Vec<Fr>>,
    mut exponent: usize,
    mut matrix: Vec<Vec<Fr>>,
) -> Vec<Vec<Fr>> {
    while exponent > 0 {
        if exponent & 1 == 1 {
            matrix = product(&base, &matrix);
        }
        base = product(&base, &base);
        exponent >>= 1;
    }
    matrix
}

/// Gauss–Jordan inverse. Every square block of a Cauchy matrix is invertible, so a pivot is always
/// found.
fn invert(matrix: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    let n = matrix.len();
    let mut rows: Vec<Vec<Fr>> = matrix
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let unit = (0..n).map(|j| if i == j { Fr::ONE } else { Fr::ZERO });
            row.iter().copied().chain(unit).collect()
        })
        .collect();
    for pivot in 0..n {
        if let Some(found) = (pivot..n).find(|&i| rows[i][pivot] != Fr::ZERO) {
            rows.swap(pivot, found);
        }
        let inverse = rows[pivot][pivot].inverse().unwrap_or_default();
        rows[pivot].iter_mut().for_each(|x| *x *= inverse);
        let pivot_row = rows[pivot].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = row[pivot];
            if i != pivot && factor != Fr::ZERO {
                row.iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
            }
        }
    }
    rows.into_iter().map(|mut row| row.split_off(n)).collect()
}
