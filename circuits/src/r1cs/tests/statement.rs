//! The circuit against [`Statement::check`], over times, lists and registries.

use super::trial::{Number, Trial};
use crate::field::Fr;
use crate::jubjub::Scalar;
use crate::r1cs::circuit::synthesize;
use crate::sample::Sample;
use crate::schnorr;
use crate::statement::Statement;
use crate::status::LIST_SIZE;
use crate::witness::{Violation, Witness};
use ark_ff::{Field, PrimeField, Zero};
use proptest::prelude::*;

/// What a prover gets who skips the native check: an assignment, and where it breaks.
pub(super) fn attempt(statement: &Statement, witness: &Witness) -> (Vec<Fr>, Vec<&'static str>) {
    let mut trial = Trial::default();
    let inputs = statement.public_inputs();
    synthesize(&mut trial, &inputs.map(Number), &statement.policy, witness);
    let z = std::iter::once(Fr::ONE).chain(inputs).chain(trial.wires).collect();
    (z, trial.broken)
}

fn agree(sample: &Sample) -> Result<Result<(), Violation>, TestCaseError> {
    let native = sample.statement.check(&sample.witness);
    let (_, broken) = attempt(&sample.statement, &sample.witness);
    prop_assert_eq!(native.is_ok(), broken.is_empty(), "{:?} {:?}", native, broken);
    Ok(native)
}

/// A time near another one.
fn near(time: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        (0u64..=4).prop_map(move |offset| time - 2 + offset),
        Just(0),
        Just((1 << 40) - 1),
        0u64..1 << 40,
    ]
}

const NOW: u64 = 1 << 33;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn times_are_judged_as_natively(
        from in near(NOW), until in near(NOW), accredited_until in near(NOW),
        now in prop_oneof![Just(NOW), Just(0u64), Just((1 << 40) - 1)],
    ) {
        prop_assume!(from <= until);
        let mut sample = Sample::new(1);
        sample.statement.now = now;
        sample.witness.credential.header.valid_from = from;
        sample.witness.credential.header.valid_until = until;
        sample.witness.leaf.accredited_until = accredited_until;
        sample.reissue();
        let holds = from <= now && now <= until && now <= accredited_until;
        prop_assert_eq!(agree(&sample)?.is_ok(), holds);
    }

    #[test]
    fn a_status_bit_is_judged_as_natively(
        index in 0u32..LIST_SIZE as u32,
        same_row in prop::collection::vec(0u32..128, 0..24),
        anywhere in prop::collection::vec(0u32..LIST_SIZE as u32, 0..8),
        revoked: bool,
    ) {
        let mut sample = Sample::new(2);
        sample.witness.credential.header.status_index = index;
        for bit in same_row {
            sample.status.set((index & !127) | bit, true).unwrap();
        }
        sample.status.flip_all(&anywhere).unwrap();
        sample.status.set(index, revoked).unwrap();
        sample.reissue();
        let expected = if revoked { Err(Violation::Revoked) } else { Ok(()) };
        prop_assert_eq!(agree(&sample)?, expected);
    }

    #[test]
    fn a_place_in_the_registry_is_judged_as_natively(
        index in 0usize..3125, other in 0usize..3125, foreign_leaf: bool, foreign_path: bool,
    ) {
        let mut sample = Sample::new(3);
        // The leaf moves; where it was is no second place for it.
        sample.registry.set(sample.leaf_index, Fr::default()).unwrap();
        sample.leaf_index = index;
        sample.reissue();
        if foreign_leaf {
            sample.witness.leaf.version ^= 0x8000;
        }
        if foreign_path {
            sample.witness.registry_path = sample.registry.path(other).unwrap();
        }
        let siblings = index / 5 == other / 5;
        let holds = !foreign_leaf && (!foreign_path || siblings);
        prop_assert_eq!(agree(&sample)?.is_ok(), holds);
    }
}

#[test]
fn a_secret_and_a_nullifier_are_judged_as_natively() {
    for (own_secret, own_scope) in [(true, true), (true, false), (false, true), (false, false)] {
        let (mut sample, other) = (Sample::new(4), Sample::new(5));
        if !own_secret {
            sample.witness.holder_secret = other.witness.holder_secret;
        }
        if !own_scope {
            sample.statement.scope = other.statement.scope;
        }
        assert_eq!(agree(&sample).unwrap().is_ok(), own_secret && own_scope);
    }
}

/// The circuit has no range for `now`; the verifier's clock window has, and no issuer signs a
/// period that reaches past 40 bits.
#[test]
fn a_time_past_40_bits_is_refused() {
    for now in [1 << 40, u64::MAX] {
        let mut sample = Sample::new(1);
        sample.witness.credential.header.valid_until = (1 << 40) - 1;
        sample.reissue();
        sample.statement.now = now;
        assert_eq!(sample.statement.check(&sample.witness), Err(Violation::Now));
        let (_, broken) = attempt(&sample.statement, &sample.witness);
        assert!(broken.contains(&"issuer signature"));
    }
}

/// Where the two differ: R may be the neutral point in the circuit and not natively. Only who has
/// the issuer's key can make such a signature, and gives the key away by it.
#[test]
fn a_neutral_nonce_commitment_is_refused_natively_and_is_the_issuers_own_loss() {
    let seed = (0..64).find(|seed| {
        let credential = Sample::new(*seed).witness.credential;
        schnorr::challenge(&credential, Fr::zero()).is_some()
    });
    let mut sample = Sample::new(seed.unwrap());
    let challenge = schnorr::challenge(&sample.witness.credential, Fr::zero()).unwrap();
    let key = Scalar::from_be_bytes_mod_order(&*sample.issuer_key.to_bytes());
    sample.witness.signature = schnorr::Signature { r_x: Fr::zero(), s: challenge * key };
    assert_eq!(sample.statement.check(&sample.witness), Err(Violation::IssuerSignature));
    let (_, broken) = attempt(&sample.statement, &sample.witness);
    assert!(broken.is_empty());
    assert_eq!(sample.witness.signature.s * challenge.inverse().unwrap(), key);
}
