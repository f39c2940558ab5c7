//! Policies: the compiled slots and the circuit mean what the language says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use attestry_circuits::field::to_u64;
use attestry_circuits::policy::{
    ClaimRef, Clause, MaskWidth, Operator, Policy, PolicyError, Predicate,
};
use attestry_circuits::{Claims, Credential, Fr, Header, HolderSecret, IssuerId, SchemaId};
use proptest::prelude::*;

const SCHEMA: SchemaId = SchemaId { id: 1, version: 1 };

fn credential(values: &[u64]) -> Credential {
    let mut claims = Claims::default();
    claims.0.iter_mut().zip(values).for_each(|(claim, value)| *claim = Fr::from(*value));
    let header = Header {
        schema: SCHEMA,
        issuer_id: IssuerId::from_address([3; 20]),
        holder: HolderSecret::from_bytes(&[1; 32]).unwrap().commitment(),
        status_index: 5,
        valid_from: 0,
        valid_until: 1 << 39,
        salt: [0; 16],
    };
    Credential { header, claims }
}

/// The language's meaning, read off its definition.
fn means(policy: &Policy, credential: &Credential) -> bool {
    let value = |claim: ClaimRef| {
        let issuer = credential.header.issuer_id.as_field();
        credential.claims.0.get(claim.index()).copied().unwrap_or(issuer)
    };
    let number = |claim| i128::from(to_u64(&value(claim)).unwrap());
    let holds = |p: &Predicate| match p.operator {
        Operator::Eq(operand) => value(p.claim) == operand,
        Operator::Neq(operand) => value(p.claim) != operand,
        Operator::Lt(bound) => number(p.claim) < bound.into(),
        Operator::Le(bound) => number(p.claim) <= bound.into(),
        Operator::Gt(bound) => number(p.claim) > bound.into(),
        Operator::Ge(bound) => number(p.claim) >= bound.into(),
        Operator::LeClaim { other, plus } => number(p.claim) <= number(other) + i128::from(plus),
        Operator::GeClaim { other, plus } => number(p.claim) >= number(other) + i128::from(plus),
        Operator::InSet => policy.set.contains(&value(p.claim)),
        Operator::NotInSet => !policy.set.contains(&value(p.claim)),
        Operator::MaskContains { mask, .. } => number(p.claim) & i128::from(mask) == mask.into(),
        Operator::MaskExcludes { mask, .. } => number(p.claim) & i128::from(mask) == 0,
        Operator::InMask(mask) => i128::from(mask) >> number(p.claim) & 1 == 1,
    };
    policy.clauses.iter().all(|clause| clause.iter().any(|all| all.iter().all(holds)))
}

/// Operators over claims below 16, so that tests are often true and often false.
fn operator() -> impl Strategy<Value = Operator> {
    let small = 0..16u64;
    let claim = (0..4usize).prop_map(|i| ClaimRef::claim(i).unwrap());
    let width = prop_oneof![Just(MaskWidth::Narrow), Just(MaskWidth::Wide)];
    prop_oneof![
        small.clone().prop_map(|v| Operator::Eq(Fr::from(v))),
        small.clone().prop_map(|v| Operator::Neq(Fr::from(v))),
        (1..16u64).prop_map(Operator::Lt),
        small.clone().prop_map(Operator::Le),
        small.clone().prop_map(Operator::Gt),
        small.prop_map(Operator::Ge),
        (claim.clone(), -8..8i64).prop_map(|(other, plus)| Operator::LeClaim { other, plus }),
        (claim, -8..8i64).prop_map(|(other, plus)| Operator::GeClaim { other, plus }),
        Just(Operator::InSet),
        Just(Operator::NotInSet),
        (1..16u64, width.clone()).prop_map(|(mask, width)| Operator::MaskContains { mask, width }),
        (1..16u64, width).prop_map(|(mask, width)| Operator::MaskExcludes { mask, width }),
        (1..1u64 << 16).prop_map(Operator::InMask),
    ]
}

fn clauses() -> impl Strategy<Value = Vec<Clause>> {
    let predicate = ((0..4usize), operator()).prop_map(|(claim, operator)| Predicate {
        claim: ClaimRef::claim(claim).unwrap(),
        operator,
    });
    let alternative = prop::collection::vec(predicate, 1..3);
    let clause = prop::collection::vec(alternative, 1..3);
    prop::collection::vec(clause, 1..4)
}

fn policy(clauses: Vec<Clause>) -> Policy {
    let uses_set = clauses
        .iter()
        .flatten()
        .flatten()
        .any(|p| matches!(p.operator, Operator::InSet | Operator::NotInSet));
    let set = if uses_set { [1u64, 4, 9].map(Fr::from).to_vec() } else { vec![] };
    Policy { schema: SCHEMA, set, clauses }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 60_000, ..ProptestConfig::default() })]
    #[test]
    fn compiled_slots_mean_what_the_language_says(
        clauses in clauses(),
        values in prop::array::uniform4(0..16u64),
    ) {
        let policy = policy(clauses);
        match policy.compile() {
            Err(error) => prop_assume!(error != PolicyError::DoesNotFit),
            Ok(compiled) => {
                let credential = credential(&values);
                prop_assert_eq!(compiled.evaluate(&credential).is_ok(), means(&policy, &credential));
                prop_assert_eq!(policy.compile().unwrap(), compiled);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 60_000, ..ProptestConfig::default() })]
    #[test]
    fn the_circuit_accepts_what_the_language_accepts(
        clauses in clauses(),
        values in prop::array::uniform4(0..16u64),
    ) {
        let policy = policy(clauses);
        let compiled = policy.compile();
        prop_assume!(compiled.is_ok());
        let mut sample = attestry_circuits::sample::Sample::new(3);
        let witness = &mut sample.witness;
        witness.credential.claims = credential(&values).claims;
        let accepts = means(&policy, &witness.credential);
        witness.signature = sample.issuer_key.sign(&witness.credential).unwrap();
        sample.statement.policy = compiled.unwrap();
        let assigned = attestry_circuits::r1cs::assign(&sample.statement, witness);
        prop_assert_eq!(assigned.is_ok(), accepts);
    }
}

fn refused(clauses: Vec<Clause>, set: Vec<Fr>) -> PolicyError {
    Policy { schema: SCHEMA, set, clauses }.compile().unwrap_err()
}

fn is(operator: Operator) -> Clause {
    vec![vec![Predicate { claim: ClaimRef::claim(0).unwrap(), operator }]]
}

#[test]
fn refuses_policies_that_no_slot_can_hold() {
    let eq = || is(Operator::Eq(Fr::from(1u64)));
    let wide = || is(Operator::MaskContains { mask: 1, width: MaskWidth::Wide });
    assert_eq!(refused(vec![eq(); 9], vec![]), PolicyError::DoesNotFit);
    assert_eq!(refused(vec![is(Operator::Ge(1)); 5], vec![]), PolicyError::DoesNotFit);
    assert_eq!(refused(vec![wide(), wide()], vec![]), PolicyError::DoesNotFit);
    assert_eq!(
        refused(vec![is(Operator::InSet); 5], vec![Fr::from(1u64)]),
        PolicyError::DoesNotFit
    );
    assert_eq!(refused(vec![vec![]], vec![]), PolicyError::Empty);
    assert_eq!(refused(vec![vec![vec![]]], vec![]), PolicyError::Empty);
    assert_eq!(refused(vec![is(Operator::InSet)], vec![]), PolicyError::SetSize);
    assert_eq!(refused(vec![is(Operator::InSet)], vec![Fr::from(1u64); 9]), PolicyError::SetSize);
    assert_eq!(refused(vec![eq()], vec![Fr::from(1u64)]), PolicyError::SetSize);
}

#[test]
fn refuses_operands_that_cannot_mean_anything() {
    let narrow = |mask| Operator::MaskContains { mask, width: MaskWidth::Narrow };
    assert_eq!(refused(vec![is(Operator::Lt(0))], vec![]), PolicyError::CompareRange);
    assert_eq!(refused(vec![is(Operator::Gt(u64::MAX))], vec![]), PolicyError::CompareRange);
    assert_eq!(refused(vec![is(Operator::Le(1 << 40))], vec![]), PolicyError::CompareRange);
    assert_eq!(refused(vec![is(narrow(0))], vec![]), PolicyError::MaskRange);
    assert_eq!(refused(vec![is(narrow(1 << 40))], vec![]), PolicyError::MaskRange);
    assert_eq!(refused(vec![is(Operator::InMask(0))], vec![]), PolicyError::MaskRange);
    assert!(ClaimRef::claim(24).is_err());
}

#[test]
fn different_policies_have_different_words() {
    let word = |operator| policy(vec![is(operator)]).compile().unwrap().word();
    let one = Fr::from(1u64);
    let words = [
        word(Operator::Eq(one)),
        word(Operator::Neq(one)),
        word(Operator::Le(1)),
        word(Operator::Ge(1)),
        word(Operator::InSet),
        word(Operator::NotInSet),
        word(Operator::MaskContains { mask: 1, width: MaskWidth::Narrow }),
        word(Operator::MaskExcludes { mask: 1, width: MaskWidth::Narrow }),
        word(Operator::InMask(1)),
    ];
    for (i, word) in words.iter().enumerate() {
        assert!(!words[..i].contains(word), "{i}");
    }
}
