//! Makes the file of a circuit: three proofs under a key of its own, and what is made of them.
//!
//! What each case comes to is written down here; the test then asks both verifiers.

use super::{Case, Expect, KeptProofs};
use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::{BigInteger, Field, PrimeField, UniformRand};
use ark_groth16::Proof as Points;
use ark_serialize::CanonicalSerialize;
use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_circuits::policy::{ClaimRef, Operator, Policy, Predicate};
use attestry_circuits::sample::Sample;
use attestry_circuits::{Statement, field};
use attestry_keys::{Prover, insecure_development_setup};

type Groth16Proof = Points<Bn254>;

/// A statement's inputs and a proof of it.
struct Good {
    inputs: Vec<Fr>,
    proof: Groth16Proof,
}

/// The third statement's policy has no set, so that its last inputs are 0.
fn sample(seed: u64) -> Sample {
    let mut sample = Sample::new(seed);
    if seed == 3 {
        let claim = ClaimRef::claim(0).unwrap();
        let operator = Operator::Eq(sample.witness.credential.claims.0[0]);
        let clauses = vec![vec![vec![Predicate { claim, operator }]]];
        let schema = sample.statement.policy.schema;
        sample.statement.policy = Policy { schema, set: vec![], clauses }.compile().unwrap();
    }
    sample
}

pub(super) fn keep_proofs(circuit_id: String) -> KeptProofs {
    let mut rng = StdRng::from_seed(std::array::from_fn(|i| circuit_id.as_bytes()[i]));
    let keys = insecure_development_setup(&mut rng, |_| {}).unwrap();
    let verifying_key = hex::encode(keys.verifying.to_bytes());
    let prover = Prover::new(keys.proving).unwrap();
    let good: Vec<Good> = (1..=3)
        .map(|seed| {
            let Sample { statement, witness, .. } = sample(seed);
            let proof = prover.prove_statement(&statement, &witness, &mut rng).unwrap();
            Good { inputs: statement.public_inputs().to_vec(), proof: proof.as_inner().clone() }
        })
        .collect();

    let mut cases: Vec<Case> = good
        .iter()
        .enumerate()
        .map(|(i, good)| good.case(&format!("proof {i} as it was made"), Expect::Accept))
        .collect();
    let [first, second, third] = good.as_slice() else { unreachable!("three were made") };
    cases.extend(changed_inputs(first, second, third));
    cases.extend(changed_points(first, second, &mut rng));
    cases.extend(changed_bytes(first, &mut rng));
    KeptProofs { circuit_id, verifying_key, cases }
}

impl Good {
    fn case(&self, what: &str, expect: Expect) -> Case {
        let inputs = self.inputs.iter().map(field::to_hex).collect();
        let proof = hex::encode(compressed(&self.proof));
        let stock_accepts = expect == Expect::Accept;
        Case { what: what.to_owned(), inputs, proof, expect, stock_accepts }
    }

    /// The same statement with another proof.
    fn with_points(
        &self,
        what: &str,
        a: G1Affine,
        b: G2Affine,
        c: G1Affine,
        expect: Expect,
    ) -> Case {
        Self { inputs: self.inputs.clone(), proof: Points { a, b, c } }.case(what, expect)
    }

    /// The same proof with other inputs.
    fn with_inputs(&self, what: &str, inputs: &[Fr], expect: Expect) -> Case {
        Self { inputs: inputs.to_vec(), proof: self.proof.clone() }.case(what, expect)
    }

    /// The same statement with other proof bytes.
    fn with_bytes(&self, what: &str, bytes: &[u8], expect: Expect) -> Case {
        Case { proof: hex::encode(bytes), ..self.case(what, expect) }
    }
}

fn compressed(point: &impl CanonicalSerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    point.serialize_compressed(&mut bytes).unwrap();
    bytes
}

fn changed_inputs(first: &Good, second: &Good, third: &Good) -> Vec<Case> {
    let one = Fr::from(1u64);
    let mut cases: Vec<Case> = Statement::INPUT_NAMES
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let mut inputs = first.inputs.clone();
            inputs[i] += one;
            first.with_inputs(&format!("{name} counted up"), &inputs, Expect::RefuseProof)
        })
        .collect();
    cases.push(first.with_inputs(
        "another statement's inputs",
        &second.inputs,
        Expect::RefuseProof,
    ));
    let mut swapped = first.inputs.clone();
    swapped.swap(1, 2);
    cases.push(first.with_inputs("nullifier and scope swapped", &swapped, Expect::RefuseProof));

    let count = Expect::RefuseInputCount;
    let (_, all_but_last) = third.inputs.split_last().unwrap();
    let (_, but_last_not_zero) = first.inputs.split_last().unwrap();
    cases.push(first.with_inputs("the last input missing", but_last_not_zero, count));
    let mut missing = third.with_inputs("the last input missing, which is 0", all_but_last, count);
    missing.stock_accepts = true;
    let mut extra =
        first.with_inputs("an input too many", &[&*first.inputs, &[one]].concat(), count);
    extra.stock_accepts = true;
    cases.extend([missing, extra, first.with_inputs("no inputs", &[], count)]);

    let mut raised = first.case("an input plus the modulus", Expect::RefuseInputEncoding);
    let mut now = first.inputs[4].into_bigint();
    assert!(!now.add_with_carry(&Fr::MODULUS));
    raised.inputs[4] = format!("0x{}", hex::encode(now.to_bytes_be()));
    raised.stock_accepts = false;
    cases.push(raised);
    cases
}

fn changed_points(first: &Good, second: &Good, rng: &mut StdRng) -> Vec<Case> {
    use Expect::{Accept, RefuseProof, RefuseProofPoint};
    let Points { a, b, c } = first.proof;
    let factor = Fr::rand(rng);
    let scaled = (a * factor).into_affine();
    let unscaled = (b * factor.inverse().unwrap()).into_affine();
    let tripled = (c * Fr::from(3u64)).into_affine();
    vec![
        // Groth16's proofs are malleable: whoever has one can make others of the same statement.
        first.with_points("A and B negated, the same statement", -a, -b, c, Accept),
        first.with_points(
            "A and B scaled oppositely, the same statement",
            scaled,
            unscaled,
            c,
            Accept,
        ),
        first.with_points("A and C swapped", c, b, a, RefuseProof),
        first.with_points("A negated", -a, b, c, RefuseProof),
        first.with_points("B negated", a, -b, c, RefuseProof),
        first.with_points("C negated", a, b, -c, RefuseProof),
        first.with_points("all negated", -a, -b, -c, RefuseProof),
        first.with_points("C tripled", a, b, tripled, RefuseProof),
        first.with_points("A of another proof", second.proof.a, b, c, RefuseProof),
        first.with_points("B of another proof", a, second.proof.b, c, RefuseProof),
        first.with_points("C of another proof", a, b, second.proof.c, RefuseProof),
        first.with_points("A the identity", G1Affine::identity(), b, c, RefuseProofPoint),
        first.with_points("B the identity", a, G2Affine::identity(), c, RefuseProofPoint),
        first.with_points("C the identity", a, b, G1Affine::identity(), RefuseProofPoint),
        first.with_points("B outside the subgroup", a, outside_subgroup(rng), c, RefuseProofPoint),
    ]
}

/// A point of the twist, not of the subgroup of order r.
fn outside_subgroup(rng: &mut StdRng) -> G2Affine {
    loop {
        let point = G2Affine::get_point_from_x_unchecked(Fq2::rand(rng), true);
        if let Some(point) = point
            && !point.is_in_correct_subgroup_assuming_on_curve()
        {
            return point;
        }
    }
}

fn changed_bytes(first: &Good, rng: &mut StdRng) -> Vec<Case> {
    let bytes = compressed(&first.proof);
    let (point, length) = (Expect::RefuseProofPoint, Expect::RefuseProofLength);
    let mut cases = vec![
        first.with_bytes("the last byte missing", &bytes[..127], length),
        first.with_bytes("a byte too many", &[&*bytes, &[0]].concat(), length),
        first.with_bytes("no bytes", &[], length),
        first.with_bytes("ones", &[0xff; 128], point),
    ];
    // Stock decoding reads a prefix and does not ask what follows.
    cases[1].stock_accepts = true;

    let mut off_curve = bytes.clone();
    let x = loop {
        let x = Fq::rand(rng);
        if G1Affine::get_point_from_x_unchecked(x, true).is_none() {
            break x;
        }
    };
    off_curve[..32].copy_from_slice(&compressed(&x));
    cases.push(first.with_bytes("A off the curve", &off_curve, point));

    let mut off_twist = bytes.clone();
    let x = loop {
        let x = Fq2::rand(rng);
        if G2Affine::get_point_from_x_unchecked(x, true).is_none() {
            break x;
        }
    };
    off_twist[32..96].copy_from_slice(&compressed(&x));
    cases.push(first.with_bytes("B off the twist", &off_twist, point));

    // x and x + p are the same residue; the second has room in the encoding if x is small.
    let (good, raised) = loop {
        let factor = Fr::from(rng.next_u64());
        let a = (first.proof.a * factor).into_affine();
        let b = (first.proof.b * factor.inverse().unwrap()).into_affine();
        let proof = Points { a, b, c: first.proof.c };
        let mut x = a.x.into_bigint();
        let overflow = x.add_with_carry(&Fq::MODULUS);
        let x = x.to_bytes_le();
        if !overflow && x[31] & 0xc0 == 0 {
            let mut raised = compressed(&proof);
            let sign = raised[31] & 0xc0;
            raised[..32].copy_from_slice(&x);
            raised[31] |= sign;
            break (Good { inputs: first.inputs.clone(), proof }, raised);
        }
    };
    cases.push(good.case("A and B scaled until A.x is small", Expect::Accept));
    cases.push(good.with_bytes("A.x plus the modulus", &raised, point));
    cases
}
