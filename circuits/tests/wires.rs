//! Every wire is held by a constraint: a changed value breaks one, or its freedom is explained.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use attestry_circuits::r1cs::{ConstraintMatrices, Row, assign, matrices};
use attestry_circuits::sample::Sample;
use attestry_circuits::{Fr, Statement};

fn dot(row: &Row, z: &[Fr]) -> Fr {
    row.iter().map(|(coefficient, column)| *coefficient * z[*column]).sum()
}

/// For each column the rows that use it.
fn rows_by_column(matrices: &ConstraintMatrices) -> Vec<Vec<usize>> {
    let mut rows = vec![vec![]; matrices.num_instance + matrices.num_witness];
    for i in 0..matrices.num_constraints() {
        for row in [&matrices.a[i], &matrices.b[i], &matrices.c[i]] {
            row.iter().for_each(|(_, column)| rows[*column].push(i));
        }
    }
    rows
}

#[test]
fn the_assignment_satisfies_the_matrices_and_carries_their_products() {
    let matrices = matrices();
    let assignment = assign(&Sample::new(5).statement, &Sample::new(5).witness).unwrap();
    for i in 0..matrices.num_constraints() {
        assert_eq!(dot(&matrices.a[i], &assignment.z), assignment.az[i]);
        assert_eq!(dot(&matrices.b[i], &assignment.z), assignment.bz[i]);
        assert_eq!(dot(&matrices.c[i], &assignment.z), assignment.az[i] * assignment.bz[i]);
    }
}

/// The hint for "is not equal": the inverse of a distance, asked for only if the slot is said to
/// differ. Where the distance is 0 and the slot does not ask, any hint will do.
fn is_unasked_inverse(
    matrices: &ConstraintMatrices,
    rows: &[usize],
    z: &[Fr],
    column: usize,
) -> bool {
    let [row] = rows else { return false };
    matrices.b[*row] == [(Fr::from(1u64), column)]
        && dot(&matrices.a[*row], z) == Fr::from(0u64)
        && dot(&matrices.c[*row], z) == Fr::from(0u64)
}

#[test]
fn every_changed_wire_breaks_a_constraint() {
    let matrices = matrices();
    let rows = rows_by_column(matrices);
    let sample = Sample::new(5);
    let z = assign(&sample.statement, &sample.witness).unwrap().z.clone();
    for (column, rows) in rows.iter().enumerate().skip(matrices.num_instance) {
        let changes = [z[column] + Fr::from(1u64), -z[column], z[column - 1]];
        for changed in changes.into_iter().filter(|changed| *changed != z[column]) {
            let mut flipped = z.clone();
            flipped[column] = changed;
            let breaks = rows.iter().any(|&i| {
                let product = dot(&matrices.a[i], &flipped) * dot(&matrices.b[i], &flipped);
                product != dot(&matrices.c[i], &flipped)
            });
            let allowed = is_unasked_inverse(matrices, rows, &z, column);
            assert!(breaks || allowed, "wire {column} is free");
        }
    }
}

#[test]
fn every_public_input_is_used_by_a_constraint() {
    let matrices = matrices();
    let rows = rows_by_column(matrices);
    for (rows, name) in rows[1..matrices.num_instance].iter().zip(Statement::INPUT_NAMES) {
        assert!(!rows.is_empty(), "{name}");
    }
}
