//! What a prover can choose, and that nothing else can be forged.
//!
//! Together: given the public inputs and the choices, each wire has one value (checked on several
//! statements); and each choice, changed by itself with everything else derived anew, breaks a
//! constraint. Not covered: changes of several choices at once that no strategy of `strategies`
//! makes; for those the choices are preimages of hashes and a signature, and a second set of them
//! is a collision or a forgery.

use super::derivation::{CIRCUIT, Circuit, Derivation, signed_powers};
use crate::field::Fr;
use crate::jubjub::Scalar;
use crate::r1cs::{Row, assign};
use crate::registry::{ARITY, DEPTH};
use crate::sample::Sample;
use crate::status::{ARITIES, ROW_BITS};
use ark_ff::{BigInteger, Field, PrimeField, UniformRand, Zero};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

fn derivation_of(sample: &Sample) -> Derivation<'static> {
    CIRCUIT.derive(&assign(&sample.statement, &sample.witness).unwrap().z)
}

/// The choices of a paragraph: how many field elements and how many booleans.
fn counts(derivation: &Derivation<'_>) -> BTreeMap<&'static str, [usize; 2]> {
    let mut counts = BTreeMap::<_, [usize; 2]>::new();
    for wire in derivation.choices() {
        if !CIRCUIT.is_unasked_inverse(wire, &derivation.honest) {
            counts.entry(CIRCUIT.section_of(wire)).or_default()
                [usize::from(CIRCUIT.boolean[wire])] += 1;
        }
    }
    counts
}

#[test]
fn every_wire_follows_from_the_inputs_and_the_holders_choices() {
    for seed in 0..8 {
        let sample = Sample::new(seed);
        let derivation = derivation_of(&sample);
        let derived = derivation.derive_from(derivation.honest.clone());
        assert!(derived.z == derivation.honest && derived.broken.is_empty());

        let mut counts = counts(&derivation);
        // Slots' truths: some follow from others, since clauses must hold.
        let truths = counts.remove("policy").unwrap_or_default();
        assert!(truths[0] == 0 && truths[1] <= 8, "{truths:?}");
        // A node that stands last among its siblings follows from them.
        let last_in_registry = (0..DEPTH as u32)
            .filter(|level| sample.leaf_index / ARITY.pow(*level) % ARITY == ARITY - 1)
            .count();
        let mut place = sample.witness.credential.header.status_index as usize / ROW_BITS;
        let mut last_in_list = 0;
        for arity in ARITIES {
            last_in_list += usize::from(place % arity == arity - 1);
            place /= arity;
        }
        let expected = BTreeMap::from([
            ("holder binding", [1, 0]),                              // the secret
            ("validity", [0, 40 + 40]),                              // the distances from now
            ("credential digest", [3 + 24, 17]), // issuer id, R.x, salt, claims; status index
            ("key multiple", [2, 0]),            // the issuer's key
            ("base multiple", [0, 3 * 84]),      // the digits of the response
            ("non-revocation", [8 + 8 + 4 + 4 - last_in_list, 128]), // siblings; the row
            ("accreditation", [ARITY * DEPTH - last_in_registry, 40 + 16]), // siblings; end, version
        ]);
        assert_eq!(counts, expected, "seed {seed}");
    }
}

#[test]
fn a_changed_choice_breaks_a_constraint() {
    let derivation = derivation_of(&Sample::new(5));
    let mut rng = StdRng::seed_from_u64(5);
    for wire in derivation.choices() {
        let value = derivation.honest[wire];
        let boolean = CIRCUIT.boolean[wire];
        let changes = match boolean {
            true => vec![Fr::ONE - value],
            false => vec![value + Fr::ONE, Fr::rand(&mut rng)],
        };
        for changed in changes {
            let mut z = derivation.honest.clone();
            z[wire] = changed;
            let breaks = !derivation.derive_from(z).broken.is_empty();
            // A slot may be said not to hold where the policy holds without it.
            let claims_less = CIRCUIT.section_of(wire) == "policy" && boolean && changed.is_zero();
            let allowed = claims_less || CIRCUIT.is_unasked_inverse(wire, &derivation.honest);
            assert!(
                breaks || allowed,
                "{} wire {wire} has a second value",
                CIRCUIT.section_of(wire)
            );
        }
    }
}

/// Hashed elements that are sums of bits alone: the packed header and the leaf's packed element.
#[test]
fn packed_elements_have_one_reading() {
    let mut widths = BTreeSet::new();
    for factors in CIRCUIT.squared_sums_of_booleans() {
        let bits = signed_powers(&factors).unwrap_or_default();
        assert_eq!(bits.len(), factors.len(), "two sets of bits have one sum");
        // Relative to the lowest bit, so that sums stay below the modulus.
        assert!(bits.iter().all(|bit| bit.1 < 253));
        widths.insert(bits.len());
    }
    let header = 32 + 17 + 40 + 40;
    let meta = 32 + 16 + 40;
    assert_eq!(widths, BTreeSet::from([meta, header]));
}

/// The bits of each window as the circuit has them: sign, then the magnitude's index.
fn window_bits(shifted: impl BigInteger) -> Vec<Fr> {
    (0..84)
        .flat_map(|i| {
            let bit = |j: usize| shifted.get_bit(3 * i + j);
            let positive = bit(2);
            [positive, bit(0) == positive, bit(1) == positive]
        })
        .map(Fr::from)
        .collect()
}

/// s and s + l have different digits and one meaning: the only second witness that there is, and
/// the reason why s need not be below the order.
#[test]
fn a_response_plus_the_order_is_the_same_response() {
    let sample = Sample::new(5);
    let derivation = derivation_of(&sample);
    let digits: Vec<usize> = derivation
        .choices()
        .into_iter()
        .filter(|wire| CIRCUIT.section_of(*wire) == "base multiple")
        .collect();
    let top = Scalar::from(8u64).pow([84]);
    let half = Scalar::from(2u64).inverse().unwrap();
    let mut shifted = ((sample.witness.signature.s + top - Scalar::ONE) * half).into_bigint();
    let written: Vec<Fr> = digits.iter().map(|wire| derivation.honest[*wire]).collect();
    assert_eq!(written, window_bits(shifted), "the digits are read as they are written");

    assert!(!shifted.add_with_carry(&Scalar::MODULUS));
    assert!(shifted.num_bits() <= 3 * 84);
    let mut z = derivation.honest.clone();
    digits.iter().zip(window_bits(shifted)).for_each(|(wire, bit)| z[*wire] = bit);
    let derived = derivation.derive_from(z);
    assert!(derived.broken.is_empty() && derived.undetermined.is_empty());
    for (wire, (before, after)) in derivation.honest.iter().zip(&derived.z).enumerate() {
        assert!(before == after || CIRCUIT.section_of(wire) == "base multiple");
    }
    assert!(derived.z != derivation.honest);
}

/// A digest small enough to have a second pattern of 254 bits: that pattern breaks one row, the
/// one that forbids the two highest bits.
#[test]
fn a_digest_plus_the_modulus_is_refused_by_the_rule_of_the_top_bits() {
    let (sample, digest) = (0..64)
        .map(Sample::new)
        .map(|sample| {
            let digest = sample.witness.credential.digest(sample.witness.signature.r_x);
            (sample, digest)
        })
        .find(|(_, digest)| *digest < Fr::from(2u64).pow([254]))
        .unwrap();
    let mut alias = digest.into_bigint();
    assert!(!alias.add_with_carry(&Fr::MODULUS) && alias.num_bits() == 254);
    let derivation = derivation_of(&sample);
    let bits = derivation.bits_of_254();
    let mut z = derivation.honest.clone();
    for (wire, exponent) in bits {
        assert_eq!(z[wire], Fr::from(digest.into_bigint().get_bit(exponent as usize)));
        z[wire] = Fr::from(alias.get_bit(exponent as usize));
    }
    let broken = CIRCUIT.broken(&z);
    assert_eq!(broken.iter().filter(|title| **title == "challenge").count(), 1);
}

/// The search is worth something only if it misses nothing that is missing.
#[test]
fn the_search_finds_what_a_dropped_row_sets_free() {
    let honest = derivation_of(&Sample::new(5)).honest;
    let choices = CIRCUIT.derive(&honest).choices().len();

    // The rule of the top bits: without it a bit of the digest is the prover's, and with it the
    // choice between the digest and the digest plus the modulus.
    let is_rule = |title: &str, [a, b, c]: [&Row; 3]| {
        title == "challenge" && a.len() == 1 && b.len() == 1 && c.is_empty()
    };
    let circuit = Circuit::without_rows(is_rule);
    let found = circuit.derive(&honest).choices();
    assert!(found.iter().any(|wire| circuit.section_of(*wire) == "challenge"));

    // Any row that defines a wire, of each paragraph: one more wire is the prover's.
    for title in ["nullifier", "credential digest", "key multiple", "base multiple"] {
        let seen = Cell::new(0);
        let circuit = Circuit::without_rows(|section, [_, _, c]| {
            let defines = section == title && c.len() == 1;
            seen.set(seen.get() + usize::from(defines));
            defines && seen.get() == 40
        });
        assert_eq!(circuit.derive(&honest).choices().len(), choices + 1, "{title}");
    }

    // The rows that hold the root: without them any sibling will do.
    const ROOT: usize = 1;
    let holds_root =
        |_: &str, sides: [&Row; 3]| sides.into_iter().flatten().any(|(_, column)| *column == ROOT);
    let circuit = Circuit::without_rows(holds_root);
    let derivation = circuit.derive(&honest);
    let is_sibling =
        |wire: &usize| circuit.section_of(*wire) == "accreditation" && !circuit.boolean[*wire];
    let last = derivation.choices().into_iter().rfind(is_sibling).unwrap();
    let mut z = honest.clone();
    z[last] += Fr::ONE;
    assert!(derivation.derive_from(z).broken.is_empty());
}
