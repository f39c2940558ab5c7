//! Every wire is held by a constraint: a changed value breaks one, or its freedom is explained.
//!
//! Changes of single wires and of neighbours; what several wires together could do is searched in
//! `r1cs::tests::uniqueness`, by deriving all that follows from the inputs and the choices.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ark_ff::UniformRand;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::r1cs::{ConstraintMatrices, Row, assign, matrices};
use attestry_circuits::sample::Sample;
use attestry_circuits::{Fr, Statement};

fn dot(row: &Row, z: &[Fr]) -> Fr {
    row.iter().map(|(coefficient, column)| *coefficient * z[*column]).sum()
}

/// For each column the rows that use it, so that a change costs only these.
fn rows_by_column(matrices: &ConstraintMatrices) -> Vec<Vec<usize>> {
    let mut rows = vec![vec![]; matrices.num_instance + matrices.num_witness];
    for i in 0..matrices.num_constraints() {
        for row in [&matrices.a[i], &matrices.b[i], &matrices.c[i]] {
            row.iter().for_each(|(_, column)| rows[*column].push(i));
        }
    }
    rows.iter_mut().for_each(|rows| rows.dedup());
    rows
}

fn holds(matrices: &ConstraintMatrices, row: usize, z: &[Fr]) -> bool {
    dot(&matrices.a[row], z) * dot(&matrices.b[row], z) == dot(&matrices.c[row], z)
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

/// The allow-list, of one kind. The hint for "is not equal" is the inverse of a distance, asked
/// for only if the slot is said to differ. Where the distance is 0 and the slot does not ask, the
/// wire's only constraint is 0 · hint = 0.
fn is_unasked_inverse(
    matrices: &ConstraintMatrices,
    rows: &[usize],
    z: &[Fr],
    column: usize,
) -> bool {
    let [row] = rows else { return false };
    let only = [(Fr::from(1u64), column)];
    let (a, b) = (&matrices.a[*row], &matrices.b[*row]);
    let other = if *b == only { a } else { b };
    (*a == only || *b == only)
        && dot(other, z) == Fr::from(0u64)
        && dot(&matrices.c[*row], z) == Fr::from(0u64)
}

#[test]
fn every_changed_wire_breaks_a_constraint() {
    let matrices = matrices();
    let rows = rows_by_column(matrices);
    let mut rng = StdRng::seed_from_u64(1);
    let mut allowed = 0;
    for seed in [5, 6] {
        let sample = Sample::new(seed);
        let z = assign(&sample.statement, &sample.witness).unwrap().z.clone();
        let mut changed = z.clone();
        for column in matrices.num_instance..z.len() {
            let (value, neighbour) = (z[column], z[column - 1]);
            let forged = [Fr::rand(&mut rng), value + Fr::from(1u64), -value, neighbour];
            for forged in forged.into_iter().filter(|forged| *forged != value) {
                changed[column] = forged;
                let breaks = rows[column].iter().any(|row| !holds(matrices, *row, &changed));
                let free = is_unasked_inverse(matrices, &rows[column], &z, column);
                assert!(breaks || free, "wire {column} is free");
                allowed += usize::from(!breaks);
            }
            changed[column] = value;
        }
    }
    assert!(allowed > 0, "the allow-list is not needed any more");
}

#[test]
fn neighbours_that_change_places_break_a_constraint() {
    let matrices = matrices();
    let rows = rows_by_column(matrices);
    let sample = Sample::new(5);
    let mut z = assign(&sample.statement, &sample.witness).unwrap().z.clone();
    for column in matrices.num_instance + 1..z.len() {
        if z[column - 1] == z[column] {
            continue;
        }
        z.swap(column - 1, column);
        let mut touched = rows[column - 1].iter().chain(&rows[column]);
        let breaks = touched.any(|row| !holds(matrices, *row, &z));
        z.swap(column - 1, column);
        let free = [column - 1, column]
            .iter()
            .all(|wire| is_unasked_inverse(matrices, &rows[*wire], &z, *wire));
        assert!(breaks || free, "wires {} and {column} can change places", column - 1);
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

#[test]
fn every_changed_public_input_breaks_a_constraint() {
    let matrices = matrices();
    let rows = rows_by_column(matrices);
    let sample = Sample::new(5);
    let mut z = assign(&sample.statement, &sample.witness).unwrap().z.clone();
    for column in 1..matrices.num_instance {
        z[column] += Fr::from(1u64);
        let breaks = rows[column].iter().any(|row| !holds(matrices, *row, &z));
        z[column] -= Fr::from(1u64);
        assert!(breaks, "{}", Statement::INPUT_NAMES[column - 1]);
    }
}
