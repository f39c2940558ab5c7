//! What the points of a zkey must have in common, checked on random combinations.
//!
//! With ρ unknown to whoever made the file, a combination of points that contradict each other
//! passes with probability 1/r. Write a = Σⱼ ρⱼAⱼ and so on, over all wires j:
//!
//! - α, β, δ are the same in G1 and G2 where both are given, and so is b;
//! - the quotient's bases agree with B: b(τ)·Z(τ)/δ is −2·Σᵢ b(gωⁱ)·Pᵢ and Z(τ)/δ is −2·Σᵢ Pᵢ,
//!   so e(Σᵢ b(gωⁱ)·Pᵢ, 1) = e(Σᵢ Pᵢ, b(τ)). This is for b of degree below n − 1: powers of tau
//!   that just suffice for the circuit end before τ²ⁿ⁻¹, and quotients do not need it;
//! - for wires that C does not use, the input bases and L are βAⱼ + αBⱼ, divided by δ in L:
//!   e(Σ ρⱼICⱼ, 1)·e(Σ ρⱼLⱼ, δ) = e(Σ ρⱼAⱼ, β)·e(α, Σ ρⱼBⱼ).
//!
//! For the other wires the file alone has no such equation: it does not contain C.

use super::CeremonyKey;
use crate::KeyError;
use crate::proving_key::Shape;
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{One, UniformRand, Zero};
use ark_poly::EvaluationDomain;
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::r1cs::ConstraintMatrices;

/// Checks the equations of the [module](self).
///
/// # Errors
/// [`KeyError::Malformed`] naming what does not agree.
pub(super) fn check(
    key: &CeremonyKey,
    matrices: &ConstraintMatrices,
    shape: &Shape,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<(), KeyError> {
    let header = &key.header;
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    require("β differs in G1 and G2", [(header.beta_g1, g2), (-g1, header.beta_g2)])?;
    require("δ differs in G1 and G2", [(header.delta_g1, g2), (-g1, header.delta_g2)])?;

    let rho: Vec<Fr> = (0..shape.variables()).map(|_| Fr::rand(rng)).collect();
    let b_g2 = sum_g2(&key.b_g2, &rho);
    require("B differs in G1 and G2", [(sum_g1(&key.b_g1, &rho), g2), (-g1, b_g2)])?;

    let other: Vec<Fr> = rho.iter().map(|_| Fr::rand(rng)).collect();
    let (low, b) = of_low_degree(&matrices.b, [&rho, &other], shape)?;
    let b_on_coset = sum_g1(&key.quotient, &shape.coset()?.fft(&b));
    let one_on_coset = sum_g1(&key.quotient, &vec![Fr::one(); key.quotient.len()]);
    let b_g2 = sum_g2(&key.b_g2, &low);
    require("H does not agree with B", [(b_on_coset, g2), (-one_on_coset, b_g2)])?;

    let mut rho = rho;
    for (_, wire) in matrices.c.iter().flatten() {
        rho[*wire] = Fr::zero();
    }
    let (inputs, witness) = rho.split_at(shape.instance);
    require(
        "IC and C do not agree with A and B",
        [
            (sum_g1(&key.input_bases, inputs), g2),
            (sum_g1(&key.l, witness), header.delta_g2),
            (-sum_g1(&key.a, &rho), header.beta_g2),
            (-header.alpha_g1, sum_g2(&key.b_g2, &rho)),
        ],
    )
}

/// Checks that the product of the pairings is 1.
fn require<const N: usize>(
    rule: &'static str,
    pairs: [(G1Affine, G2Affine); N],
) -> Result<(), KeyError> {
    let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    match Bn254::multi_pairing(left, right).is_zero() {
        true => Ok(()),
        false => Err(KeyError::Malformed { key: "zkey", rule }),
    }
}

fn sum_g1(points: &[G1Affine], scalars: &[Fr]) -> G1Affine {
    G1Projective::msm_unchecked(points, scalars).into_affine()
}

fn sum_g2(points: &[G2Affine], scalars: &[Fr]) -> G2Affine {
    G2Projective::msm_unchecked(points, scalars).into_affine()
}

/// A combination of these two of wires for which the polynomial that is rows·z on the domain has
/// degree below n − 1, and the polynomial's coefficients.
fn of_low_degree(
    rows: &[Vec<(Fr, usize)>],
    [first, second]: [&[Fr]; 2],
    shape: &Shape,
) -> Result<(Vec<Fr>, Vec<Fr>), KeyError> {
    let domain = shape.domain()?;
    let polynomial = |z: &[Fr]| {
        let values: Vec<Fr> = rows
            .iter()
            .map(|row| row.iter().map(|&(coefficient, wire)| coefficient * z[wire]).sum())
            .collect();
        domain.ifft(&values)
    };
    let (p, q) = (polynomial(first), polynomial(second));
    let highest = |p: &[Fr]| p.last().copied().unwrap_or_default();
    let (top_p, top_q) = (highest(&p), highest(&q));
    let combine = |x: &[Fr], y: &[Fr]| -> Vec<Fr> {
        x.iter().zip(y).map(|(x, y)| top_q * x - top_p * y).collect()
    };
    Ok((combine(first, second), combine(&p, &q)))
}
