//! Constants per width, with the partial rounds' matrices in sparse form.

use super::grain;
use crate::field::Fr;
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
                *constant += row.iter().zip(&carried).map(|(a, b)| *a * b).sum::<Fr>();
            }
        }
        rounds.drain(half..half + partial);

        // M = sparse · diag(1, M̂), and diag(1, M̂) passes the S-box of element 0: from the last
        // partial round backwards, the dense part moves into the round before.
        let mut dense = mds.clone();
        let mut sparse: Vec<SparseMatrix> = (0..partial)
            .map(|_| {
                let (factor, rest) = factorise(&dense);
                dense = product(&rest, &mds);
                factor
            })
            .collect();
        sparse.reverse();
        Self { full_constants: rounds, partial_constants, mds, pre_sparse: dense, sparse }
    }
}

/// Writes a matrix as sparse · diag(1, its lower right block).
fn factorise(matrix: &[Vec<Fr>]) -> (SparseMatrix, Vec<Vec<Fr>>) {
    let width = matrix.len();
    let block: Vec<Vec<Fr>> = matrix[1..].iter().map(|row| row[1..].to_vec()).collect();
    let inverse = invert(&block);
    let rest_of_row =
        (0..width - 1).map(|j| (0..width - 1).map(|i| matrix[0][i + 1] * inverse[i][j]).sum());
    let row = std::iter::once(matrix[0][0]).chain(rest_of_row).collect();
    let column = matrix[1..].iter().map(|row| row[0]).collect();
    let mut rest = vec![vec![Fr::ZERO; width]; width];
    rest[0][0] = Fr::ONE;
    for (target, source) in rest[1..].iter_mut().zip(&block) {
        target[1..].copy_from_slice(source);
    }
    (SparseMatrix { row, column }, rest)
}

fn product(a: &[Vec<Fr>], b: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    a.iter()
        .map(|row| {
            (0..b[0].len()).map(|j| row.iter().zip(b).map(|(x, r)| *x * r[j]).sum()).collect()
        })
        .collect()
}

/// Gauss–Jordan inverse. Every square block of a Cauchy matrix is invertible, and so are its
/// products, so a pivot is always found.
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
