//! Paths through Poseidon trees.

use super::bits::enforce_indexed;
use super::poseidon::{Capacity, Output, hash};
use crate::field::Fr;
use crate::r1cs::backend::{Backend, Linear};

/// The parent of a node that stands anywhere among its children: the hash, and as many
/// constraints as children, less one.
pub(in crate::r1cs) fn parent_of_any<B: Backend>(
    b: &mut B,
    node: &B::Num,
    children: &[Fr],
) -> Output<B::Num> {
    let children: Vec<B::Num> = children.iter().map(|child| b.witness(*child)).collect();
    if let [first, middle @ .., last] = children.as_slice() {
        let mut distance = first.minus(node);
        for child in middle {
            distance = b.product(&distance, &child.minus(node));
        }
        b.enforce(&distance, &last.minus(node), &B::Num::zero());
    }
    hash(b, Capacity::Tag(0), &children)
}

/// The parent of a node that stands at a given place among its 2^bits children: the hash, and as
/// many constraints as children, less one.
pub(in crate::r1cs) fn parent_at<B: Backend>(
    b: &mut B,
    node: &B::Num,
    place: &[B::Num],
    children: &[Fr],
) -> Output<B::Num> {
    let children: Vec<B::Num> = children.iter().map(|child| b.witness(*child)).collect();
    enforce_indexed(b, place, &children, node);
    hash(b, Capacity::Tag(0), &children)
}
