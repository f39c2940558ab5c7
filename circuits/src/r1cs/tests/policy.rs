//! The slots of every class against the native evaluation, and provers that lie about a slot.

use super::trial::{Number, Trial, element, holds};
use crate::credential::{CLAIM_COUNT, Claims, Credential, Header, IssuerId, SchemaId};
use crate::field::Fr;
use crate::holder::HolderCommitment;
use crate::policy::{
    ClaimRef, CompiledPolicy, Connector, PolicyViolation, SET_SIZE, SLOTS, Slot, SlotClass,
    SlotOperator,
};
use crate::r1cs::policy::{PolicyInputs, enforce, unpack_word};
use ark_ff::{AdditiveGroup, Field};
use proptest::prelude::*;

const SCHEMA: SchemaId = SchemaId { id: 1, version: 1 };

fn credential(claims: [Fr; CLAIM_COUNT]) -> Credential {
    let header = Header {
        schema: SCHEMA,
        issuer_id: IssuerId::from_address([3; 20]),
        holder: HolderCommitment::from_field(Fr::from(1u64)),
        status_index: 5,
        valid_from: 0,
        valid_until: 1,
        salt: [0; 16],
    };
    Credential { header, claims: Claims(claims) }
}

/// Whether the policy's constraints hold if the prover says of each slot what is true of `said`.
fn accepted(policy: &CompiledPolicy, credential: &Credential, said: &CompiledPolicy) -> bool {
    let word = Number(policy.word());
    let operands: Vec<Number> = policy.slots.iter().map(|slot| Number(slot.operand)).collect();
    let set = Number::all(&policy.set);
    let mut values = Number::all(&credential.claims.0);
    values.push(Number(credential.header.issuer_id.as_field()));
    holds(|b: &mut Trial| {
        let (_, flags) = unpack_word(b, &word, policy);
        let inputs = PolicyInputs { word: &word, operands: &operands, set: &set };
        enforce(b, &inputs, &flags, &values, said, credential);
    })
}

/// A policy with the same connectors whose slots hold as told.
fn saying(policy: &CompiledPolicy, credential: &Credential, truth: u8) -> CompiledPolicy {
    let mut said = policy.clone();
    for (i, slot) in said.slots.iter_mut().enumerate() {
        let value = policy.value(slot.claim, credential);
        slot.operator = SlotOperator::Eq;
        slot.operand = if truth >> i & 1 == 1 { value } else { value + Fr::ONE };
    }
    said
}

fn operators(class: SlotClass) -> Vec<SlotOperator> {
    use SlotOperator as Op;
    let mut operators = vec![Op::Unused, Op::Eq, Op::Neq];
    if class == SlotClass::Set {
        operators.extend([Op::InSet, Op::NotInSet]);
        return operators;
    }
    for relative in [false, true] {
        operators.extend([Op::Le { relative }, Op::Ge { relative }]);
    }
    if class != SlotClass::Compare {
        operators.extend([Op::Contains, Op::Excludes]);
    }
    if class == SlotClass::Wide {
        operators.push(Op::InMask);
    }
    operators
}

/// A claim: small, of 40 or 64 bits, just past them, or "negative".
fn claim() -> impl Strategy<Value = Fr> {
    prop_oneof![
        4 => (0u64..64).prop_map(Fr::from),
        2 => (0u64..1 << 40).prop_map(Fr::from),
        1 => any::<u64>().prop_map(Fr::from),
        1 => element(),
    ]
}

fn operand(operator: SlotOperator, class: SlotClass) -> BoxedStrategy<Fr> {
    let mask = if class.bits() == 64 { u64::MAX } else { (1 << 40) - 1 };
    match operator {
        SlotOperator::Le { .. } | SlotOperator::Ge { .. } => prop_oneof![
            (-64i64..64).prop_map(Fr::from),
            (-(1i64 << 40) + 1..1 << 40).prop_map(Fr::from),
        ]
        .boxed(),
        SlotOperator::Contains => {
            (any::<u64>(), any::<u64>()).prop_map(move |(x, y)| Fr::from(x & y & mask)).boxed()
        }
        SlotOperator::Excludes | SlotOperator::InMask => {
            any::<u64>().prop_map(move |x| Fr::from(x & mask)).boxed()
        }
        SlotOperator::Eq | SlotOperator::Neq => claim().boxed(),
        _ => Just(Fr::ZERO).boxed(),
    }
}

fn slot(place: usize) -> impl Strategy<Value = Slot> {
    let class = SlotClass::OF_SLOT[place];
    let connector = match place {
        // The first slot has nothing before it: its connector is not read.
        0 => prop_oneof![Just(Connector::NewClause), Just(Connector::And)].boxed(),
        _ => prop_oneof![Just(Connector::NewClause), Just(Connector::Or), Just(Connector::And)]
            .boxed(),
    };
    let test = prop::sample::select(operators(class))
        .prop_flat_map(move |operator| (Just(operator), operand(operator, class)));
    (0..=CLAIM_COUNT, connector, test).prop_map(|(claim, connector, (operator, operand))| {
        let claim = ClaimRef::claim(claim).unwrap_or(ClaimRef::ISSUER);
        Slot { claim, connector, operator, operand }
    })
}

fn policy() -> impl Strategy<Value = CompiledPolicy> {
    let slots = (0..SLOTS).map(slot).collect::<Vec<_>>();
    (slots, prop::collection::vec(claim(), SET_SIZE)).prop_map(|(slots, set)| CompiledPolicy {
        schema: SCHEMA,
        slots: slots.try_into().unwrap(),
        set: set.try_into().unwrap(),
    })
}

/// Claims, with some operands among them so that equality is not always false.
fn claims_for(policy: &CompiledPolicy, mut claims: Vec<Fr>, copies: &[usize]) -> Credential {
    for (slot, copy) in policy.slots.iter().zip(copies) {
        if *copy < CLAIM_COUNT && slot.operator == SlotOperator::Eq {
            claims[*copy] = slot.operand;
        }
    }
    credential(claims.try_into().unwrap())
}

fn scene() -> impl Strategy<Value = (CompiledPolicy, Credential)> {
    (
        policy(),
        prop::collection::vec(claim(), CLAIM_COUNT),
        prop::collection::vec(0..2 * CLAIM_COUNT, SLOTS),
    )
        .prop_map(|(policy, claims, copies)| {
            let credential = claims_for(&policy, claims, &copies);
            (policy, credential)
        })
}

/// One test in one slot, the others unused.
fn single(place: usize, operator: SlotOperator, operand: Fr) -> CompiledPolicy {
    let mut slots = [Slot::unused(); SLOTS];
    slots[place] = Slot {
        claim: ClaimRef::claim(0).unwrap(),
        connector: Connector::NewClause,
        operator,
        operand,
    };
    CompiledPolicy { schema: SCHEMA, slots, set: [Fr::from(7u64); SET_SIZE] }
}

fn with_claim(value: Fr) -> Credential {
    let mut claims = [Fr::ZERO; CLAIM_COUNT];
    claims[0] = value;
    credential(claims)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn slots_of_every_class_are_the_native_ones((policy, credential) in scene()) {
        let native = policy.evaluate(&credential).is_ok();
        prop_assert_eq!(accepted(&policy, &credential, &policy), native);
    }

    #[test]
    fn a_single_slot_of_every_class_is_the_native_one(
        (place, slot) in (0..SLOTS).prop_flat_map(|place| (Just(place), slot(place))),
        value in claim(), equal: bool,
    ) {
        let policy = single(place, slot.operator, slot.operand);
        let credential = with_claim(if equal { slot.operand } else { value });
        let native = policy.evaluate(&credential).is_ok();
        prop_assert_eq!(accepted(&policy, &credential, &policy), native);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// All 256 lies: none is accepted but those that claim at most the truth, and of these only
    /// with which the clauses hold.
    #[test]
    fn a_prover_gains_nothing_by_lying_about_slots((policy, credential) in scene()) {
        let truth = policy.truth(&credential).ok();
        for lie in 0..=u8::MAX {
            let said = saying(&policy, &credential, lie);
            let claims_at_most_the_truth = truth.is_some_and(|truth| {
                truth.iter().enumerate().all(|(i, holds)| *holds || lie >> i & 1 == 0)
            });
            let expected = claims_at_most_the_truth && said.evaluate(&credential).is_ok();
            prop_assert_eq!(accepted(&policy, &credential, &said), expected, "{:08b}", lie);
        }
    }
}

/// Refused natively and by the constraints, whatever the prover says of the slots.
fn refused(policy: &CompiledPolicy, credential: &Credential, violation: PolicyViolation) {
    assert_eq!(policy.evaluate(credential), Err(violation));
    for lie in 0..=u8::MAX {
        assert!(!accepted(policy, credential, &saying(policy, credential, lie)), "{lie:08b}");
    }
}

#[test]
fn a_claim_just_below_the_modulus_is_no_small_number_in_any_comparison() {
    for place in [1, 3, 5, 7] {
        for k in [1u64, 1 << 20] {
            for operator in
                [SlotOperator::Le { relative: false }, SlotOperator::Ge { relative: false }]
            {
                let policy = single(place, operator, Fr::from(10u64));
                refused(&policy, &with_claim(-Fr::from(k)), PolicyViolation::ClaimRange);
            }
        }
    }
}

#[test]
fn comparisons_of_64_bits_hold_at_their_ends() {
    let ge = SlotOperator::Ge { relative: false };
    let le = SlotOperator::Le { relative: false };
    let bound = Fr::from((1u64 << 40) - 1);
    for (operator, value, holds) in [
        (ge, u64::MAX, true),
        (ge, (1 << 40) - 1, true),
        (ge, (1 << 40) - 2, false),
        (le, (1 << 40) - 1, true),
        (le, 1 << 40, false),
        (le, 0, true),
        (le, u64::MAX, false),
    ] {
        let policy = single(7, operator, bound);
        let credential = with_claim(Fr::from(value));
        assert_eq!(policy.evaluate(&credential).is_ok(), holds);
        match holds {
            true => assert!(accepted(&policy, &credential, &policy)),
            false => refused(&policy, &credential, PolicyViolation::Clause),
        }
    }
    for operator in [ge, le] {
        let past = with_claim(Fr::from(u128::from(u64::MAX) + 1));
        refused(&single(7, operator, bound), &past, PolicyViolation::ClaimRange);
        let past = with_claim(Fr::from(1u64 << 40));
        refused(&single(1, operator, bound), &past, PolicyViolation::ClaimRange);
    }
}

#[test]
fn masks_of_every_width_refuse_claims_that_are_wider_or_lack_a_bit() {
    for (place, top) in [(3, 39u32), (5, 39), (7, 63)] {
        let mask = Fr::from(1u64 << top | 1);
        let contains = single(place, SlotOperator::Contains, mask);
        assert!(accepted(&contains, &with_claim(mask), &contains));
        refused(&contains, &with_claim(Fr::from(1u64 << top)), PolicyViolation::Clause);
        let excludes = single(place, SlotOperator::Excludes, mask);
        assert!(accepted(&excludes, &with_claim(Fr::from(2u64)), &excludes));
        refused(&excludes, &with_claim(Fr::from(1u64 << top)), PolicyViolation::Clause);
        for policy in [contains, excludes] {
            let wider = mask + Fr::from(2u64).pow([u64::from(top) + 1]);
            refused(&policy, &with_claim(wider), PolicyViolation::ClaimRange);
            refused(&policy, &with_claim(-Fr::ONE), PolicyViolation::ClaimRange);
        }
    }
}

#[test]
fn an_in_mask_claim_is_the_number_of_a_bit_of_the_mask() {
    let mask = Fr::from(1u64 << 63 | 1 << 5);
    let policy = single(7, SlotOperator::InMask, mask);
    for (bit, holds) in [(5u64, true), (63, true), (0, false), (62, false)] {
        let credential = with_claim(Fr::from(bit));
        match holds {
            true => assert!(accepted(&policy, &credential, &policy)),
            false => refused(&policy, &credential, PolicyViolation::Clause),
        }
    }
    for value in [Fr::from(64u64), Fr::from(64u64 + 5), -Fr::ONE] {
        refused(&policy, &with_claim(value), PolicyViolation::ClaimRange);
    }
}

#[test]
fn sets_and_inequalities_refuse_what_is_not_so() {
    let member = with_claim(Fr::from(7u64));
    let other = with_claim(Fr::from(8u64));
    for place in [0, 2, 4, 6] {
        refused(&single(place, SlotOperator::InSet, Fr::ZERO), &other, PolicyViolation::Clause);
        refused(&single(place, SlotOperator::NotInSet, Fr::ZERO), &member, PolicyViolation::Clause);
    }
    for place in 0..SLOTS {
        let seven = Fr::from(7u64);
        refused(&single(place, SlotOperator::Eq, seven), &other, PolicyViolation::Clause);
        refused(&single(place, SlotOperator::Neq, seven), &member, PolicyViolation::Clause);
    }
}

#[test]
fn a_comparison_with_another_claim_refuses_what_is_not_so() {
    for (operator, holds) in
        [(SlotOperator::Le { relative: true }, 9u64), (SlotOperator::Ge { relative: true }, 11)]
    {
        let mut policy = single(1, SlotOperator::Ge { relative: false }, Fr::ZERO);
        let claim = ClaimRef::claim(1).unwrap();
        policy.slots[3] = Slot { claim, connector: Connector::And, operator, operand: Fr::ZERO };
        for value in [9u64, 11] {
            let mut claims = [Fr::ZERO; CLAIM_COUNT];
            claims[..2].copy_from_slice(&[Fr::from(10u64), Fr::from(value)]);
            let credential = credential(claims);
            match value == holds {
                true => assert!(accepted(&policy, &credential, &policy)),
                false => refused(&policy, &credential, PolicyViolation::Clause),
            }
        }
        // A base just below the modulus would move the bound.
        let mut claims = [Fr::ZERO; CLAIM_COUNT];
        claims[..2].copy_from_slice(&[-Fr::from(10u64), Fr::from(holds)]);
        refused(&policy, &credential(claims), PolicyViolation::ClaimRange);
    }
}

/// The word's bits below 2^128 are unique, so that no other flags or schema fit one word.
#[test]
fn a_word_past_its_128_bits_is_refused() {
    let policy = single(0, SlotOperator::Eq, Fr::ZERO);
    let word = |word: Fr| holds(|b: &mut Trial| drop(unpack_word(b, &Number(word), &policy)));
    assert!(word(policy.word()));
    for past in [Fr::from(2u64).pow([128]), Fr::from(2u64).pow([253]), -Fr::ONE] {
        assert!(!word(policy.word() + past));
    }
}
