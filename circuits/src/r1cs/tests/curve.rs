//! Curve arithmetic against `ark-ed-on-bn254`'s, and the points at which formulae end.

use super::gadgets::{add, double_and_add, edwards, enforce_sum_x, key_multiple, montgomery};
use super::trial::{Number, Trial, every_hint_is_bound, holds, outputs};
use crate::field::Fr;
use crate::jubjub::{A, D, MONTGOMERY_A, Point, PointError, Scalar};
use crate::r1cs::backend::Linear;
use crate::r1cs::gadgets::fixed_base::multiply_base;
use crate::r1cs::gadgets::montgomery::{Edwards, Montgomery};
use crate::schnorr::VerifyingKey;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, Zero};
use proptest::prelude::*;

fn scalar() -> impl Strategy<Value = Scalar> {
    any::<[u64; 4]>().prop_map(|limbs| {
        let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        Scalar::from_le_bytes_mod_order(&bytes)
    })
}

fn base_times(scalar: Scalar) -> Point {
    Point::base().multiply(&scalar).unwrap()
}

fn coordinates(point: &Point) -> [Fr; 2] {
    [point.x(), point.y()]
}

fn both(point: Edwards<Number>) -> Vec<Number> {
    vec![point.x, point.y]
}

/// A point through Montgomery form and back, with something done to it in between.
fn through_montgomery(
    point: Point,
    operation: impl Fn(&mut Trial, Montgomery<Number>) -> Montgomery<Number>,
) -> impl Fn(&mut Trial) -> Vec<Number> {
    move |b| {
        let before = montgomery(b, &point);
        let result = operation(b, before);
        both(result.to_edwards(b))
    }
}

fn challenge(c: u128) -> Scalar {
    let two = Scalar::from(2u64);
    two.pow([128]) + two * Scalar::from(c) + Scalar::from(1u64)
}

fn bits_of(c: u128) -> Vec<bool> {
    (0..128).map(|i| c >> i & 1 == 1).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn montgomery_arithmetic_is_the_native_one(p in scalar(), q in scalar()) {
        prop_assume!(!p.is_zero() && !q.is_zero() && p != q && p != -q && p != -p.double());
        let (first, second) = (base_times(p), base_times(q));
        let same = through_montgomery(first, |_, point| point);
        prop_assert_eq!(outputs(&same), coordinates(&first));
        let double = through_montgomery(first, |b, point| point.double(b));
        prop_assert_eq!(outputs(&double), coordinates(&base_times(p.double())));
        let sum = through_montgomery(first, |b, point| {
            let other = montgomery(b, &second);
            add(b, &point, &other)
        });
        prop_assert_eq!(outputs(&sum), coordinates(&base_times(p + q)));
        let double_and_add = through_montgomery(first, |b, point| {
            let other = montgomery(b, &second);
            double_and_add(b, &point, &other)
        });
        prop_assume!(p.double() != -q);
        prop_assert_eq!(outputs(&double_and_add), coordinates(&base_times(p.double() + q)));
        for gadget in [&same as &dyn Fn(&mut Trial) -> Vec<Number>, &double, &sum, &double_and_add] {
            every_hint_is_bound(|b| gadget(b), &[]);
        }
    }

    #[test]
    fn the_edwards_law_is_the_native_one(p in scalar(), q in scalar()) {
        prop_assume!(!p.is_zero() && !q.is_zero() && p != -q);
        let (first, second) = (base_times(p), base_times(q));
        let expected = base_times(p + q);
        let sum = |b: &mut Trial| both(edwards(&first).add(b, &edwards(&second)));
        prop_assert_eq!(outputs(sum), coordinates(&expected));
        every_hint_is_bound(|b| sum(b), &[]);
        prop_assert!(holds(|b| enforce_sum_x(b, &edwards(&first), &edwards(&second), expected.x())));
        prop_assert!(!holds(|b| enforce_sum_x(b, &edwards(&first), &edwards(&second), -expected.x())));
        if p != q {
            let x = first.subtract(&second).unwrap().x();
            let opposite = edwards(&second).negated();
            prop_assert!(holds(|b| enforce_sum_x(b, &edwards(&first), &opposite, x)));
            prop_assert!(!holds(|b| enforce_sum_x(b, &edwards(&first), &opposite, expected.x())));
        }
    }

    #[test]
    fn multiples_of_the_base_are_the_native_ones(s in scalar()) {
        prop_assume!(!s.is_zero());
        prop_assert_eq!(outputs(|b| both(multiply_base(b, &s))), coordinates(&base_times(s)));
    }

    #[test]
    fn multiples_of_a_key_are_the_native_ones(key in scalar(), c: u128) {
        prop_assume!(!key.is_zero());
        let point = base_times(key);
        let expected = point.multiply(&challenge(c)).unwrap();
        let found = outputs(|b| both(key_multiple(b, &point, &bits_of(c))));
        prop_assert_eq!(found, coordinates(&expected));
    }
}

#[test]
fn the_ladder_meets_no_exceptional_point_at_the_ends_of_the_challenge() {
    let keys = [Scalar::from(1u64), -Scalar::from(1u64), Scalar::from(2u64), challenge(5)];
    for key in keys.map(base_times) {
        for c in [0, 1, u128::MAX, u128::MAX - 1, 1 << 127, (1 << 127) - 1, u128::MAX / 3] {
            let expected = key.multiply(&challenge(c)).unwrap();
            let found = outputs(|b| both(key_multiple(b, &key, &bits_of(c))));
            assert_eq!(found, coordinates(&expected));
        }
    }
}

/// Sums in the ladder are m·A with m < 2^130, and slopes' denominators vanish only for m ≡ ±1,
/// 2m ± 1 ≡ 0 or m ≡ 0; those of the windows before the last are k·B with |k| < 8^83.
#[test]
fn the_order_is_above_what_the_ladder_and_the_windows_reach() {
    assert!(Scalar::MODULUS.num_bits() > 3 * 83 + 1);
}

#[test]
fn the_last_window_has_no_exceptional_case() {
    // s ≡ 2·term and s ≡ 0 are where an incomplete addition of the last window would divide by
    // zero, and leave its slope free.
    let top = Scalar::from(8u64).pow([83]);
    for digit in [1u64, 3, 5, 7] {
        let term = top * Scalar::from(digit);
        for s in [term.double(), -term.double(), term, -term] {
            assert_eq!(outputs(|b| both(multiply_base(b, &s))), coordinates(&base_times(s)));
        }
    }
    for s in [Scalar::from(1u64), -Scalar::from(1u64), Scalar::from(2u64), -Scalar::from(2u64)] {
        assert_eq!(outputs(|b| both(multiply_base(b, &s))), coordinates(&base_times(s)));
    }
    let neutral = [Fr::ZERO, Fr::ONE];
    assert_eq!(outputs(|b| both(multiply_base(b, &Scalar::zero()))), neutral);
}

#[test]
fn every_hint_of_the_base_multiple_is_bound_but_its_digits() {
    // Its digits are booleans: 0 or 1, the prover's to choose.
    let s = challenge(12345);
    let booleans = [Fr::ZERO, Fr::ONE];
    every_hint_is_bound(|b| multiply_base(b, &s), &booleans);
    let mut honest = Trial::default();
    let _ = multiply_base(&mut honest, &s);
    for wire in (0..honest.wires.len()).filter(|wire| booleans.contains(&honest.wires[*wire])) {
        let mut trial = Trial::forging(wire, Fr::from(2u64));
        let _ = multiply_base(&mut trial, &s);
        assert!(!trial.broken.is_empty(), "digit {wire} is no boolean");
    }
}

#[test]
fn the_complete_law_holds_at_the_neutral_point_at_doubles_and_at_opposites() {
    let neutral = Edwards { x: Number(Fr::ZERO), y: Number(Fr::ONE) };
    let point = base_times(challenge(9));
    let law = |p: &Edwards<Number>, q: &Edwards<Number>| outputs(|b| both(p.add(b, q)));
    let e = edwards(&point);
    assert_eq!(law(&e, &neutral), coordinates(&point));
    assert_eq!(law(&neutral, &e), coordinates(&point));
    assert_eq!(law(&e, &e), coordinates(&base_times(challenge(9).double())));
    assert_eq!(law(&e, &e.negated()), [Fr::ZERO, Fr::ONE]);
}

/// What the comments call "no square", on which completeness and the maps between forms rest.
#[test]
fn the_curve_constants_are_the_squares_and_non_squares_that_the_formulae_need() {
    assert!(A.legendre().is_qr());
    assert!(D.legendre().is_qnr());
    // u = −1 is on the Montgomery form only if −1 + A − 1 = 168696 were a square.
    assert_eq!(MONTGOMERY_A - Fr::from(2u64), D);
    // Besides (0, 0) no point has v = 0: u² + A·u + 1 would need a root.
    assert!((MONTGOMERY_A.square() - Fr::from(4u64)).legendre().is_qnr());
}

/// Why accreditation checks keys: that of order 2 would leave v, and so the whole ladder, to the
/// prover.
#[test]
fn a_key_of_order_2_would_leave_the_ladder_to_the_prover_and_is_no_key() {
    let (x, y) = (Fr::ZERO, -Fr::ONE);
    let ladder = |b: &mut Trial| Montgomery::of_edwards(b, &Edwards { x: Number(x), y: Number(y) });
    let mut honest = Trial::default();
    let _ = ladder(&mut honest);
    let free = (0..honest.wires.len()).filter(|wire| {
        let mut trial = Trial::forging(*wire, Fr::from(7u64));
        let _ = ladder(&mut trial);
        trial.broken.is_empty()
    });
    assert_eq!(free.count(), 1);
    assert_eq!(VerifyingKey::from_coordinates(x, y), Err(PointError::NotInSubgroup));
    assert_eq!(VerifyingKey::from_coordinates(x, Fr::ONE), Err(PointError::Identity));
}

/// Where an incomplete addition would leave the slope free, an honest prover has no hint, and a
/// dishonest one has all: the reason why each use must say that the points differ.
#[test]
fn incomplete_additions_have_a_free_slope_where_they_are_not_used() {
    let point = base_times(challenge(3));
    let twice = |b: &mut Trial| {
        let p = montgomery(b, &point);
        add(b, &p, &p)
    };
    // 0·slope = 0: any slope will do, and the sum is what the prover likes.
    assert!(holds(|b| twice(b)));
    let opposite = |b: &mut Trial| {
        let p = montgomery(b, &point);
        add(b, &p, &Montgomery { u: p.u, v: p.v.negated() })
    };
    // 0·slope = 2v: no slope will do.
    assert!(!holds(|b| opposite(b)));
}

/// The vectors of `tests/babyjubjub_vectors.rs`, through the gadgets.
mod circomlib {
    use super::*;
    use crate::field::from_hex;
    use serde_json::Value;

    fn vectors() -> Value {
        let text = include_str!("../../../tests/vectors/babyjubjub.json");
        serde_json::from_str(text).unwrap()
    }

    fn element(value: &Value) -> Fr {
        from_hex(value.as_str().unwrap()).unwrap()
    }

    fn point(value: &Value) -> Point {
        Point::from_coordinates(element(&value[0]), element(&value[1])).unwrap()
    }

    fn scalar(value: &Value) -> Scalar {
        let digits = hex::decode(&value.as_str().unwrap()[2..]).unwrap();
        Scalar::from_be_bytes_mod_order(&digits)
    }

    #[test]
    fn the_gadgets_multiply_as_circomlibjs_does() {
        let mut ladders = 0;
        for vector in vectors()["arithmetic"].as_array().unwrap() {
            if vector["operation"] != "multiply" {
                continue;
            }
            let (p, s, expect) =
                (point(&vector["p"]), scalar(&vector["scalar"]), point(&vector["expect"]));
            if p == Point::base() {
                assert_eq!(outputs(|b| both(multiply_base(b, &s))), coordinates(&expect));
            }
            for c in [0, u128::MAX] {
                if s == challenge(c) {
                    let found = outputs(|b| both(key_multiple(b, &p, &bits_of(c))));
                    assert_eq!(found, coordinates(&expect));
                    ladders += 1;
                }
            }
        }
        assert_eq!(ladders, 10);
    }

    /// The circuit's check of a signature, x(s·B − e·A) = R.x, on EdDSA-Poseidon's e = 8·h.
    #[test]
    fn the_gadgets_verify_signatures_of_circomlibjs() {
        for vector in vectors()["signatures"].as_array().unwrap() {
            if !["a signature", "another message", "another response"]
                .contains(&vector["what"].as_str().unwrap())
            {
                continue;
            }
            let challenge = scalar(&vector["challenge"]) * Scalar::from(8u64);
            let key_multiple = point(&vector["key"]).multiply(&challenge).unwrap();
            let accepted = holds(|b| {
                let response = multiply_base(b, &scalar(&vector["s"]));
                let negated = edwards(&key_multiple).negated();
                enforce_sum_x(b, &response, &negated, element(&vector["r"][0]));
            });
            assert_eq!(accepted, vector["expect"] == "accept");
        }
    }
}
