//! Verification of many proofs at once.
//!
//! With weights ρᵢ that the prover cannot foresee, all of e(Aᵢ, Bᵢ) = e(α, β)·e(ICᵢ, γ)·e(Cᵢ, δ)
//! hold, except with probability 2⁻¹²⁸, if
//! Π e(ρᵢAᵢ, Bᵢ)·e(−Σρᵢ·α, β)·e(−ΣρᵢICᵢ, γ)·e(−ΣρᵢCᵢ, δ) = 1: one Miller loop for each proof, three
//! more, and one final exponentiation. If not, the batch is halved until the bad proofs stand
//! alone.
//!
//! Subgroup checks are not batched: each [`Proof`] had its own when it was decoded.

use crate::parallel::map_indices;
use crate::prover::msm::msm;
use crate::{PreparedVerifyingKey, Proof, VerifyError};
use ark_bn254::{Bn254, Fq12, Fr, G1Affine, G1Projective, g1};
use ark_ec::CurveGroup;
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInt, One};
use ark_std::rand::{CryptoRng, RngCore};

/// Proofs whose Miller loops one task runs.
const TASK_PROOFS: usize = 4;

/// ρ = low + λ·high, with λ the eigenvalue of G1's endomorphism: 128 random bits, and only 64
/// doublings to multiply a point by it.
#[derive(Clone, Copy)]
struct Weight {
    low: u64,
    high: u64,
}

impl Weight {
    fn sample(rng: &mut impl RngCore) -> Self {
        Self { low: rng.next_u64(), high: rng.next_u64() }
    }

    fn as_field(self) -> Fr {
        Fr::from(self.low) + g1::Config::LAMBDA * Fr::from(self.high)
    }

    fn times(self, point: &G1Affine) -> G1Projective {
        let image = g1::Config::endomorphism_affine(point);
        let both = (*point + image).into_affine();
        let mut product = G1Projective::ZERO;
        for bit in (0..64).rev() {
            product.double_in_place();
            match (self.low >> bit & 1, self.high >> bit & 1) {
                (1, 1) => product += both,
                (1, 0) => product += point,
                (0, 1) => product += image,
                _ => {}
            }
        }
        product
    }
}

impl PreparedVerifyingKey {
    /// Checks many (public inputs, proof) pairs; the answers are those of
    /// [`verify`](Self::verify), in the same order.
    ///
    /// `rng` must be unpredictable to whoever made the proofs.
    pub fn verify_batch(
        &self,
        items: &[(&[Fr], &Proof)],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Vec<Result<(), VerifyError>> {
        let mut answers: Vec<_> =
            items.iter().map(|(inputs, _)| self.check_input_count(inputs)).collect();
        let candidates: Vec<usize> = (0..items.len()).filter(|&i| answers[i].is_ok()).collect();
        // Halves still to be judged.
        let mut pending = vec![candidates];
        while let Some(group) = pending.pop() {
            match group.as_slice() {
                [] => {}
                [single] => {
                    let (inputs, proof) = items[*single];
                    answers[*single] = self.verify(inputs, proof);
                }
                _ if self.all_hold(items, &group, rng) => {}
                _ => {
                    let (left, right) = group.split_at(group.len() / 2);
                    pending.push(left.to_vec());
                    pending.push(right.to_vec());
                }
            }
        }
        answers
    }

    /// Decodes and checks many proofs; the answers are those of [`Proof::from_bytes`] and then
    /// [`verify`](Self::verify), in the same order.
    ///
    /// `rng` must be unpredictable to whoever made the proofs.
    pub fn verify_encoded_batch(
        &self,
        items: &[(&[Fr], &[u8])],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Vec<Result<(), VerifyError>> {
        let decoded = map_indices(items.len(), |i| Proof::from_bytes(items[i].1));
        let proofs: Vec<(&[Fr], &Proof)> = decoded
            .iter()
            .zip(items)
            .filter_map(|(proof, (inputs, _))| Some((*inputs, proof.as_ref().ok()?)))
            .collect();
        let mut answers = self.verify_batch(&proofs, rng).into_iter();
        decoded
            .iter()
            .map(|proof| match proof {
                Ok(_) => answers.next().unwrap_or(Err(VerifyError::InvalidProof)),
                Err(error) => Err(*error),
            })
            .collect()
    }

    fn all_hold(
        &self,
        items: &[(&[Fr], &Proof)],
        group: &[usize],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> bool {
        let weights: Vec<_> = group.iter().map(|_| Weight::sample(rng)).collect();

        let miller_loops = map_indices(group.len().div_ceil(TASK_PROOFS), |task| {
            let start = task * TASK_PROOFS;
            let end = group.len().min(start + TASK_PROOFS);
            let scaled: Vec<_> =
                (start..end).map(|i| weights[i].times(&items[group[i]].1.as_inner().a)).collect();
            let b = group[start..end].iter().map(|&i| items[i].1.as_inner().b);
            Bn254::multi_miller_loop(G1Projective::normalize_batch(&scaled), b).0
        });

        let mut factor = Fr::ZERO;
        let mut inputs = vec![Fr::ZERO; self.key().public_inputs()];
        for (&i, weight) in group.iter().zip(&weights) {
            let weight = weight.as_field();
            factor += weight;
            for (sum, input) in inputs.iter_mut().zip(items[i].0) {
                *sum += weight * input;
            }
        }
        let c = weighted_sum(group.iter().map(|&i| items[i].1.as_inner().c), &weights);
        let shared = Bn254::multi_miller_loop(
            [(self.alpha * -factor).into_affine(), self.inputs.combine_scaled(factor, &inputs), c],
            [self.beta.clone(), self.minus_gamma.clone(), self.minus_delta.clone()],
        );

        let product: Fq12 = miller_loops.iter().product::<Fq12>() * shared.0;
        Bn254::final_exponentiation(MillerLoopOutput(product))
            .is_some_and(|value| value.0 == Fq12::one())
    }
}

/// Σ ρᵢ·pointᵢ.
fn weighted_sum(points: impl Iterator<Item = G1Affine>, weights: &[Weight]) -> G1Affine {
    let (bases, scalars): (Vec<_>, Vec<_>) = points
        .zip(weights)
        .flat_map(|(point, weight)| {
            let image = g1::Config::endomorphism_affine(&point);
            [(point, BigInt::from(weight.low)), (image, BigInt::from(weight.high))]
        })
        .unzip();
    msm(bases, &scalars, 64).into_affine()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_weight_multiplies_points_as_its_field_element_does() {
        let mut rng = StdRng::seed_from_u64(1);
        let points: Vec<_> = (0..5).map(|_| G1Projective::rand(&mut rng).into_affine()).collect();
        let weights: Vec<_> = points.iter().map(|_| Weight::sample(&mut rng)).collect();
        let mut sum = G1Projective::ZERO;
        for (point, weight) in points.iter().zip(&weights) {
            assert_eq!(weight.times(point), *point * weight.as_field());
            sum += *point * weight.as_field();
        }
        assert_eq!(weighted_sum(points.into_iter(), &weights), sum.into_affine());
    }
}
