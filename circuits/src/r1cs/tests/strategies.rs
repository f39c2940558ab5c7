//! For each property a prover who does not have it and lies as well as can be: the native check is
//! skipped, the witness is false in one place, and every hint is derived anew from it, so that no
//! forging of hints is left out. The constraint that stops it is named by its paragraph.

use super::derivation::CIRCUIT;
use super::statement::attempt;
use crate::credential::{IssuerId, SchemaId};
use crate::field::Fr;
use crate::holder::Scope;
use crate::jubjub::{Point, Scalar};
use crate::r1cs::assign;
use crate::registry::RegistryTree;
use crate::sample::Sample;
use crate::status::StatusList;
use crate::witness::Violation;

/// Asserts that the native relation names the violation, and that the paragraph of the circuit
/// refuses the witness, whatever its hints are.
fn refused(sample: &Sample, violation: Violation, paragraph: &str) {
    assert_eq!(sample.statement.check(&sample.witness), Err(violation));
    let (z, broken) = attempt(&sample.statement, &sample.witness);
    assert!(!broken.is_empty(), "the circuit accepts a false witness");

    let honest = Sample::new(1);
    let assignment = assign(&honest.statement, &honest.witness).unwrap();
    let derived = CIRCUIT.derive(&assignment.z).derive_from(z);
    assert!(derived.broken.contains(&paragraph), "{:?}", derived.broken);
    // What no row determines is an inverse that nobody asks for, or a sibling of a node that stands
    // elsewhere: a choice.
    let siblings = sample.witness.registry_path.children.as_flattened();
    for wire in derived.undetermined {
        let chosen = CIRCUIT.is_unasked_inverse(wire, &derived.z)
            || (CIRCUIT.section_of(wire) == "accreditation" && siblings.contains(&derived.z[wire]));
        assert!(chosen, "wire {wire} is left to the prover");
    }
}

#[test]
fn another_holders_secret_is_refused() {
    let mut sample = Sample::new(1);
    sample.witness.holder_secret = Sample::new(2).witness.holder_secret;
    let key = sample.witness.holder_secret.withdrawal_key(&sample.statement.scope);
    sample.statement.nullifier = key.nullifier();
    refused(&sample, Violation::HolderBinding, "issuer signature");

    // Nor does it help to write oneself into the credential.
    sample.witness.credential.header.holder = sample.witness.holder_secret.commitment();
    refused(&sample, Violation::IssuerSignature, "issuer signature");
}

#[test]
fn a_nullifier_of_choice_is_refused() {
    let mut sample = Sample::new(1);
    sample.statement.nullifier = Sample::new(2).statement.nullifier;
    refused(&sample, Violation::Nullifier, "nullifier");
    let mut sample = Sample::new(1);
    sample.statement.scope = Scope::new("did:ethr:0x1:0x01", "sample", 1);
    refused(&sample, Violation::Nullifier, "nullifier");
}

#[test]
fn a_stretched_period_is_refused() {
    // As it is, too early and too late: the distance is negative and has no 40 bits.
    for (moved, violation) in [(-1i64, Violation::NotYetValid), (1, Violation::Expired)] {
        let mut sample = Sample::new(1);
        let header = &sample.witness.credential.header;
        sample.statement.now = match violation {
            Violation::NotYetValid => header.valid_from,
            _ => header.valid_until,
        }
        .checked_add_signed(moved)
        .unwrap();
        refused(&sample, violation, "issuer signature");
    }
    // And with a period that the issuer did not sign.
    let mut sample = Sample::new(1);
    sample.witness.credential.header.valid_until += 1;
    refused(&sample, Violation::IssuerSignature, "issuer signature");
    let mut sample = Sample::new(1);
    sample.witness.credential.header.valid_from -= 1;
    refused(&sample, Violation::IssuerSignature, "issuer signature");
}

#[test]
fn another_schema_is_refused() {
    let mut sample = Sample::new(1);
    sample.statement.policy.schema = SchemaId { id: 2, version: 1 };
    refused(&sample, Violation::Schema, "issuer signature");
    sample.witness.credential.header.schema = sample.statement.policy.schema;
    refused(&sample, Violation::IssuerSignature, "issuer signature");
}

#[test]
fn a_signature_that_no_issuer_made_is_refused() {
    let mut sample = Sample::new(1);
    sample.witness.signature.s += Scalar::from(1u64);
    refused(&sample, Violation::IssuerSignature, "issuer signature");

    // R chosen first, and the response of another challenge.
    let mut sample = Sample::new(1);
    sample.witness.signature.r_x = Point::base().x();
    sample.witness.signature.s = Scalar::from(1u64);
    refused(&sample, Violation::IssuerSignature, "issuer signature");

    // The signature of another credential of the same issuer.
    let mut sample = Sample::new(1);
    let mut other = sample.witness.credential.clone();
    other.claims.0[0] += Fr::from(1u64);
    sample.witness.signature = sample.issuer_key.sign(&other).unwrap();
    refused(&sample, Violation::IssuerSignature, "issuer signature");

    let mut sample = Sample::new(1);
    sample.witness.credential.claims.0[23] += Fr::from(1u64);
    refused(&sample, Violation::IssuerSignature, "issuer signature");
}

#[test]
fn a_revoked_credential_is_refused_by_every_row_path_and_index() {
    let mut sample = Sample::new(1);
    let index = sample.witness.credential.header.status_index;
    let before = sample.witness.status_path.clone();
    sample.status.set(index, true).unwrap();
    sample.reissue();
    refused(&sample, Violation::Revoked, "non-revocation");

    // A row with the bit cleared, under the new path.
    let mut cleared = sample.witness.status_path.clone();
    cleared.row ^= 1 << (index % 128);
    let new = std::mem::replace(&mut sample.witness.status_path, cleared);
    refused(&sample, Violation::StatusList, "non-revocation");

    // The same, with the row also put among its siblings: another root.
    sample.witness.status_path.children = before.children.clone();
    refused(&sample, Violation::StatusList, "accreditation");

    // Another index of the same row, which the issuer did not sign.
    sample.witness.status_path = new;
    sample.witness.credential.header.status_index ^= 1;
    refused(&sample, Violation::IssuerSignature, "issuer signature");
}

#[test]
fn another_row_of_the_same_list_is_refused_at_every_level() {
    // Each distance moves the place at another level of the tree, or in the row's byte or bit.
    for distance in [1u32 << 7, 1 << 10, 1 << 13, 1 << 15] {
        let mut sample = Sample::new(1);
        let index = sample.witness.credential.header.status_index;
        sample.status.set(index, true).unwrap();
        // A row that differs, else it could stand for the other.
        sample.status.set(((index ^ distance) & !127) | ((index + 64) % 128), true).unwrap();
        sample.reissue();
        sample.witness.status_path = sample.status.path(index ^ distance).unwrap();
        refused(&sample, Violation::StatusList, "non-revocation");
    }
}

#[test]
fn a_list_of_ones_own_is_refused() {
    let mut sample = Sample::new(1);
    let own = StatusList::new();
    let index = sample.witness.credential.header.status_index;
    sample.witness.status_path = own.path(index).unwrap();
    refused(&sample, Violation::StatusList, "accreditation");
    sample.witness.leaf.status_root = own.root();
    refused(&sample, Violation::Accreditation, "accreditation");
}

#[test]
fn an_issuer_that_is_not_accredited_is_refused() {
    let forger = Sample::new(2);
    let mut sample = Sample::new(1);
    sample.witness.signature = forger.issuer_key.sign(&sample.witness.credential).unwrap();
    sample.witness.leaf.key = forger.issuer_key.verifying_key();
    refused(&sample, Violation::Accreditation, "accreditation");

    // With a registry of its own.
    let mut own = RegistryTree::new();
    own.set(0, sample.witness.leaf.hash()).unwrap();
    sample.witness.registry_path = own.path(0).unwrap();
    refused(&sample, Violation::Accreditation, "accreditation");

    // With itself among the registry's leaves.
    sample.witness.registry_path = sample.registry.path(sample.leaf_index).unwrap();
    sample.witness.registry_path.children[0][0] = sample.witness.leaf.hash();
    refused(&sample, Violation::Accreditation, "accreditation");
}

#[test]
fn an_accreditation_for_something_else_is_refused() {
    let mut sample = Sample::new(1);
    sample.witness.credential.header.issuer_id = IssuerId::from_address([9; 20]);
    sample.reissue();
    refused(&sample, Violation::Accreditation, "accreditation");

    let mut sample = Sample::new(1);
    let other = SchemaId { id: 2, version: 1 };
    sample.witness.credential.header.schema = other;
    sample.statement.policy.schema = other;
    sample.reissue();
    refused(&sample, Violation::Accreditation, "accreditation");

    let mut sample = Sample::new(1);
    sample.witness.leaf.version ^= 1;
    refused(&sample, Violation::Accreditation, "accreditation");
}

#[test]
fn an_ended_accreditation_is_refused_and_cannot_be_stretched() {
    let mut sample = Sample::new(1);
    sample.witness.leaf.accredited_until = sample.statement.now - 1;
    sample.reissue();
    refused(&sample, Violation::AccreditationEnded, "accreditation");
    sample.witness.leaf.accredited_until += 2;
    refused(&sample, Violation::Accreditation, "accreditation");
}

#[test]
fn claims_that_do_not_satisfy_the_policy_are_refused() {
    // The sample's policy asks that claim 0 equal its value: the credential of another claim 0.
    let mut sample = Sample::new(1);
    sample.witness.credential.claims.0[0] += Fr::from(1u64);
    sample.reissue();
    refused(&sample, Violation::Policy, "policy");

    // With the claim that is asked for, which the issuer did not sign.
    sample.witness.credential.claims.0[0] -= Fr::from(1u64);
    refused(&sample, Violation::IssuerSignature, "issuer signature");
}
