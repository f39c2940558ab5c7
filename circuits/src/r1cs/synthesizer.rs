//! The circuit for arkworks' generic set-up and prover.

use super::assigner::Assignment;
use super::matrices;
use super::recorder::Row;
use crate::field::Fr;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Result, SynthesisError, Variable,
};

/// The presentation circuit as a `ConstraintSynthesizer`: blank for set-up, or with an assignment.
#[derive(Clone, Debug)]
pub struct PresentationCircuit {
    assignment: Option<Assignment>,
}

impl PresentationCircuit {
    /// The circuit without values.
    pub fn blank() -> Self {
        Self { assignment: None }
    }

    /// The circuit with values.
    pub fn with(assignment: Assignment) -> Self {
        Self { assignment: Some(assignment) }
    }
}

impl ConstraintSynthesizer<Fr> for PresentationCircuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<()> {
        let matrices = matrices();
        let value = |column: usize| {
            let z = self.assignment.as_ref().map(|assignment| &assignment.z);
            z.and_then(|z| z.get(column)).copied().ok_or(SynthesisError::AssignmentMissing)
        };
        let mut variables = vec![Variable::One];
        for column in 1..matrices.num_instance {
            variables.push(cs.new_input_variable(|| value(column))?);
        }
        for column in matrices.num_instance..matrices.num_instance + matrices.num_witness {
            variables.push(cs.new_witness_variable(|| value(column))?);
        }
        let combination = |row: &Row| {
            LinearCombination(row.iter().map(|(c, column)| (*c, variables[*column])).collect())
        };
        for ((a, b), c) in matrices.a.iter().zip(&matrices.b).zip(&matrices.c) {
            cs.enforce_r1cs_constraint(|| combination(a), || combination(b), || combination(c))?;
        }
        Ok(())
    }
}
