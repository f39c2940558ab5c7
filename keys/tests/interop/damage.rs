//! Damaged and dishonest `.zkey` files, made from one that snarkjs made for the toy circuit.
//! `ATTESTRY_BLESS=1` with node makes that file anew.

use crate::scene::{ROUNDS, outside_the_subgroup};
use crate::toy::Toy;
use ark_ff::{BigInteger, PrimeField};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_keys::KeyError;
use attestry_keys::interop::zkey::{Imported, import_for};
use std::ops::Range;

const FILE: &[u8] = include_bytes!("toy.zkey");
/// Bytes of a point of G1.
const G1: usize = 64;
/// α, β in G1, β, γ in G2, δ in G1 and G2 follow the moduli and the sizes.
const HEADER_POINTS: usize = 2 * 36 + 3 * 4;
/// Bytes of the circuit's hash and the number of contributions.
const TRANSCRIPT_START: usize = 64 + 4;

fn import(bytes: &[u8]) -> Result<Imported, KeyError> {
    let mut rng = StdRng::seed_from_u64(9);
    import_for("toy", &Toy::new(ROUNDS, 1).matrices, bytes, &mut rng)
}

fn refusal(bytes: &[u8]) -> String {
    import(bytes).unwrap_err().to_string()
}

/// The content of a section.
fn section(id: u32) -> Range<usize> {
    let mut start = 12;
    loop {
        let found = u32::from_le_bytes(FILE[start..start + 4].try_into().unwrap());
        let len = u64::from_le_bytes(FILE[start + 4..start + 12].try_into().unwrap()) as usize;
        let content = start + 12..start + 12 + len;
        if found == id {
            return content;
        }
        start = content.end;
    }
}

/// The file with `bytes` from `place` on.
fn with(place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut changed = FILE.to_vec();
    changed[place..place + bytes.len()].copy_from_slice(bytes);
    changed
}

/// The file with two items of a section in each other's place.
fn swapped(id: u32, size: usize, [i, j]: [usize; 2]) -> Vec<u8> {
    let item =
        |index: usize| section(id).start + index * size..section(id).start + (index + 1) * size;
    assert_ne!(FILE[item(i)], FILE[item(j)], "there is something to swap");
    let mut changed = with(item(i).start, &FILE[item(j)]);
    changed[item(j)].copy_from_slice(&FILE[item(i)]);
    changed
}

#[test]
fn the_undamaged_file_is_read() {
    assert_eq!(import(FILE).unwrap().contributions, 1);
}

#[test]
fn refuses_a_changed_byte_in_any_section() {
    // What only `snarkjs zkey verify` looks at, with the powers of tau: the contribution's proof.
    let unchecked = section(10).start + TRANSCRIPT_START + G1..section(10).end;
    let circuit_hash = section(10).start..section(10).start + 64;
    for (index, byte) in FILE.iter().enumerate() {
        if circuit_hash.contains(&index) || unchecked.contains(&index) {
            continue;
        }
        // Of points, one byte in each coordinate is enough: all fail in the same way.
        let sampled = index % 32 == 7 || index < section(5).start || section(10).contains(&index);
        if sampled {
            assert!(import(&with(index, &[byte ^ 0x10])).is_err(), "byte {index}");
        }
    }
}

#[test]
fn refuses_every_truncation_and_suffix() {
    for len in 0..FILE.len() {
        assert!(import(&FILE[..len]).is_err(), "{len} bytes");
    }
    assert!(import(&[FILE, &[0]].concat()).is_err());
}

#[test]
fn refuses_lengths_and_counts_that_are_far_too_large() {
    for id in 1..=10 {
        let length = section(id).start - 8;
        assert_eq!(refusal(&with(length, &[0xff; 8])), "zkey is malformed: it is cut short");
        assert!(import(&with(length, &[0; 8])).is_err());
    }
    let sizes = section(2).start + 72;
    for place in [sizes, sizes + 4, sizes + 8] {
        let answer = refusal(&with(place, &[0xff; 4]));
        assert_eq!(answer, "circuit mismatch: the zkey has other sizes");
    }
    let coefficients = section(4).start;
    let answer = refusal(&with(coefficients, &[0xff; 4]));
    assert_eq!(answer, "circuit mismatch: the zkey has other coefficients");
    let contributions = section(10).start + 64;
    let answer = refusal(&with(contributions, &[0xff; 4]));
    assert!(answer.starts_with("zkey contributions is malformed"), "{answer}");
    assert_eq!(refusal(&with(8, &[0xff; 4])), "zkey is malformed: it has too many sections");
}

#[test]
fn refuses_a_zkey_of_another_circuit() {
    let mut rng = StdRng::seed_from_u64(9);
    let larger = import_for("toy", &Toy::new(ROUNDS + 1, 1).matrices, FILE, &mut rng).unwrap_err();
    assert_eq!(larger.to_string(), "circuit mismatch: the zkey has other sizes");
    let mut other = Toy::new(ROUNDS, 1).matrices;
    other.a.swap(0, 1);
    let other = import_for("toy", &other, FILE, &mut rng).unwrap_err();
    assert_eq!(other.to_string(), "circuit mismatch: the zkey has other coefficients");
}

#[test]
fn refuses_a_point_outside_its_subgroup_and_coordinates_above_the_modulus() {
    let outside = outside_the_subgroup();
    let montgomery: Vec<u8> = [outside.x.c0, outside.x.c1, outside.y.c0, outside.y.c1]
        .iter()
        .flat_map(|value| value.0.to_bytes_le())
        .collect();
    let beta_g2 = section(2).start + HEADER_POINTS + 2 * G1;
    for place in [beta_g2, beta_g2 + 2 * G1 + 2 * G1 + G1, section(7).start] {
        let answer = refusal(&with(place, &montgomery));
        assert!(answer.ends_with("a point is not in its subgroup"), "{answer}");
    }

    // x + p stands for the same residue as x.
    let start = section(5).start;
    let mut x = ark_ff::BigInt::<4>(std::array::from_fn(|i| {
        u64::from_le_bytes(FILE[start + 8 * i..start + 8 * i + 8].try_into().unwrap())
    }));
    assert!(!x.add_with_carry(&ark_bn254::Fq::MODULUS));
    let answer = refusal(&with(start, &x.to_bytes_le()));
    assert_eq!(answer, "zkey A is malformed: a coordinate is not below the modulus");
}

#[test]
fn refuses_points_that_contradict_each_other() {
    // Wires 2 and 3 are public inputs that C does not use; 4, 5 and 6 are a bit and its choices.
    let public = [2, 3];
    let bits = [0, 1];
    for (file, rule) in [
        (swapped(6, G1, [2, 4]), "B differs in G1 and G2"),
        (swapped(7, 2 * G1, [2, 4]), "B differs in G1 and G2"),
        (swapped(9, G1, [3, 5]), "H does not agree with B"),
        (swapped(3, G1, public), "IC and C do not agree with A and B"),
        (swapped(5, G1, [4, 5]), "IC and C do not agree with A and B"),
        (swapped(8, G1, bits), "IC and C do not agree with A and B"),
    ] {
        assert_eq!(refusal(&file), format!("zkey is malformed: {rule}"));
    }

    // B of another circuit, in both groups alike: only H tells.
    let mut both = swapped(6, G1, [2, 4]);
    both[section(7)].copy_from_slice(&swapped(7, 2 * G1, [2, 4])[section(7)]);
    assert_eq!(refusal(&both), "zkey is malformed: H does not agree with B");

    // One of α, β, δ replaced by another.
    let points = section(2).start + HEADER_POINTS;
    let [alpha, beta, delta] = [points, points + G1, points + 2 * G1 + 4 * G1];
    let point = |place: usize| &FILE[place..place + G1];
    let answer = refusal(&with(beta, point(alpha)));
    assert_eq!(answer, "zkey is malformed: β differs in G1 and G2");
    let answer = refusal(&with(alpha, point(beta)));
    assert_eq!(answer, "zkey is malformed: IC and C do not agree with A and B");
    let answer = refusal(&with(delta, point(alpha)));
    assert!(answer.ends_with("the last contribution's δ is not the key's"), "{answer}");
    let mut other_delta = with(delta, point(alpha));
    let last = section(10).start + TRANSCRIPT_START;
    other_delta[last..last + G1].copy_from_slice(point(alpha));
    assert_eq!(refusal(&other_delta), "zkey is malformed: δ differs in G1 and G2");
}
