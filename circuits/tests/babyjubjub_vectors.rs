//! BabyJubJub and signatures on it against circomlibjs 0.1.7.
//!
//! Compared: Base8 and the order; addition, doubling, multiples; which points are on the curve and
//! in the subgroup; circomlib's packing, applied to our coordinates; the Poseidon challenge of
//! EdDSA-Poseidon; and its equation S·B8 = R8 + 8·h·A, with our curve arithmetic. That the
//! circuit's gadgets agree too is in `r1cs::tests::curve`.
//!
//! Not compared: `schnorr::VerifyingKey::verify` as a whole. Attestry's challenge is another hash
//! (of the credential itself), 128 bits of it and no cofactor 8, so that no circomlib signature is
//! one of ours. Nor EdDSA's key and nonce derivation, which stay with the signer.
//!
//! Two rules differ on purpose. A key outside the subgroup is refused here before any signature is
//! looked at; circomlibjs accepts one. The response plus the order is refused by circomlibjs, and
//! here by the encoding: as a scalar it is the same response.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ark_ff::{BigInteger, PrimeField};
use attestry_circuits::jubjub::{Point, PointError, Scalar};
use attestry_circuits::schnorr::{Signature, SignatureError};
use attestry_circuits::{Fr, field, poseidon};
use serde::Deserialize;

type Coordinates = [String; 2];

#[derive(Deserialize)]
struct Vectors {
    order: String,
    base8: Coordinates,
    arithmetic: Vec<Arithmetic>,
    membership: Vec<Membership>,
    packing: Vec<Packing>,
    signatures: Vec<SignatureVector>,
}

#[derive(Deserialize)]
#[serde(tag = "operation", rename_all = "lowercase")]
enum Arithmetic {
    Add { p: Coordinates, q: Coordinates, expect: Coordinates },
    Double { p: Coordinates, expect: Coordinates },
    Multiply { p: Coordinates, scalar: String, expect: Coordinates },
}

#[derive(Deserialize)]
struct Membership {
    what: String,
    p: Coordinates,
    on_curve: bool,
    in_subgroup: bool,
}

#[derive(Deserialize)]
struct Packing {
    p: Coordinates,
    expect: String,
}

#[derive(Deserialize)]
struct SignatureVector {
    what: String,
    key: Coordinates,
    message: String,
    r: Coordinates,
    s: String,
    challenge: String,
    expect: Expect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Accept,
    Refuse,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/babyjubjub.json")).unwrap()
}

fn element(text: &str) -> Fr {
    field::from_hex(text).unwrap()
}

fn point([x, y]: &Coordinates) -> Result<Point, PointError> {
    Point::from_coordinates(element(x), element(y))
}

fn integer(text: &str) -> Vec<u8> {
    hex::decode(text.strip_prefix("0x").unwrap()).unwrap()
}

fn scalar(text: &str) -> Scalar {
    Scalar::from_be_bytes_mod_order(&integer(text))
}

fn opposite(point: &Point) -> Point {
    Point::from_coordinates(-point.x(), point.y()).unwrap()
}

#[test]
fn base_and_order_are_circomlibs() {
    let vectors = vectors();
    assert_eq!(point(&vectors.base8), Ok(Point::base()));
    assert_eq!(Scalar::MODULUS.to_bytes_be(), integer(&vectors.order));
}

#[test]
fn points_are_added_doubled_and_multiplied_as_in_circomlib() {
    let vectors = vectors();
    for vector in &vectors.arithmetic {
        let (found, expect) = match vector {
            Arithmetic::Add { p, q, expect } => {
                let (p, q) = (point(p).unwrap(), point(q).unwrap());
                (p.subtract(&opposite(&q)), expect)
            }
            Arithmetic::Double { p, expect } => {
                let p = point(p).unwrap();
                assert_eq!(p.multiply(&Scalar::from(2u64)), point(expect));
                (p.subtract(&opposite(&p)), expect)
            }
            Arithmetic::Multiply { p, scalar: s, expect } => {
                (point(p).unwrap().multiply(&scalar(s)), expect)
            }
        };
        assert_eq!(found, point(expect));
    }
    assert!(vectors.arithmetic.len() > 50);
}

#[test]
fn points_off_the_curve_and_outside_the_subgroup_are_told_apart_as_in_circomlib() {
    for vector in vectors().membership {
        let expected = match (vector.on_curve, vector.in_subgroup) {
            (false, _) => Err(PointError::NotOnCurve),
            (true, false) => Err(PointError::NotInSubgroup),
            // In the subgroup for circomlib; of no use as a key or a commitment.
            (true, true) if vector.what == "the neutral point" => Err(PointError::Identity),
            (true, true) => Ok(()),
        };
        assert_eq!(point(&vector.p).map(|_| ()), expected, "{}", vector.what);
    }
}

#[test]
fn coordinates_pack_to_circomlibs_bytes() {
    for vector in vectors().packing {
        let point = point(&vector.p).unwrap();
        let mut packed = field::to_be_bytes(&point.y());
        packed.reverse();
        let negative = point.x().into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO;
        packed[31] |= u8::from(negative) << 7;
        assert_eq!(packed.to_vec(), integer(&vector.expect));
    }
}

#[test]
fn the_challenge_of_eddsa_poseidon_is_circomlibs() {
    for vector in vectors().signatures {
        let signed = [&vector.r[0], &vector.r[1], &vector.key[0], &vector.key[1], &vector.message];
        let challenge = poseidon::hash(&signed.map(|text| element(text)));
        assert_eq!(field::to_hex(&challenge), vector.challenge, "{}", vector.what);
    }
}

/// S·B8 = R8 + 8·h·A, where S is a canonical scalar and R8 and A are points that may stand for a
/// commitment and a key.
fn satisfies_the_equation(vector: &SignatureVector) -> bool {
    let mut encoded = [0; 64];
    encoded[32..].copy_from_slice(&integer(&vector.s));
    let canonical: Result<Signature, SignatureError> = Signature::from_bytes(&encoded);
    let (Ok(Signature { s, .. }), Ok(r), Ok(key)) =
        (canonical, point(&vector.r), point(&vector.key))
    else {
        return false;
    };
    let challenge = scalar(&vector.challenge) * Scalar::from(8u64);
    let left = Point::base().multiply(&s).unwrap();
    let Ok(right) = key.multiply(&challenge).and_then(|e| left.subtract(&e)) else {
        return false;
    };
    right == r
}

#[test]
fn signatures_of_circomlib_satisfy_the_equation_and_changed_ones_do_not() {
    let mut accepted = 0;
    for vector in vectors().signatures {
        let expected = match vector.what.as_str() {
            // The one that circomlibjs accepts and we refuse: its key never gets so far.
            "a key outside the subgroup" => {
                assert_eq!(vector.expect, Expect::Accept);
                assert_eq!(point(&vector.key), Err(PointError::NotInSubgroup));
                Expect::Refuse
            }
            _ => vector.expect,
        };
        assert_eq!(satisfies_the_equation(&vector), expected == Expect::Accept, "{}", vector.what);
        accepted += usize::from(expected == Expect::Accept);
    }
    assert_eq!(accepted, 6);
}

/// The malleability that circomlibjs refuses by s < l: as a scalar it is the same signature.
#[test]
fn a_response_plus_the_order_has_no_encoding_and_no_other_meaning() {
    for vector in vectors().signatures {
        if vector.what == "the response plus the order" {
            let mut encoded = [0; 64];
            encoded[32..].copy_from_slice(&integer(&vector.s));
            assert_eq!(Signature::from_bytes(&encoded), Err(SignatureError::Invalid));
            let reduced = scalar(&vector.s);
            encoded[32..].copy_from_slice(&reduced.into_bigint().to_bytes_be());
            assert_eq!(Signature::from_bytes(&encoded).map(|signature| signature.s), Ok(reduced));
        }
    }
}
