//! The statement as a rank-1 constraint system.
//!
//! The circuit is written once (`circuit`), over a back-end: recorded, it yields the
//! [`ConstraintMatrices`]; with values, the [`Assignment`] and A·z and B·z with it.

mod assigner;
mod backend;
mod blank;
mod circuit;
mod gadgets;
mod policy;
mod recorder;
mod synthesizer;
#[cfg(test)]
mod tests;

pub use assigner::Assignment;
pub use recorder::{ConstraintMatrices, Row};
pub use synthesizer::PresentationCircuit;

use crate::statement::Statement;
use crate::witness::{Violation, Witness};
use assigner::Assigner;
use circuit::synthesize;
use recorder::Recorder;
use std::sync::OnceLock;

/// Names a circuit: SHA-256 of its matrices. Another constraint is another circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CircuitId([u8; 32]);

impl CircuitId {
    /// The id of the presentation circuit. It is pinned, so that naming the circuit does not
    /// record it; a test holds it against the recorded matrices.
    pub const fn presentation() -> Self {
        const PINNED: [u8; 32] = from_hex(include_bytes!("presentation.id"));
        Self(PINNED)
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// The bytes of 64 lower-case hexadecimal digits and a line feed. Others do not compile.
const fn from_hex(text: &[u8; 65]) -> [u8; 32] {
    const fn digit(character: u8) -> u8 {
        if character <= b'9' { character - b'0' } else { 10 + character - b'a' }
    }
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = digit(text[2 * i]) * 16 + digit(text[2 * i + 1]);
        i += 1;
    }
    bytes
}

impl std::fmt::Display for CircuitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for CircuitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CircuitId({self})")
    }
}

/// The matrices of the presentation circuit, recorded on first use.
pub fn matrices() -> &'static ConstraintMatrices {
    static MATRICES: OnceLock<ConstraintMatrices> = OnceLock::new();
    MATRICES.get_or_init(|| {
        let (mut recorder, inputs) = Recorder::new();
        synthesize(&mut recorder, &inputs, &blank::policy(), &blank::witness());
        recorder.finish()
    })
}

/// Fills in the assignment of a statement.
///
/// # Errors
/// The [`Violation`] if the witness does not satisfy the statement.
pub fn assign(statement: &Statement, witness: &Witness) -> Result<Assignment, Violation> {
    let (mut assigner, inputs) = Assigner::new(&statement.public_inputs());
    synthesize(&mut assigner, &inputs, &statement.policy, witness);
    match assigner.finish() {
        Some(assignment) => Ok(assignment),
        None => Err(statement.check(witness).err().unwrap_or(Violation::Policy)),
    }
}
