//! Poseidon and what is hashed with it: trees, commitment, nullifier.

use super::gadgets::{hash, parent_at, parent_of_any};
use super::trial::{Number, Trial, any_element, every_hint_is_bound, holds, outputs};
use crate::field::{self, Fr};
use crate::holder::{HolderSecret, Scope, tags};
use crate::poseidon::{MAX_INPUTS, hash_from, hash_tagged};
use crate::r1cs::gadgets::bits::equal;
use crate::r1cs::gadgets::poseidon::Capacity;
use crate::registry::{ARITY, CAPACITY, RegistryTree};
use crate::status::{ARITIES, StatusList};
use proptest::prelude::*;

fn inputs() -> impl Strategy<Value = Vec<Fr>> {
    prop::collection::vec(any_element(), 1..=MAX_INPUTS)
}

fn place_bits(place: usize, arity: usize) -> Vec<Number> {
    (0..arity.ilog2()).map(|i| Number(Fr::from((place >> i & 1) as u64))).collect()
}

#[test]
fn a_hash_of_every_width_is_the_native_one() {
    for width in 1..=MAX_INPUTS {
        let inputs: Vec<Fr> = (0..width as u64).map(|i| Fr::from(i * i + 3)).collect();
        let tagged = outputs(|b| vec![hash(b, Capacity::Tag(2), &Number::all(&inputs))]);
        assert_eq!(tagged, [hash_tagged(2, &inputs)], "{width} inputs");
        let first = Fr::from(77u64);
        let gadget =
            |b: &mut _| vec![hash(b, Capacity::Chained(Number(first)), &Number::all(&inputs))];
        assert_eq!(outputs(gadget), [hash_from(first, &inputs)], "{width} inputs");
    }
}

#[test]
fn every_hint_of_a_hash_is_bound() {
    for width in [1, 2, 5, 16] {
        let inputs: Vec<Number> = (0..width as u64).map(|i| Number(Fr::from(i + 9))).collect();
        every_hint_is_bound(|b| hash(b, Capacity::Tag(1), &inputs), &[]);
        let chained = || Capacity::Chained(Number(Fr::from(5u64)));
        every_hint_is_bound(|b| hash(b, chained(), &inputs), &[]);
    }
}

#[test]
fn every_hint_of_a_path_is_bound_but_the_siblings() {
    for arity in [4, ARITY, 8] {
        let children: Vec<Fr> = (1000..1000 + arity as u64).map(Fr::from).collect();
        for place in [0, arity / 2, arity - 1] {
            let node = Number(children[place]);
            every_hint_is_bound(|b| parent_of_any(b, node, &children), &children);
            if arity.is_power_of_two() {
                let bits = place_bits(place, arity);
                every_hint_is_bound(|b| parent_at(b, node, &bits, &children), &children);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hashes_are_the_native_ones(inputs in inputs(), tag in 0u64..4, first in any_element()) {
        let numbers = Number::all(&inputs);
        let tagged = outputs(|b| vec![hash(b, Capacity::Tag(tag), &numbers)]);
        prop_assert_eq!(tagged, [hash_tagged(tag, &inputs)]);
        let chained = outputs(|b| vec![hash(b, Capacity::Chained(Number(first)), &numbers)]);
        prop_assert_eq!(chained, [hash_from(first, &inputs)]);
    }

    #[test]
    fn commitment_and_nullifier_are_the_native_ones(secret in any_element(), epoch: u64) {
        let native = HolderSecret::from_bytes(&field::to_be_bytes(&secret)).unwrap();
        let scope = Scope::new("did:ethr:0x1:0xaa", "study", epoch);
        let (s, scope_number) = (Number(secret), Number(scope.as_field()));
        let commitment = outputs(|b| vec![hash(b, Capacity::Tag(tags::COMMITMENT), &[s])]);
        prop_assert_eq!(commitment, [native.commitment().as_field()]);
        let nullifier = outputs(|b| {
            let key = hash(b, Capacity::Tag(tags::WITHDRAWAL), &[s, scope_number]);
            vec![hash(b, Capacity::Tag(0), &[key])]
        });
        prop_assert_eq!(nullifier, [native.withdrawal_key(&scope).nullifier().as_field()]);
    }

    #[test]
    fn a_node_is_found_among_children_of_any_number_and_no_other_is(
        children in prop::collection::vec(any_element(), 2..=8),
        place in any::<prop::sample::Index>(), foreign in any_element(),
    ) {
        let node = Number(*place.get(&children));
        let parent = outputs(|b| vec![parent_of_any(b, node, &children)]);
        prop_assert_eq!(parent, [hash_tagged(0, &children)]);
        prop_assert!(!holds(|b| parent_of_any(b, Number(foreign), &children)));
    }

    #[test]
    fn a_node_is_found_at_its_place_and_at_no_other(
        children in prop::array::uniform8(any_element()),
        wide: bool, place in 0usize..8, other in 0usize..8,
    ) {
        let children = &children[..if wide { 8 } else { 4 }];
        let (place, other) = (place % children.len(), other % children.len());
        let node = Number(children[place]);
        let bits = place_bits(place, children.len());
        let parent = outputs(|b| vec![parent_at(b, node, &bits, children)]);
        prop_assert_eq!(parent, [hash_tagged(0, children)]);
        let elsewhere = Number(children[other]);
        let found = holds(|b| parent_at(b, elsewhere, &bits, children));
        prop_assert_eq!(found, place == other);
    }

    #[test]
    fn membership_in_the_registry_is_the_native_one(
        leaves in prop::collection::btree_map(0..CAPACITY, any_element(), 1..4),
        chosen in any::<prop::sample::Index>(), foreign in any_element(),
    ) {
        let mut tree = RegistryTree::new();
        leaves.iter().for_each(|(index, leaf)| tree.set(*index, *leaf).unwrap());
        let index = *chosen.get(&leaves.keys().copied().collect::<Vec<_>>());
        let path = tree.path(index).unwrap();
        let gadget = |b: &mut _, leaf: Fr| {
            let mut node = Number(leaf);
            for children in &path.children {
                node = parent_of_any(b, node, children);
            }
            node
        };
        let root = tree.root().as_field();
        prop_assert_eq!(outputs(|b| vec![gadget(b, leaves[&index])]), [root]);
        prop_assert_eq!(path.root(foreign), None);
        prop_assert!(!holds(|b| gadget(b, foreign)));
    }

    #[test]
    fn the_path_of_a_row_is_the_native_one(
        flips in prop::collection::vec(0u32..131_072, 1..16), index in 0u32..131_072,
        other in 0u32..131_072,
    ) {
        let mut list = StatusList::new();
        list.flip_all(&flips).unwrap();
        let path = list.path(index).unwrap();
        let gadget = |b: &mut Trial, index: u32| {
            let mut place = index as usize >> 7;
            let mut node = Number(Fr::from(path.row));
            for (children, arity) in path.children.iter().zip(ARITIES) {
                node = parent_at(b, node, &place_bits(place % arity, arity), children);
                place /= arity;
            }
            equal(b, &node, &Number(list.root().as_field()));
        };
        prop_assert!(holds(|b| gadget(b, index)));
        prop_assert_eq!(
            holds(|b| gadget(b, other)),
            path.root(other) == Ok(Some(list.root())),
        );
    }
}

/// A node that is nobody's child, whatever is forged about the product of distances.
#[test]
fn no_forged_product_makes_a_foreign_node_a_member() {
    let children: Vec<Fr> = (1..=ARITY as u64).map(Fr::from).collect();
    let mut honest = Trial::default();
    let _ = parent_of_any(&mut honest, Number(Fr::from(99u64)), &children);
    assert!(!honest.broken.is_empty());
    for wire in 0..honest.wires.len() {
        for forged in [Fr::from(0u64), Fr::from(99u64), Fr::from(1u64)] {
            let arguments = children.contains(&honest.wires[wire]);
            let mut trial = Trial::forging(wire, forged);
            let _ = parent_of_any(&mut trial, Number(Fr::from(99u64)), &children);
            let became_a_child = arguments && forged == Fr::from(99u64);
            assert_eq!(trial.broken.is_empty(), became_a_child, "hint {wire}");
        }
    }
}
