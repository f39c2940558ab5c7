//! Keys out of a ceremony that snarkjs ran: the reader of `.zkey` files, version 1, Groth16.
//!
//! The file must be of the given circuit, sizes and coefficients alike. Every point is checked to
//! be in its subgroup, and pairings check what the file alone can show (`consistency`). What
//! it cannot show is that the powers of tau are those of a public ceremony and that the
//! contributions are the ones that were announced: `snarkjs zkey verify` checks that against the
//! powers of tau and the exported circuit, and the contributors check their hashes.
//!
//! snarkjs keeps the quotient's bases as Pᵢ = ℓᵢ(τ)/δ, where ℓᵢ is the Lagrange polynomial of the
//! point gωⁱ of the domain of twice the size, gⁿ = −1. The standard key has H_k = τᵏZ(τ)/δ with
//! Z = Xⁿ − 1, which is 0 on the domain and −2 on the coset gΩ. So XᵏZ = −2·Σᵢ (gωⁱ)ᵏ·ℓᵢ and
//! H_k = −2gᵏ·Σᵢ ωⁱᵏ·Pᵢ: an FFT over the group.

mod consistency;

use super::container::{Cursor, ELEMENT, Sections};
use super::elements::{modulus, read_element, read_point, read_points};
use crate::proving_key::Shape;
use crate::setup::sparse;
use crate::{KeyError, KeySet, Origin, ProvingKey, StandardKey, VerifyingKey};
use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine, g1, g2};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::r1cs::{CircuitId, ConstraintMatrices, matrices};

const FILE: &str = "zkey";
const MAGIC: &[u8; 4] = b"zkey";
const VERSION: u32 = 1;
const GROTH16: u32 = 1;

const PROTOCOL: u32 = 1;
const HEADER: u32 = 2;
const INPUT_BASES: u32 = 3;
const COEFFICIENTS: u32 = 4;
const A: u32 = 5;
const B_G1: u32 = 6;
const B_G2: u32 = 7;
const L: u32 = 8;
const QUOTIENT: u32 = 9;
const CONTRIBUTIONS: u32 = 10;

/// Bytes of a coefficient with matrix, row and wire.
const COEFFICIENT: usize = 3 * 4 + ELEMENT;
/// Bytes of a hash in a transcript.
const HASH: usize = 64;

/// Keys that a ceremony made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The keys, whose origin is [`Origin::Imported`].
    pub keys: KeySet,
    /// Contributions to the circuit's own phase that the file records, a beacon included.
    pub contributions: usize,
}

/// Reads the keys of the presentation circuit.
///
/// # Errors
/// Those of [`import_for`].
pub fn import(bytes: &[u8], rng: &mut (impl RngCore + CryptoRng)) -> Result<Imported, KeyError> {
    import_for(&CircuitId::presentation().to_string(), matrices(), bytes, rng)
}

/// Reads the keys of the circuit with this id and these matrices. `rng` chooses the combinations
/// of points that the pairings check: whoever made the file must not foresee them.
///
/// # Errors
/// [`KeyError::Malformed`] if it is not such a file over BN254, a point is not in its subgroup,
/// points contradict each other, or nobody contributed; [`KeyError::CircuitMismatch`] if it is of
/// another circuit.
pub fn import_for(
    circuit_id: &str,
    matrices: &ConstraintMatrices,
    bytes: &[u8],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Imported, KeyError> {
    let shape = Shape::of(matrices);
    let sections = Sections::read(FILE, MAGIC, VERSION, bytes)?;
    sections.only(&[
        PROTOCOL,
        HEADER,
        INPUT_BASES,
        COEFFICIENTS,
        A,
        B_G1,
        B_G2,
        L,
        QUOTIENT,
        CONTRIBUTIONS,
    ])?;
    let mut protocol = sections.section(PROTOCOL, "zkey protocol")?;
    if protocol.u32()? != GROTH16 {
        return Err(protocol.malformed("it is not Groth16"));
    }
    protocol.finish()?;
    let header = Header::read(sections.section(HEADER, "zkey header")?, &shape)?;
    check_coefficients(sections.section(COEFFICIENTS, "zkey coefficients")?, matrices)?;

    let (wires, n) = (shape.variables(), shape.domain()?.size());
    let points = |id, name, count| read_points::<g1::Config>(sections.section(id, name)?, count);
    let key = CeremonyKey {
        input_bases: points(INPUT_BASES, "zkey IC", shape.instance)?,
        a: points(A, "zkey A", wires)?,
        b_g1: points(B_G1, "zkey B1", wires)?,
        b_g2: read_points::<g2::Config>(sections.section(B_G2, "zkey B2")?, wires)?,
        l: points(L, "zkey C", shape.witness)?,
        quotient: points(QUOTIENT, "zkey H", n)?,
        header,
    };
    let transcript = sections.section(CONTRIBUTIONS, "zkey contributions")?;
    let contributions = check_contributions(transcript, &key.header.delta_g1)?;
    consistency::check(&key, matrices, &shape, rng)?;

    let standard = key.into_standard(&shape)?;
    let proving = ProvingKey::derive(&standard, matrices)?;
    let keys = KeySet {
        circuit_id: circuit_id.to_owned(),
        origin: Origin::Imported,
        verifying: VerifyingKey::from_inner(standard.vk.clone()),
        proving,
        standard,
    };
    Ok(Imported { keys, contributions })
}

/// The points of the header; γ is the generator in every zkey.
struct Header {
    alpha_g1: G1Affine,
    beta_g1: G1Affine,
    beta_g2: G2Affine,
    delta_g1: G1Affine,
    delta_g2: G2Affine,
}

impl Header {
    fn read(mut section: Cursor<'_>, shape: &Shape) -> Result<Self, KeyError> {
        for modulus in [modulus::<Fq>(), modulus::<Fr>()] {
            if section.u32()? as usize != ELEMENT || section.take(ELEMENT)? != modulus {
                return Err(section.malformed("it is over another curve"));
            }
        }
        let sizes = [section.u32()?, section.u32()?, section.u32()?].map(|size| size as usize);
        if sizes != [shape.variables(), shape.instance - 1, shape.domain()?.size()] {
            return Err(KeyError::CircuitMismatch("the zkey has other sizes"));
        }
        let alpha_g1 = read_point(&mut section)?;
        let beta_g1 = read_point(&mut section)?;
        let beta_g2 = read_point(&mut section)?;
        let gamma_g2: G2Affine = read_point(&mut section)?;
        let header = Self {
            alpha_g1,
            beta_g1,
            beta_g2,
            delta_g1: read_point(&mut section)?,
            delta_g2: read_point(&mut section)?,
        };
        if gamma_g2 != G2Affine::generator() {
            return Err(section.malformed("γ is not the generator"));
        }
        // The generator means that the secret is 1: known to everybody.
        for point in [header.alpha_g1, header.beta_g1, header.delta_g1] {
            if point.is_zero() || point == G1Affine::generator() {
                return Err(section.malformed("nobody contributed to α, β or δ"));
            }
        }
        section.finish()?;
        Ok(header)
    }
}

/// The points of a zkey in its own shape.
struct CeremonyKey {
    header: Header,
    input_bases: Vec<G1Affine>,
    a: Vec<G1Affine>,
    b_g1: Vec<G1Affine>,
    b_g2: Vec<G2Affine>,
    l: Vec<G1Affine>,
    /// Pᵢ of the module's description.
    quotient: Vec<G1Affine>,
}

impl CeremonyKey {
    fn into_standard(self, shape: &Shape) -> Result<StandardKey, KeyError> {
        let mut powers: Vec<G1Projective> = self.quotient.iter().map(|p| p.into_group()).collect();
        shape.domain()?.fft_in_place(&mut powers);
        Radix2EvaluationDomain::distribute_powers_and_mul_by_const(
            &mut powers,
            shape.coset()?.coset_offset(),
            -Fr::from(2u64),
        );
        // A quotient has n − 1 coefficients.
        powers.pop();
        Ok(StandardKey {
            vk: ark_groth16::VerifyingKey::<Bn254> {
                alpha_g1: self.header.alpha_g1,
                beta_g2: self.header.beta_g2,
                gamma_g2: G2Affine::generator(),
                delta_g2: self.header.delta_g2,
                gamma_abc_g1: self.input_bases,
            },
            beta_g1: self.header.beta_g1,
            delta_g1: self.header.delta_g1,
            a_query: self.a,
            b_g1_query: self.b_g1,
            b_g2_query: self.b_g2,
            h_query: G1Projective::normalize_batch(&powers),
            l_query: self.l,
        })
    }
}

/// Compares A and B with the circuit's. C is not in the file.
///
/// Values are multiplied by R², R = 2^256, which spares snarkjs a conversion when it proves. Below
/// the constraints, A has a row for each public wire.
fn check_coefficients(
    mut section: Cursor<'_>,
    matrices: &ConstraintMatrices,
) -> Result<(), KeyError> {
    let r_squared = Fr::from(2u64).pow([512]);
    let mut expected = Vec::new();
    for (matrix, rows) in [&matrices.a, &matrices.b].into_iter().enumerate() {
        for (row, terms) in rows.iter().enumerate() {
            for (wire, coefficient) in sparse(terms) {
                expected.push(([matrix, row, wire], coefficient * r_squared));
            }
        }
    }
    let constraints = matrices.num_constraints();
    expected.extend((0..matrices.num_instance).map(|i| ([0, constraints + i, i], r_squared)));
    expected.sort_unstable_by_key(|(place, _)| *place);

    let other = KeyError::CircuitMismatch("the zkey has other coefficients");
    if section.u32()? as usize != expected.len() {
        return Err(other);
    }
    if section.len() != expected.len() * COEFFICIENT {
        return Err(section.malformed("its length is not that of its coefficients"));
    }
    let mut found = Vec::with_capacity(expected.len());
    for _ in 0..expected.len() {
        let place = [section.u32()?, section.u32()?, section.u32()?].map(|index| index as usize);
        found.push((place, read_element(&mut section)?));
    }
    found.sort_unstable_by_key(|(place, _)| *place);
    if found != expected { Err(other) } else { Ok(()) }
}

/// Reads the transcript of the circuit's own phase, whose last δ must be the key's, and counts the
/// contributions.
fn check_contributions(mut section: Cursor<'_>, delta_g1: &G1Affine) -> Result<usize, KeyError> {
    let _circuit_hash = section.take(HASH)?;
    let count = section.u32()?;
    let mut delta = G1Affine::generator();
    for _ in 0..count {
        delta = read_point(&mut section)?;
        let _public_key: [G1Affine; 2] = [read_point(&mut section)?, read_point(&mut section)?];
        let _in_g2: G2Affine = read_point(&mut section)?;
        let _transcript = section.take(HASH)?;
        let _kind = section.u32()?;
        let parameters = section.u32()?;
        section.take(parameters as usize)?;
    }
    if delta != *delta_g1 {
        return Err(section.malformed("the last contribution's δ is not the key's"));
    }
    section.finish()?;
    Ok(count as usize)
}
