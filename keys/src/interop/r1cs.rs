//! The circuit as an iden3 `.r1cs` file, version 1, on which snarkjs can run a ceremony.
//!
//! Wires are in the order that Groth16 needs and arkworks uses: the one, the public inputs, the
//! witness. Every public wire is a public input, every other a private one; a wire's label is its
//! number.

use super::container::{Cursor, ELEMENT, Sections, Writer};
use super::elements::{element_bytes, modulus, read_element};
use crate::KeyError;
use crate::setup::sparse;
use ark_bn254::Fr;
use ark_ff::Zero;
use attestry_circuits::r1cs::{ConstraintMatrices, Row};

const FILE: &str = "r1cs file";
const MAGIC: &[u8; 4] = b"r1cs";
const VERSION: u32 = 1;

const HEADER: u32 = 1;
const CONSTRAINTS: u32 = 2;
const WIRE_LABELS: u32 = 3;

/// Bytes of a constraint without terms, and of a term.
const EMPTY_CONSTRAINT: usize = 3 * 4;
const TERM: usize = 4 + ELEMENT;

/// Writes the constraints.
pub fn write(matrices: &ConstraintMatrices) -> Vec<u8> {
    let wires = matrices.num_instance + matrices.num_witness;
    let number = |out: &mut Vec<u8>, n: usize| out.extend((n as u32).to_le_bytes());

    let mut header = Vec::new();
    number(&mut header, ELEMENT);
    header.extend(modulus::<Fr>());
    number(&mut header, wires);
    number(&mut header, 0); // public outputs
    number(&mut header, matrices.num_instance.saturating_sub(1));
    number(&mut header, matrices.num_witness);
    header.extend((wires as u64).to_le_bytes());
    number(&mut header, matrices.num_constraints());

    let mut constraints = Vec::new();
    for ((a, b), c) in matrices.a.iter().zip(&matrices.b).zip(&matrices.c) {
        for row in [a, b, c] {
            let terms = sparse(row);
            number(&mut constraints, terms.len());
            for (wire, coefficient) in terms {
                number(&mut constraints, wire);
                constraints.extend(element_bytes(&coefficient));
            }
        }
    }

    let labels: Vec<u8> = (0..wires as u64).flat_map(u64::to_le_bytes).collect();
    let mut file = Writer::new(MAGIC, VERSION, 3);
    file.section(HEADER, &header);
    file.section(CONSTRAINTS, &constraints);
    file.section(WIRE_LABELS, &labels);
    file.finish()
}

/// Reads constraints. Labels are counted, not looked at; the sections' titles are not in the file.
///
/// # Errors
/// [`KeyError::Malformed`] if it is not such a file over BN254's scalar field, uses custom gates,
/// or its counts do not fit.
pub fn read(bytes: &[u8]) -> Result<ConstraintMatrices, KeyError> {
    let sections = Sections::read(FILE, MAGIC, VERSION, bytes)?;
    sections.only(&[HEADER, CONSTRAINTS, WIRE_LABELS])?;

    let mut header = sections.section(HEADER, "r1cs header")?;
    if header.u32()? as usize != ELEMENT || header.take(ELEMENT)? != modulus::<Fr>() {
        return Err(header.malformed("it is over another field"));
    }
    let wires = header.u32()? as usize;
    let (outputs, inputs, _private) = (header.u32()?, header.u32()?, header.u32()?);
    let public = (outputs as usize).saturating_add(inputs as usize);
    let _labels = header.u64()?;
    let count = header.u32()? as usize;
    if public >= wires {
        return Err(header.malformed("it has more public wires than wires"));
    }
    header.finish()?;
    // So that few bytes cannot claim many wires.
    let labels = sections.section(WIRE_LABELS, "r1cs labels")?;
    if Some(labels.len()) != wires.checked_mul(size_of::<u64>()) {
        return Err(labels.malformed("it has not one label for each wire"));
    }

    let mut section = sections.section(CONSTRAINTS, "r1cs constraints")?;
    if count > section.len() / EMPTY_CONSTRAINT {
        return Err(section.malformed("it is cut short"));
    }
    let mut matrices = ConstraintMatrices {
        num_instance: 1 + public,
        num_witness: wires - 1 - public,
        a: Vec::with_capacity(count),
        b: Vec::with_capacity(count),
        c: Vec::with_capacity(count),
        sections: Vec::new(),
    };
    for _ in 0..count {
        matrices.a.push(read_row(&mut section, wires)?);
        matrices.b.push(read_row(&mut section, wires)?);
        matrices.c.push(read_row(&mut section, wires)?);
    }
    section.finish()?;
    Ok(matrices)
}

fn read_row(section: &mut Cursor<'_>, wires: usize) -> Result<Row, KeyError> {
    let terms = section.u32()? as usize;
    if terms > section.len() / TERM {
        return Err(section.malformed("it is cut short"));
    }
    let mut row = Row::with_capacity(terms);
    for _ in 0..terms {
        let wire = section.u32()? as usize;
        let coefficient = read_element(section)?;
        if wire >= wires || coefficient.is_zero() {
            return Err(section.malformed("a term has no wire or no coefficient"));
        }
        row.push((coefficient, wire));
    }
    Ok(row)
}
