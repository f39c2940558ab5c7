//! The statement as constraints: one paragraph a property, titled as in `docs/statement.md`.

use super::backend::{Backend, Linear};
use super::gadgets::bits::{enforce_indexed, low_bits, packed, ranged, selected, with_sign};
use super::gadgets::fixed_base::multiply_base;
use super::gadgets::merkle::{parent_at, parent_of_any};
use super::gadgets::montgomery::{Edwards, Montgomery};
use super::gadgets::poseidon::{Capacity, hash};
use super::gadgets::slopes;
use super::policy::{self, PolicyInputs};
use crate::credential::DIGEST_SPLIT;
use crate::field::Fr;
use crate::holder::tags;
use crate::policy::{CompiledPolicy, SLOTS};
use crate::schnorr::CHALLENGE_BITS;
use crate::statement::PUBLIC_INPUTS;
use crate::status::{ARITIES, INDEX_BITS, ROW_BITS, ROW_INDEX_BITS};
use crate::time::TIME_BITS;
use crate::witness::Witness;
use ark_ff::Field;

const BITS_OF_BYTE: usize = 3;

/// The statement's public inputs, by name.
struct Inputs<'a, N> {
    registry_root: &'a N,
    nullifier: &'a N,
    scope: &'a N,
    context: &'a N,
    now: &'a N,
    policy: PolicyInputs<'a, N>,
}

impl<'a, N> Inputs<'a, N> {
    fn of(inputs: &'a [N; PUBLIC_INPUTS]) -> Self {
        let [registry_root, nullifier, scope, context, now, word, rest @ ..] = inputs;
        let (operands, set) = rest.split_at(SLOTS);
        let policy = PolicyInputs { word, operands, set };
        Self { registry_root, nullifier, scope, context, now, policy }
    }
}

/// Enforces the statement on its public inputs.
pub(super) fn synthesize<B: Backend>(
    b: &mut B,
    inputs: &[B::Num; PUBLIC_INPUTS],
    policy: &CompiledPolicy,
    witness: &Witness,
) {
    let inputs = Inputs::of(inputs);
    let header = &witness.credential.header;
    let leaf = &witness.leaf;
    let now = b.value(inputs.now);

    b.section("context");
    // Context: bound by being an input; the square ties it to a constraint of its own.
    b.product(inputs.context, inputs.context);

    b.section("holder binding");
    // Holder binding: the credential's holder is the commitment to the secret.
    let secret = b.witness(witness.holder_secret.as_field());
    let holder =
        hash(b, Capacity::Tag(tags::COMMITMENT), std::slice::from_ref(&secret)).variable(b);

    b.section("nullifier");
    // Nullifier: H(t) for t = H(secret, scope).
    let withdrawal_key =
        hash(b, Capacity::Tag(tags::WITHDRAWAL), &[secret, inputs.scope.clone()]).variable(b);
    hash(b, Capacity::Tag(0), &[withdrawal_key]).equals(b, inputs.nullifier);

    b.section("validity");
    // Validity: valid-from ≤ now ≤ valid-until, both as 40-bit distances from now.
    let distance = |time: u64| Fr::from(time) - now;
    let time_bits = TIME_BITS as usize;
    let valid_from = inputs.now.minus(&ranged(b, -distance(header.valid_from), time_bits));
    let valid_until = inputs.now.plus(&ranged(b, distance(header.valid_until), time_bits));

    b.section("policy selectors");
    let (schema, flags) = policy::unpack_word(b, inputs.policy.word, policy);

    b.section("credential digest");
    // The digest that the issuer signed, over the nonce commitment, the header and the claims.
    let status_index = low_bits(b, Fr::from(header.status_index), INDEX_BITS);
    let issuer_id = b.witness(header.issuer_id.as_field());
    let nonce_commitment = b.witness(witness.signature.r_x);
    let salt = b.witness(header.salt_element());
    let claims: Vec<B::Num> =
        witness.credential.claims.0.iter().map(|claim| b.witness(*claim)).collect();
    let packed_header = packed(&[
        (&schema, 0),
        (&B::Num::of_bits(&status_index), 32),
        (&valid_from, 64),
        (&valid_until, 128),
    ]);
    let mut signed = vec![nonce_commitment.clone(), packed_header, issuer_id.clone(), holder, salt];
    signed.extend_from_slice(&claims);
    let (first, second) = signed.split_at(DIGEST_SPLIT);
    let absorbed = hash(b, Capacity::Tag(0), first).variable(b);
    let digest = hash(b, Capacity::Chained(absorbed), second);

    b.section("challenge");
    // Its bits are unique: below 3·2^252 there is no second representation modulo the modulus.
    let digest_bits = low_bits(b, digest.value(b), 254);
    digest.equals(b, &B::Num::of_bits(&digest_bits));
    b.enforce(&digest_bits[253], &digest_bits[252], &B::Num::zero());

    b.section("key multiple");
    // (2^128 + 2c + 1)·A by double-and-add from 2·A: each step adds A or −A to twice the sum. The
    // sum is m·A with 2 ≤ m < 2^129, below the group order, so that no two points met are equal
    // or opposite. A is of prime order and not neutral, as accreditation checks.
    let key = Edwards { x: b.witness(leaf.key.x()), y: b.witness(leaf.key.y()) };
    let base = Montgomery::of_edwards(b, &key);
    let mut multiple = base.double(b);
    let challenge: Vec<&B::Num> = digest_bits[..CHALLENGE_BITS].iter().rev().collect();
    let plus: Vec<bool> = challenge.iter().map(|bit| b.value(bit) == Fr::ONE).collect();
    for (bit, slopes) in
        challenge.into_iter().zip(slopes::of_ladder(&leaf.key.point(), &plus).iter())
    {
        let v = with_sign(b, &base.v, bit);
        multiple = multiple.double_and_add(b, &Montgomery { u: base.u.clone(), v }, *slopes);
    }

    b.section("base multiple");
    let response = multiply_base(b, &witness.signature.s);

    b.section("issuer signature");
    // Issuer signature: x of s·B − e·A is the nonce commitment.
    let key_multiple = multiple.to_edwards(b).negated();
    response.enforce_sum_x(b, &key_multiple, &nonce_commitment);

    b.section("non-revocation");
    // Non-revocation: the bit at the signed index of the list is 0.
    let row_bits = low_bits(b, Fr::from(witness.status_path.row), ROW_BITS);
    let (within, mut above) = status_index.split_at(ROW_INDEX_BITS);
    let bytes: Vec<B::Num> = row_bits.chunks(1 << BITS_OF_BYTE).map(B::Num::of_bits).collect();
    let (within_byte, which_byte) = within.split_at(BITS_OF_BYTE);
    let byte = selected(b, which_byte, &bytes);
    let byte_bits = low_bits(b, byte, 1 << BITS_OF_BYTE);
    enforce_indexed(b, which_byte, &bytes, &B::Num::of_bits(&byte_bits));
    enforce_indexed(b, within_byte, &byte_bits, &B::Num::zero());
    let mut node = B::Num::of_bits(&row_bits);
    for (children, arity) in witness.status_path.children.iter().zip(ARITIES) {
        let (place, rest) = above.split_at(arity.ilog2() as usize);
        node = parent_at(b, &node, place, children).variable(b);
        above = rest;
    }
    let status_root = node;

    b.section("accreditation");
    // Accreditation: the leaf of the credential's issuer, schema and status list, under the key
    // that signed, is in the registry, and its time has not passed.
    let accredited_until = inputs.now.plus(&ranged(b, distance(leaf.accredited_until), time_bits));
    let version = ranged(b, Fr::from(leaf.version), 16);
    let meta = packed(&[(&schema, 0), (&version, 32), (&accredited_until, 48)]);
    let mut parent =
        hash(b, Capacity::Tag(0), &[key.x, key.y, issuer_id.clone(), status_root, meta]);
    for children in &witness.registry_path.children {
        let node = parent.variable(b);
        parent = parent_of_any(b, &node, children);
    }
    parent.equals(b, inputs.registry_root);

    b.section("policy");
    // Policy: the slots, on the claims and the issuer id.
    let mut values = claims;
    values.push(issuer_id);
    policy::enforce(b, &inputs.policy, &flags, &values, policy, &witness.credential);
}
