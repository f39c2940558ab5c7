//! The gadgets as the tests call them: values in, values out.

use super::trial::{Number, Trial};
use crate::field::Fr;
use crate::jubjub::Point;
use crate::r1cs::backend::{Backend, Linear};
use crate::r1cs::gadgets::bits::{equal, low_bits, with_sign};
use crate::r1cs::gadgets::montgomery::{Edwards, Montgomery};
use crate::r1cs::gadgets::poseidon::Capacity;
use crate::r1cs::gadgets::{merkle, poseidon, slopes};
use ark_ff::Field;

pub(super) fn product(b: &mut Trial, x: Number, y: Number) -> Number {
    b.product(&x, &y)
}

pub(super) fn boolean(b: &mut Trial, value: bool) -> Number {
    b.boolean(value)
}

/// Σ bitᵢ·2ⁱ.
pub(super) fn recompose(bits: &[Number]) -> Number {
    Number::of_bits(bits)
}

/// x as bits that sum up to it.
pub(super) fn decompose(b: &mut Trial, x: Number, count: usize) -> Vec<Number> {
    let bits = low_bits(b, x.0, count);
    equal(b, &recompose(&bits), &x);
    bits
}

pub(super) fn hash(b: &mut Trial, capacity: Capacity<Number>, inputs: &[Number]) -> Number {
    poseidon::hash(b, capacity, inputs).variable(b)
}

pub(super) fn parent_of_any(b: &mut Trial, node: Number, children: &[Fr]) -> Number {
    merkle::parent_of_any(b, &node, children).variable(b)
}

pub(super) fn parent_at(b: &mut Trial, node: Number, place: &[Number], children: &[Fr]) -> Number {
    merkle::parent_at(b, &node, place, children).variable(b)
}

pub(super) fn edwards(point: &Point) -> Edwards<Number> {
    Edwards { x: Number(point.x()), y: Number(point.y()) }
}

pub(super) fn montgomery(b: &mut Trial, point: &Point) -> Montgomery<Number> {
    Montgomery::of_edwards(b, &edwards(point))
}

/// The slope of the line through two points; 0 where they share their u.
fn slope(p: &Montgomery<Number>, q: &Montgomery<Number>) -> Fr {
    (p.v.0 - q.v.0) * (p.u.0 - q.u.0).inverse().unwrap_or_default()
}

pub(super) fn add(
    b: &mut Trial,
    p: &Montgomery<Number>,
    q: &Montgomery<Number>,
) -> Montgomery<Number> {
    p.add(b, q, slope(p, q))
}

pub(super) fn double_and_add(
    b: &mut Trial,
    p: &Montgomery<Number>,
    q: &Montgomery<Number>,
) -> Montgomery<Number> {
    // The sum between, outside the circuit.
    let sum = add(&mut Trial::default(), p, q);
    p.double_and_add(b, q, [slope(p, q), slope(p, &sum)])
}

/// As in the circuit: (2^128 + 2c + 1)·key from the bits of c.
pub(super) fn key_multiple(b: &mut Trial, key: &Point, bits: &[bool]) -> Edwards<Number> {
    let base = montgomery(b, key);
    let mut multiple = base.double(b);
    let plus: Vec<bool> = bits.iter().rev().copied().collect();
    for (plus, slopes) in plus.iter().zip(slopes::of_ladder(key, &plus).iter()) {
        let v = with_sign(b, &base.v, &Number(Fr::from(*plus)));
        multiple = multiple.double_and_add(b, &Montgomery { u: base.u, v }, *slopes);
    }
    multiple.to_edwards(b)
}

/// Enforces that the x of p + q is `expected`.
pub(super) fn enforce_sum_x(b: &mut Trial, p: &Edwards<Number>, q: &Edwards<Number>, expected: Fr) {
    p.enforce_sum_x(b, q, &Number(expected));
}
