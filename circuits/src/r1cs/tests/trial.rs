//! A back-end for trials: it fills in values as a prover does, goes on when a constraint breaks,
//! and can put another value in the place of any hint. What is computed after a forged hint
//! follows from it, as a prover would do who wants to get away with it.

use crate::field::Fr;
use crate::r1cs::backend::{Backend, Linear};
use ark_ff::{Field, PrimeField};
use proptest::prelude::*;

/// A linear combination reduced to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) Fr);

impl Number {
    pub(super) fn all(values: &[Fr]) -> Vec<Self> {
        values.iter().copied().map(Self).collect()
    }
}

impl Linear for Number {
    fn constant(value: Fr) -> Self {
        Self(value)
    }

    fn add_scaled(&mut self, other: &Self, factor: Fr) {
        self.0 += other.0 * factor;
    }

    fn scale(&mut self, factor: Fr) {
        self.0 *= factor;
    }
}

/// The back-end.
#[derive(Default)]
pub(super) struct Trial {
    /// Values of the witness variables.
    pub(super) wires: Vec<Fr>,
    /// Titles of the paragraphs that hold the broken constraints.
    pub(super) broken: Vec<&'static str>,
    section: &'static str,
    forged: Option<(usize, Fr)>,
}

impl Trial {
    /// A trial whose prover puts another value in the place of one hint.
    pub(super) fn forging(wire: usize, value: Fr) -> Self {
        Self { forged: Some((wire, value)), ..Self::default() }
    }
}

impl Backend for Trial {
    type Num = Number;

    fn witness(&mut self, value: Fr) -> Number {
        let value = match self.forged {
            Some((wire, forged)) if wire == self.wires.len() => forged,
            _ => value,
        };
        self.wires.push(value);
        Number(value)
    }

    fn enforce(&mut self, a: &Number, b: &Number, c: &Number) {
        if a.0 * b.0 != c.0 {
            self.broken.push(self.section);
        }
    }

    fn value(&self, num: &Number) -> Fr {
        num.0
    }

    fn section(&mut self, title: &'static str) {
        self.section = title;
    }
}

/// What a gadget computes honestly.
///
/// # Panics
/// If it breaks a constraint.
pub(super) fn outputs(gadget: impl FnOnce(&mut Trial) -> Vec<Number>) -> Vec<Fr> {
    let mut trial = Trial::default();
    let outputs = gadget(&mut trial).into_iter().map(|number| number.0).collect();
    assert!(trial.broken.is_empty(), "an honest prover breaks a constraint");
    outputs
}

/// Whether a gadget's constraints hold.
pub(super) fn holds<T>(gadget: impl FnOnce(&mut Trial) -> T) -> bool {
    let mut trial = Trial::default();
    let _ = gadget(&mut trial);
    trial.broken.is_empty()
}

/// Forges each hint of a gadget in turn, by each of several values, and asserts that a constraint
/// breaks. Hints whose honest value is among `arguments` are the prover's to choose.
pub(super) fn every_hint_is_bound<T>(gadget: impl Fn(&mut Trial) -> T, arguments: &[Fr]) {
    let mut honest = Trial::default();
    let _ = gadget(&mut honest);
    assert!(honest.broken.is_empty(), "an honest prover breaks a constraint");
    for (wire, value) in honest.wires.iter().enumerate() {
        if arguments.contains(value) {
            continue;
        }
        let another = *value * Fr::from(0x9e37_79b9_7f4a_7c15_u64) + Fr::from(0xdead_beef_u64);
        for forged in [another, *value + Fr::ONE, -*value, Fr::ONE - value, Fr::from(0u64)] {
            if forged != *value {
                let mut trial = Trial::forging(wire, forged);
                let _ = gadget(&mut trial);
                assert!(!trial.broken.is_empty(), "hint {wire} is free");
            }
        }
    }
}

/// Field elements: small, at the edges of 40, 64 and 128 bits, near the modulus, and any.
pub(super) fn element() -> impl Strategy<Value = Fr> {
    let edge = prop_oneof![Just(40u32), Just(64), Just(128), Just(253)];
    let near_edge = (edge, -2i64..=2)
        .prop_map(|(exponent, offset)| Fr::from(2u64).pow([exponent.into()]) + Fr::from(offset));
    prop_oneof![
        1 => (-8i64..=64).prop_map(Fr::from),
        1 => near_edge,
        4 => any_element(),
    ]
}

/// Any field element, all but uniform: so never 0, 1 or an expected value by chance.
pub(super) fn any_element() -> impl Strategy<Value = Fr> {
    any::<[u64; 4]>().prop_map(|limbs| {
        let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        Fr::from_le_bytes_mod_order(&bytes)
    })
}
