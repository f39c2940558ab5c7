//! What can go wrong with keys and with proving.

use std::path::PathBuf;

/// Why keys could not be made, stored, loaded or used.
///
/// What foreign proofs can do wrong is [`VerifyError`](crate::VerifyError).
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file of the key store could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The folder holds no keys.
    #[error("no keys in {}", .0.display())]
    Missing(PathBuf),
    /// The manifest is not one that this build understands.
    #[error("key manifest {}: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The rule that it breaks.
        reason: String,
    },
    /// The keys belong to another circuit.
    #[error("keys are for circuit {found}; this build proves circuit {expected}")]
    OtherCircuit {
        /// The circuit that this build proves.
        expected: String,
        /// The circuit that the keys were made for.
        found: String,
    },
    /// A key file is not the one that the manifest describes.
    #[error(
        "{file}: fingerprint {found} is not the manifest's {expected}; the file was changed or \
         damaged"
    )]
    Fingerprint {
        /// Name of the file.
        file: &'static str,
        /// SHA-256 in the manifest, hexadecimal.
        expected: String,
        /// SHA-256 of the file, hexadecimal.
        found: String,
    },
    /// Key bytes do not follow their format.
    #[error("{key} is malformed: {rule}")]
    Malformed {
        /// Which key.
        key: &'static str,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// Proving key and matrices, or circuit and matrices, do not belong together.
    #[error("circuit mismatch: {0}")]
    CircuitMismatch(&'static str),
    /// The circuit has more constraints than the curve's scalar field has roots of unity.
    #[error("the circuit is too large for the scalar field")]
    CircuitTooLarge,
    /// The circuit could not be synthesized.
    #[error("circuit synthesis: {0}")]
    Synthesis(#[from] ark_relations::gr1cs::SynthesisError),
    /// The witness does not satisfy the statement; nothing was proven.
    #[error(transparent)]
    Violation(#[from] attestry_circuits::Violation),
    /// An assignment has another shape than the circuit.
    #[error("assignment: {0}")]
    AssignmentShape(&'static str),
    /// The assignment breaks a constraint; nothing was proven.
    #[error("assignment breaks constraint {constraint}")]
    Unsatisfied {
        /// Index of the first broken constraint.
        constraint: usize,
    },
}

impl KeyError {
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
