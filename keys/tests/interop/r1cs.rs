//! The circuit as an `.r1cs` file.

use crate::node;
use crate::toy::Toy;
use attestry_circuits::r1cs::{ConstraintMatrices, Row, matrices};
use attestry_keys::interop::r1cs::{read, write};
use std::fs;

fn rows(matrices: &ConstraintMatrices) -> [&Vec<Row>; 3] {
    [&matrices.a, &matrices.b, &matrices.c]
}

#[test]
fn the_presentation_circuit_is_read_as_it_was_written() {
    let read = read(&write(matrices())).unwrap();
    assert_eq!(rows(&read), rows(matrices()));
    assert_eq!(read.sha256(), matrices().sha256());
}

#[test]
fn snarkjs_sees_the_presentation_circuits_sizes() {
    if !node::is_there("snarkjs_sees_the_presentation_circuits_sizes") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.r1cs"), write(matrices())).unwrap();
    let said = node::snarkjs_does(folder.path(), "r1cs info c.r1cs");
    let wires = matrices().num_instance + matrices().num_witness;
    for line in [
        "Curve: bn-128".to_owned(),
        format!("# of Wires: {wires}"),
        format!("# of Constraints: {}", matrices().num_constraints()),
        format!("# of Public Inputs: {}", matrices().num_instance - 1),
        format!("# of Private Inputs: {}", matrices().num_witness),
        format!("# of Labels: {wires}"),
        "# of Outputs: 0".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}: {said}");
    }
}

#[test]
fn refuses_truncations_suffixes_and_damaged_lengths() {
    let file = write(&Toy::new(1, 1).matrices);
    read(&file).unwrap();
    for len in 0..file.len() {
        assert!(read(&file[..len]).is_err(), "{len} bytes");
    }
    assert!(read(&[file.as_slice(), &[0]].concat()).is_err());
    // A changed byte is another file or none, and never a panic or a large allocation.
    for index in 0..file.len() {
        for value in [0, file[index] ^ 1, 0xff] {
            let mut changed = file.clone();
            changed[index] = value;
            if let Ok(matrices) = read(&changed) {
                assert!(matrices.num_constraints() <= file.len());
            }
        }
    }
}

#[test]
fn refuses_more_wires_than_are_labelled() {
    let mut file = write(matrices());
    // The header section comes first: magic, version, sections, its type and length; then the
    // element's length and the modulus.
    let wires = 12 + 12 + 4 + 32;
    let count = u32::from_le_bytes(file[wires..wires + 4].try_into().unwrap());
    assert_eq!(count as usize, matrices().num_instance + matrices().num_witness);
    file[wires..wires + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = read(&file).unwrap_err().to_string();
    assert!(error.contains("one label for each wire"), "{error}");
}
