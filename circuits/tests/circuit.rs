//! The circuit and the native relation say the same, for what holds and for what does not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use attestry_circuits::policy::{ClaimRef, Operator, Policy, Predicate};
use attestry_circuits::r1cs::{CircuitId, ConstraintMatrices, Row, assign, matrices};
use attestry_circuits::registry::{RegistryPath, RegistryTree};
use attestry_circuits::sample::Sample;
use attestry_circuits::{Fr, IssuerId, SchemaId, Scope, Statement, Violation};
use std::collections::BTreeSet;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/presentation.json");
const PINNED_ID: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/r1cs/presentation.id");

/// Whether generated files are to be written anew.
fn bless() -> bool {
    std::env::var_os("ATTESTRY_BLESS").is_some()
}

/// How many witness variables, but for the booleans, these rows use.
fn variables_in(rows: &[Row], matrices: &ConstraintMatrices) -> usize {
    let is_boolean = |a: &Row, b: &Row, c: &Row| {
        matches!((&a[..], &b[..]), ([(_, x)], [(_, 0), (_, y)]) if x == y) && c.is_empty()
    };
    let triples = matrices.a.iter().zip(&matrices.b).zip(&matrices.c);
    let booleans: BTreeSet<usize> = triples
        .filter(|((a, b), c)| is_boolean(a, b, c))
        .flat_map(|((a, _), _)| a.iter().map(|(_, column)| *column))
        .collect();
    let used: BTreeSet<usize> = rows
        .iter()
        .flatten()
        .map(|(_, column)| *column)
        .filter(|column| *column >= matrices.num_instance && !booleans.contains(column))
        .collect();
    used.len()
}

#[test]
fn matrices_are_those_of_the_golden_file() {
    let matrices = matrices();
    let sections: serde_json::Map<_, _> =
        matrices.sections.iter().map(|(title, n)| (title.to_string(), (*n).into())).collect();
    let public_inputs: Vec<_> = Statement::INPUT_NAMES
        .iter()
        .enumerate()
        .map(|(index, name)| serde_json::json!({ "index": index, "name": name }))
        .collect();
    let id = CircuitId::from_bytes(matrices.sha256()).to_string();
    let found = serde_json::json!({
        id.clone(): {
            "matrix_sha256": id,
            "constraints": matrices.num_constraints(),
            "public_inputs": public_inputs,
            "sections": sections,
            "witness_variables": matrices.num_witness,
            "witness_variables_in_a_but_booleans": variables_in(&matrices.a, matrices),
            "witness_variables_in_b_but_booleans": variables_in(&matrices.b, matrices),
        },
    });
    if bless() {
        std::fs::write(GOLDEN, format!("{found:#}\n")).unwrap();
    }
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(GOLDEN).unwrap()).unwrap();
    assert_eq!(found, golden, "a changed constraint is a new circuit: ATTESTRY_BLESS=1 accepts it");
}

#[test]
fn the_pinned_id_is_that_of_the_recorded_matrices() {
    let recorded = format!("{}\n", CircuitId::from_bytes(matrices().sha256()));
    if bless() {
        std::fs::write(PINNED_ID, &recorded).unwrap();
    }
    assert_eq!(
        format!("{}\n", CircuitId::presentation()),
        recorded,
        "a changed constraint is a new circuit: ATTESTRY_BLESS=1 pins its id for the next build"
    );
}

#[test]
fn fits_a_domain_of_2_to_13() {
    assert!(matrices().num_constraints() + matrices().num_instance <= 8192);
}

#[test]
fn samples_satisfy_the_native_relation_and_the_circuit() {
    for seed in 0..16 {
        let sample = Sample::new(seed);
        assert_eq!(sample.statement.check(&sample.witness), Ok(()));
        assert!(assign(&sample.statement, &sample.witness).is_ok());
    }
}

/// Asserts that the native relation names the violation and that the circuit refuses.
fn refused(sample: &Sample, violation: Violation) {
    assert_eq!(sample.statement.check(&sample.witness), Err(violation));
    assert_eq!(assign(&sample.statement, &sample.witness).unwrap_err(), violation);
}

#[test]
fn refuses_another_holders_credential() {
    let mut sample = Sample::new(1);
    sample.witness.holder_secret = Sample::new(2).witness.holder_secret;
    let scope = sample.statement.scope;
    sample.statement.nullifier = sample.witness.holder_secret.withdrawal_key(&scope).nullifier();
    refused(&sample, Violation::HolderBinding);
}

#[test]
fn refuses_a_nullifier_of_choice_and_of_another_scope() {
    let mut sample = Sample::new(1);
    sample.statement.nullifier = Sample::new(2).statement.nullifier;
    refused(&sample, Violation::Nullifier);

    let mut sample = Sample::new(1);
    sample.statement.scope = Scope::new("did:ethr:0x1:0x01", "sample", 1);
    refused(&sample, Violation::Nullifier);
}

#[test]
fn refuses_a_changed_claim_and_a_changed_signature() {
    let mut sample = Sample::new(1);
    sample.witness.credential.claims.0[23] += Fr::from(1u64);
    refused(&sample, Violation::IssuerSignature);

    let mut sample = Sample::new(1);
    sample.witness.signature.s += attestry_circuits::jubjub::Scalar::from(1u64);
    refused(&sample, Violation::IssuerSignature);

    let mut sample = Sample::new(1);
    sample.witness.credential.header.valid_until += 1;
    refused(&sample, Violation::IssuerSignature);
}

#[test]
fn refuses_a_key_that_is_not_in_the_registry() {
    let mut sample = Sample::new(1);
    let forger = Sample::new(2);
    sample.witness.signature = forger.issuer_key.sign(&sample.witness.credential).unwrap();
    sample.witness.leaf.key = forger.issuer_key.verifying_key();
    refused(&sample, Violation::Accreditation);

    let mut own_tree = RegistryTree::new();
    own_tree.set(0, sample.witness.leaf.hash()).unwrap();
    sample.witness.registry_path = own_tree.path(0).unwrap();
    refused(&sample, Violation::Accreditation);
}

#[test]
fn refuses_an_issuer_that_signs_in_anothers_name() {
    let mut sample = Sample::new(1);
    sample.witness.credential.header.issuer_id = IssuerId::from_address([9; 20]);
    sample.reissue();
    refused(&sample, Violation::Accreditation);
}

#[test]
fn refuses_an_issuer_that_signs_another_schema_than_it_is_accredited_for() {
    let mut sample = Sample::new(1);
    let other = SchemaId { id: 2, version: 1 };
    sample.witness.credential.header.schema = other;
    sample.statement.policy.schema = other;
    sample.reissue();
    refused(&sample, Violation::Accreditation);
}

#[test]
fn refuses_a_credential_of_another_schema_than_asked_for() {
    let mut sample = Sample::new(1);
    sample.statement.policy.schema = SchemaId { id: 2, version: 1 };
    refused(&sample, Violation::Schema);
}

#[test]
fn refuses_an_ended_accreditation() {
    let mut sample = Sample::new(1);
    sample.witness.leaf.accredited_until = sample.statement.now - 1;
    sample.reissue();
    refused(&sample, Violation::AccreditationEnded);
    sample.witness.leaf.accredited_until = sample.statement.now;
    sample.reissue();
    assert!(assign(&sample.statement, &sample.witness).is_ok());
}

#[test]
fn refuses_a_leaf_whose_version_was_counted_up() {
    let mut sample = Sample::new(1);
    sample.witness.leaf.version ^= 1;
    refused(&sample, Violation::Accreditation);
}

#[test]
fn refuses_a_revoked_credential_and_a_stale_or_foreign_status_path() {
    let mut sample = Sample::new(1);
    let index = sample.witness.credential.header.status_index;
    let stale = sample.witness.status_path.clone();
    sample.status.set(index, true).unwrap();
    sample.reissue();
    refused(&sample, Violation::Revoked);
    sample.witness.status_path = stale;
    refused(&sample, Violation::StatusList);

    let mut sample = Sample::new(1);
    sample.status.set(index ^ 1 << 16, true).unwrap();
    sample.reissue();
    sample.witness.status_path = sample.status.path(index ^ 1 << 16).unwrap();
    refused(&sample, Violation::StatusList);
}

#[test]
fn refuses_before_and_after_the_period_and_accepts_its_ends() {
    for (now, outcome) in [
        (-1, Err(Violation::NotYetValid)),
        (0, Ok(())),
        (10, Ok(())),
        (11, Err(Violation::Expired)),
    ] {
        let mut sample = Sample::new(1);
        let from = sample.statement.now;
        sample.witness.credential.header.valid_from = from;
        sample.witness.credential.header.valid_until = from + 10;
        sample.witness.leaf.accredited_until = from + 100;
        sample.statement.now = from.checked_add_signed(now).unwrap();
        sample.reissue();
        match outcome {
            Ok(()) => assert!(assign(&sample.statement, &sample.witness).is_ok()),
            Err(violation) => refused(&sample, violation),
        }
    }
}

#[test]
fn refuses_an_empty_path() {
    let mut sample = Sample::new(1);
    sample.witness.registry_path = RegistryPath { children: Default::default() };
    refused(&sample, Violation::Accreditation);
}

#[test]
fn refuses_claims_that_do_not_satisfy_the_policy() {
    let mut sample = Sample::new(1);
    let claim = ClaimRef::claim(0).unwrap();
    let operator = Operator::Neq(sample.witness.credential.claims.0[0]);
    let clauses = vec![vec![vec![Predicate { claim, operator }]]];
    let schema = sample.statement.policy.schema;
    sample.statement.policy = Policy { schema, set: vec![], clauses }.compile().unwrap();
    refused(&sample, Violation::Policy);
}

#[test]
fn refuses_to_compare_a_claim_that_does_not_fit() {
    let mut sample = Sample::new(1);
    let claim = ClaimRef::claim(0).unwrap();
    let clauses = vec![vec![vec![Predicate { claim, operator: Operator::Le(10) }]]];
    let schema = sample.statement.policy.schema;
    sample.statement.policy = Policy { schema, set: vec![], clauses }.compile().unwrap();
    // p − 5 is "−5", which would be at most 10 without the range check.
    sample.witness.credential.claims.0[0] = -Fr::from(5u64);
    sample.reissue();
    refused(&sample, Violation::ClaimRange);
}
