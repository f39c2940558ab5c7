//! Products, booleans, decompositions and selections against integers and slices.

use super::gadgets::{boolean, decompose, product, recompose};
use super::trial::{Number, any_element, element, every_hint_is_bound, holds, outputs};
use crate::credential::{Header, IssuerId, SchemaId, pack, power_of_two};
use crate::field::{Fr, to_u64};
use crate::holder::HolderCommitment;
use crate::r1cs::backend::Linear;
use crate::r1cs::gadgets::bits::{
    decompose_product, enforce_indexed, equal, low_bits, packed, ranged, select, select_indexed,
};
use ark_ff::{BigInteger, Field, PrimeField};
use proptest::prelude::*;

fn bits_of(value: Fr, count: usize) -> Vec<Fr> {
    let integer = value.into_bigint();
    (0..count).map(|i| Fr::from(integer.get_bit(i))).collect()
}

fn index_bits(index: usize, count: usize) -> Vec<Number> {
    (0..count).map(|i| Number(Fr::from((index >> i & 1) as u64))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_product_is_the_product(x in element(), y in element()) {
        let gadget = |b: &mut _| vec![product(b, Number(x), Number(y))];
        prop_assert_eq!(outputs(gadget), [x * y]);
        every_hint_is_bound(|b| gadget(b), &[]);
    }

    #[test]
    fn equal_holds_of_equals_only(x in element(), y in element()) {
        prop_assert!(holds(|b| equal(b, &Number(x), &Number(x))));
        prop_assert_eq!(holds(|b| equal(b, &Number(x), &Number(y))), x == y);
    }

    #[test]
    fn a_boolean_is_0_or_1(value: bool) {
        prop_assert_eq!(outputs(|b| vec![boolean(b, value)]), [Fr::from(value)]);
        // Tied to its value, so that the other bit is no way out either.
        every_hint_is_bound(
            |b| {
                let bit = boolean(b, value);
                equal(b, &bit, &Number(Fr::from(value)));
            },
            &[],
        );
    }

    #[test]
    fn low_bits_and_their_sum_are_those_of_the_integer(x in element(), count in 1usize..=254) {
        prop_assert_eq!(outputs(|b| low_bits(b, x, count)), bits_of(x, count));
        let sum = outputs(|b| vec![recompose(&low_bits(b, x, count))]);
        let kept: Fr = bits_of(x, count).iter().rev().fold(Fr::from(0u64), |sum, bit| sum + sum + bit);
        prop_assert_eq!(&sum, &[kept]);
        prop_assert_eq!(outputs(|b| vec![ranged(b, x, count)]), sum);
    }

    #[test]
    fn decompose_accepts_what_fits_and_nothing_else(x in element(), count in 1usize..=253) {
        let fits = x.into_bigint().num_bits() as usize <= count;
        prop_assert_eq!(holds(|b| decompose(b, Number(x), count)), fits);
        if fits {
            prop_assert_eq!(outputs(|b| decompose(b, Number(x), count)), bits_of(x, count));
        }
    }

    #[test]
    fn decompose_product_accepts_a_product_that_fits(
        x in element(), y in prop_oneof![Just(Fr::from(0u64)), Just(Fr::from(1u64)), element()],
        count in prop_oneof![Just(6usize), Just(40), Just(64)],
    ) {
        let fits = (x * y).into_bigint().num_bits() as usize <= count;
        prop_assert_eq!(holds(|b| decompose_product(b, &Number(x), &Number(y), count)), fits);
        if fits {
            let bits = outputs(|b| decompose_product(b, &Number(x), &Number(y), count));
            prop_assert_eq!(bits, bits_of(x * y, count));
        }
    }

    #[test]
    fn select_is_a_choice(bit: bool, yes in any_element(), no in any_element()) {
        let gadget = |b: &mut _| vec![select(b, &Number(Fr::from(bit)), &Number(yes), &Number(no))];
        prop_assert_eq!(outputs(gadget), [if bit { yes } else { no }]);
        every_hint_is_bound(|b| gadget(b), &[]);
    }

    #[test]
    fn select_indexed_is_an_index(
        (items, index) in prop::collection::vec(any_element(), 1..=32)
            .prop_flat_map(|items| { let n = items.len(); (Just(items), 0..n) }),
    ) {
        let bits = index_bits(index, 5);
        let gadget = |b: &mut _| vec![select_indexed(b, &bits, &Number::all(&items))];
        prop_assert_eq!(outputs(gadget), [items[index]]);
        every_hint_is_bound(|b| gadget(b), &[]);
    }

    #[test]
    fn enforce_indexed_holds_of_the_item_at_the_index_only(
        bits in 1usize..=3, place in 0usize..8, other in 0usize..8,
        items in prop::array::uniform8(any_element()),
    ) {
        let (place, other) = (place % (1 << bits), other % (1 << bits));
        let items = &items[..1 << bits];
        let gadget = |b: &mut _, expected| {
            enforce_indexed(b, &index_bits(place, bits), &Number::all(items), &Number(expected));
        };
        prop_assert!(holds(|b| gadget(b, items[place])));
        prop_assert_eq!(holds(|b| gadget(b, items[other])), items[other] == items[place]);
        every_hint_is_bound(|b| gadget(b, items[place]), &[]);
    }

    #[test]
    fn packed_is_the_headers_packing(
        schema: u32, status_index in 0u32..1 << 17,
        valid_from in 0u64..1 << 40, valid_until in 0u64..1 << 40,
    ) {
        let header = Header {
            schema: SchemaId::from_u32(schema),
            issuer_id: IssuerId::from_address([1; 20]),
            holder: HolderCommitment::from_field(Fr::from(1u64)),
            status_index, valid_from, valid_until,
            salt: [0; 16],
        };
        let parts = [(u64::from(schema), 0), (status_index.into(), 32), (valid_from, 64), (valid_until, 128)];
        let numbers = parts.map(|(value, shift)| (Number::constant(Fr::from(value)), shift));
        let sum = packed(&numbers.each_ref().map(|(number, shift)| (number, *shift)));
        prop_assert_eq!(sum.0, header.packed());
        prop_assert_eq!(sum.0, pack(&parts));
    }
}

#[test]
fn every_bit_of_a_decomposition_is_bound() {
    let x = Fr::from(0x5555_1234_9abc_u64);
    for count in [47, 64, 253] {
        every_hint_is_bound(|b| decompose(b, Number(x), count), &[]);
        let one = Number(Fr::from(1u64));
        every_hint_is_bound(|b| decompose_product(b, &Number(x), &one, count), &[]);
    }
}

/// What "difference in [0, 2^64)" would accept if only the difference were ranged.
#[test]
fn a_number_just_below_the_modulus_has_no_64_bits() {
    for k in 1u64..=64 {
        let negative = -Fr::from(k);
        assert_eq!(to_u64(&negative), None);
        assert!(!holds(|b| decompose(b, Number(negative), 64)));
        // Yet its distance from a bound has, which is why both sides are ranged.
        assert!(!holds(|b| decompose(b, Number(negative - Fr::from(1u64 << 40)), 64)));
        assert!(holds(|b| decompose(b, Number(Fr::from(1u64 << 40) - negative), 64)));
    }
}

/// 254 bits have room for an element and, if it is small, for the element plus the modulus.
#[test]
fn of_two_patterns_of_254_bits_the_rule_of_the_top_bits_leaves_one() {
    let modulus = Fr::MODULUS;
    // 2^254 less the modulus: the elements below it have an alias of 254 bits.
    let room = Fr::from(2u64).pow([254]);
    for x in [Fr::from(0u64), Fr::from(1u64), room - Fr::from(1u64)] {
        let mut alias = x.into_bigint();
        assert!(!alias.add_with_carry(&modulus));
        assert!(alias.num_bits() <= 254, "the alias has room");
        assert!(!(x.into_bigint().get_bit(253) && x.into_bigint().get_bit(252)));
        assert!(alias.get_bit(253) && alias.get_bit(252), "the rule refuses the alias");
    }
    // An element that is itself past the rule is what the issuer's retry avoids.
    let past = Fr::from(3u64) * power_of_two(252);
    assert!(past.into_bigint().get_bit(253) && past.into_bigint().get_bit(252));
    let mut alias = past.into_bigint();
    alias.add_with_carry(&modulus);
    assert!(alias.num_bits() > 254);
}
