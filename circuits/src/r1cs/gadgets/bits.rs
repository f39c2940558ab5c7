//! Products, booleans, decompositions and selections.

use crate::credential::power_of_two;
use crate::field::Fr;
use crate::r1cs::backend::{Backend, Linear};
use ark_ff::{BigInteger, PrimeField};

/// x = y: 1 constraint.
pub(in crate::r1cs) fn equal<B: Backend>(b: &mut B, x: &B::Num, y: &B::Num) {
    b.enforce(&x.minus(y), &B::Num::one(), &B::Num::zero());
}

/// The low bits of a value as new booleans, least significant first: 1 constraint a bit. Nothing
/// ties them to the value yet.
pub(in crate::r1cs) fn low_bits<B: Backend>(b: &mut B, value: Fr, count: usize) -> Vec<B::Num> {
    let integer = value.into_bigint();
    (0..count).map(|i| b.boolean(integer.get_bit(i))).collect()
}

/// x · y as `count` bits: `count` + 1 constraints, without a variable for the product.
pub(in crate::r1cs) fn decompose_product<B: Backend>(
    b: &mut B,
    x: &B::Num,
    y: &B::Num,
    count: usize,
) -> Vec<B::Num> {
    let bits = low_bits(b, b.value(x) * b.value(y), count);
    b.enforce(x, y, &B::Num::of_bits(&bits));
    bits
}

/// A new variable in [0, 2^count), as a sum of bits: `count` constraints.
pub(in crate::r1cs) fn ranged<B: Backend>(b: &mut B, value: Fr, count: usize) -> B::Num {
    B::Num::of_bits(&low_bits(b, value, count))
}

/// `bit ? x : −x`: 1 constraint.
pub(in crate::r1cs) fn with_sign<B: Backend>(b: &mut B, x: &B::Num, bit: &B::Num) -> B::Num {
    b.product(x, bit).doubled().minus(x)
}

/// `bit ? yes : no`: 1 constraint.
pub(in crate::r1cs) fn select<B: Backend>(
    b: &mut B,
    bit: &B::Num,
    yes: &B::Num,
    no: &B::Num,
) -> B::Num {
    no.plus(&b.product(&yes.minus(no), bit))
}

/// The item at Σ bitᵢ·2ⁱ: one constraint less than items. An item without a partner passes.
pub(in crate::r1cs) fn select_indexed<B: Backend>(
    b: &mut B,
    bits: &[B::Num],
    items: &[B::Num],
) -> B::Num {
    let mut layer = items.to_vec();
    for bit in bits {
        layer = layer
            .chunks(2)
            .map(|pair| match pair {
                [no, yes] => select(b, bit, yes, no),
                _ => pair[0].clone(),
            })
            .collect();
    }
    layer.swap_remove(0)
}

/// The value of the item at Σ bitᵢ·2ⁱ, or zero if there is none.
pub(in crate::r1cs) fn selected<B: Backend>(b: &B, bits: &[B::Num], items: &[B::Num]) -> Fr {
    let index = crate::field::to_u64(&b.value(&B::Num::of_bits(bits))).unwrap_or_default();
    items.get(index as usize).map(|item| b.value(item)).unwrap_or_default()
}

/// The item at Σ bitᵢ·2ⁱ equals `expected`: one constraint less than items, of which there are
/// 2^bits, at least two.
pub(in crate::r1cs) fn enforce_indexed<B: Backend>(
    b: &mut B,
    bits: &[B::Num],
    items: &[B::Num],
    expected: &B::Num,
) {
    if let Some((top, rest)) = bits.split_last() {
        let (low, high) = items.split_at(items.len() / 2);
        let no = select_indexed(b, rest, low);
        let yes = select_indexed(b, rest, high);
        b.enforce(&yes.minus(&no), top, &expected.minus(&no));
    }
}

/// Σ numᵢ·2^shiftᵢ: no constraint.
pub(in crate::r1cs) fn packed<N: Linear>(parts: &[(&N, u32)]) -> N {
    let mut sum = N::zero();
    for (part, shift) in parts {
        sum.add_scaled(part, power_of_two(*shift));
    }
    sum
}
