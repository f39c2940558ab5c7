//! Policy: the slots, joined into alternatives and clauses.
//!
//! A slot's truth is the prover's variable; constraints allow it to be 1 only if the test holds.
//! The policy has no negation above the tests, so claiming less than the truth gains nothing.

use super::backend::{Backend, Linear};
use super::gadgets::bits::{decompose_product, equal, low_bits, ranged, select, select_indexed};
use crate::credential::{Credential, power_of_two};
use crate::field::Fr;
use crate::policy::{CompiledPolicy, SCHEMA_SHIFT, SELECTOR_BITS, SLOTS, SlotClass};
use ark_ff::{AdditiveGroup, Field};

/// The policy's public inputs.
pub(super) struct PolicyInputs<'a, N> {
    pub(super) word: &'a N,
    pub(super) operands: &'a [N],
    pub(super) set: &'a [N],
}

/// The slots' flags, as booleans.
pub(super) struct Flags<N>(Vec<Vec<N>>);

/// Unpacks the policy word into the schema, 32 bits, and the slots' flags.
pub(super) fn unpack_word<B: Backend>(
    b: &mut B,
    word: &B::Num,
    policy: &CompiledPolicy,
) -> (B::Num, Flags<B::Num>) {
    let schema = ranged(b, Fr::from(policy.schema.as_u32()), 32);
    let mut sum = schema.times(power_of_two(SCHEMA_SHIFT));
    let mut shift = 0;
    let flags = policy
        .slots
        .iter()
        .zip(SlotClass::OF_SLOT)
        .map(|(slot, class)| {
            let bits: Vec<B::Num> =
                slot.flags(class).into_iter().map(|flag| b.boolean(flag)).collect();
            sum.add_scaled(&B::Num::of_bits(&bits), power_of_two(shift));
            shift += bits.len() as u32;
            bits
        })
        .collect();
    equal(b, &sum, word);
    (schema, Flags(flags))
}

/// Enforces the policy on the selectable values: the claims, then the issuer id.
pub(super) fn enforce<B: Backend>(
    b: &mut B,
    inputs: &PolicyInputs<'_, B::Num>,
    flags: &Flags<B::Num>,
    values: &[B::Num],
    policy: &CompiledPolicy,
    credential: &Credential,
) {
    // A claim out of range has no satisfying assignment whatever the slots are said to be.
    let truth = policy.truth(credential).unwrap_or([false; SLOTS]);
    let mut connective = Connective::start();
    let mut base = B::Num::zero();
    for (i, class) in SlotClass::OF_SLOT.into_iter().enumerate() {
        let names = SlotFlags::of(&flags.0[i], class);
        let value = select_indexed(b, names.selector, values);
        let slot = SlotCircuit { names, value, operand: &inputs.operands[i] };
        let holds = b.boolean(truth[i]);
        slot.enforce_equality(b, &holds, inputs.set);
        if class != SlotClass::Set {
            base = slot.enforce_bounded(b, class, &holds, &base);
        }
        connective.join(b, &slot.names, &holds);
    }
    connective.finish(b);
}

/// A slot's flags by name, in the order of `Slot::flags`.
struct SlotFlags<'a, N> {
    selector: &'a [N],
    and: &'a N,
    or: &'a N,
    equal: &'a N,
    differ: &'a N,
    /// Set slots: in-set. Others: compare, at most, relative, then contains, excludes, in-mask as
    /// far as the class has them.
    class: &'a [N],
}

impl<'a, N> SlotFlags<'a, N> {
    fn of(flags: &'a [N], class: SlotClass) -> Self {
        let (selector, rest) = flags.split_at(SELECTOR_BITS as usize);
        debug_assert_eq!(
            rest.len() - 4,
            match class {
                SlotClass::Set => 1,
                SlotClass::Compare => 3,
                SlotClass::Narrow => 5,
                SlotClass::Wide => 6,
            }
        );
        Self {
            selector,
            and: &rest[0],
            or: &rest[1],
            equal: &rest[2],
            differ: &rest[3],
            class: &rest[4..],
        }
    }
}

struct SlotCircuit<'a, N> {
    names: SlotFlags<'a, N>,
    value: N,
    operand: &'a N,
}

impl<N: Linear> SlotCircuit<'_, N> {
    /// Equality, inequality and, for a set slot, membership: the distance is zero or it is not.
    fn enforce_equality<B: Backend<Num = N>>(&self, b: &mut B, holds: &N, set: &[N]) {
        let mut distance = self.value.minus(self.operand);
        if let [in_set] = self.names.class {
            let mut from_set = self.value.minus(&set[0]);
            for member in &set[1..] {
                from_set = b.product(&from_set, &self.value.minus(member));
            }
            distance = select(b, in_set, &from_set, &distance);
        }
        let must_equal = b.product(self.names.equal, holds);
        b.enforce(&distance, &must_equal, &N::zero());

        let must_differ = b.product(self.names.differ, holds);
        let asked = b.value(&must_differ);
        // Mostly nothing is asked, and then nothing need be inverted.
        let inverse = if asked == Fr::ZERO { None } else { b.value(&distance).inverse() };
        let inverse = b.witness(inverse.unwrap_or_default() * asked);
        b.enforce(&distance, &inverse, &must_differ);
    }

    /// Comparisons and masks. Answers the claim if the slot compares, else zero: the base of a
    /// relative comparison in the next slot.
    fn enforce_bounded<B: Backend<Num = N>>(
        &self,
        b: &mut B,
        class: SlotClass,
        holds: &N,
        base: &N,
    ) -> N {
        let bits = class.bits() as usize;
        let (compare, at_most, relative) =
            (&self.names.class[0], &self.names.class[1], &self.names.class[2]);
        let masks = &self.names.class[3..];

        // The claim that is compared or masked, and the power of two that an in-mask claim
        // numbers, as bits. At most one of the two is not zero.
        let reads_claim = masks.iter().take(2).fold(compare.clone(), |sum, flag| sum.plus(flag));
        let (subject_bits, power) = match masks.get(2) {
            None => (decompose_product(b, &self.value, &reads_claim, bits), None),
            Some(in_mask) => {
                let exponent = decompose_product(b, &self.value, in_mask, 6);
                let power = power_of_two_at(b, &exponent);
                let power = b.product(&power, in_mask);
                let claim = b.value(&self.value) * b.value(&reads_claim);
                let subject = low_bits(b, claim + b.value(&power), bits);
                b.enforce(&self.value, &reads_claim, &B::Num::of_bits(&subject).minus(&power));
                (subject, Some(power))
            }
        };
        let subject = B::Num::of_bits(&subject_bits);
        let compared = match masks {
            [] => subject.clone(),
            _ => b.product(&subject, compare),
        };

        // ±(claim − base − operand) is not negative if the slot compares and is said to hold.
        let base = b.product(base, relative);
        let above = compared.minus(&base).minus(self.operand);
        let above_if_at_most = b.product(&above, at_most);
        let margin = above.minus(&above_if_at_most.doubled());
        let must_compare = b.product(compare, holds);
        let any_mask = masks.iter().fold(N::zero(), |sum, flag| sum.plus(flag));
        if masks.is_empty() {
            decompose_product(b, &margin, &must_compare, bits);
            return compared;
        }
        let margin = b.product(&margin, &must_compare);
        let mask_value = b.value(&any_mask) * b.value(self.operand);
        let object_bits = low_bits(b, b.value(&margin) + mask_value, bits);
        b.enforce(self.operand, &any_mask, &B::Num::of_bits(&object_bits).minus(&margin));

        // contains: claim ∩ operand = operand; excludes: claim ∩ operand = ∅; in-mask: the power of
        // two ∩ operand = the power of two.
        let common: Vec<N> = subject_bits
            .iter()
            .zip(&object_bits)
            .map(|(subject, object)| b.product(subject, object))
            .collect();
        let mut expected = b.product(self.operand, &masks[0]);
        if let Some(power) = power {
            expected = expected.plus(&power);
        }
        let must_mask = b.product(&any_mask, holds);
        b.enforce(&B::Num::of_bits(&common).minus(&expected), &must_mask, &N::zero());
        compared
    }
}

/// 2^(Σ bitᵢ·2ⁱ): one constraint less than bits.
fn power_of_two_at<B: Backend>(b: &mut B, bits: &[B::Num]) -> B::Num {
    let factor = |i: usize| bits[i].times(power_of_two(1 << i) - Fr::ONE).offset(Fr::ONE);
    let mut power = factor(0);
    for i in 1..bits.len() {
        power = b.product(&power, &factor(i));
    }
    power
}

/// The state between slots.
struct Connective<N> {
    /// 1 if every slot of the current alternative holds so far.
    current: N,
    /// 1 if no complete alternative of the clause held.
    none_before: N,
    started: bool,
}

impl<N: Linear> Connective<N> {
    fn start() -> Self {
        Self { current: N::one(), none_before: N::one(), started: false }
    }

    fn join<B: Backend<Num = N>>(&mut self, b: &mut B, flags: &SlotFlags<'_, N>, holds: &N) {
        if !self.started {
            self.started = true;
            self.current = holds.clone();
            return;
        }
        let none_so_far = b.product(&self.none_before, &N::one().minus(&self.current));
        let new_clause = N::one().minus(flags.and).minus(flags.or);
        b.enforce(&none_so_far, &new_clause, &N::zero());

        let carried = b.product(&self.none_before.offset(-Fr::ONE), flags.and);
        let completed = b.product(&none_so_far.offset(-Fr::ONE), flags.or);
        self.none_before = N::one().plus(&carried).plus(&completed);

        let continued = b.product(&self.current.offset(-Fr::ONE), flags.and);
        self.current = b.product(&continued.offset(Fr::ONE), holds);
    }

    fn finish<B: Backend<Num = N>>(self, b: &mut B) {
        b.enforce(&self.none_before, &N::one().minus(&self.current), &N::zero());
    }
}
