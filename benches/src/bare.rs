//! What the parts of a proof cost with arkworks' own transforms and multiplications, on the same
//! sizes: a measure of how near each part is to its bare arithmetic.

use crate::measure::{median, time_each};
use anyhow::{Result, anyhow};
use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::scalar_mul::variable_base::VariableBaseMSM;
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::UniformRand;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::RngCore;
use attestry_keys::ProverSizes;
use std::time::Duration;

const ROUNDS: usize = 21;

/// Times of bare arithmetic.
pub struct Bare {
    /// Two transforms and back, two threads at once.
    pub fft: Duration,
    /// All sums in G1.
    pub msm_g1: Duration,
    /// The sum in G2.
    pub msm_g2: Duration,
}

/// Measures transforms and multiplications of these sizes, on random scalars.
///
/// # Errors
/// If the field has no domain of the size.
pub fn measure(sizes: &ProverSizes, rng: &mut impl RngCore) -> Result<Bare> {
    let domain = Radix2EvaluationDomain::<Fr>::new(sizes.domain)
        .ok_or_else(|| anyhow!("no domain of {} elements", sizes.domain))?;
    let vectors: Vec<[Vec<Fr>; 2]> = (0..ROUNDS)
        .map(|_| std::array::from_fn(|_| (0..sizes.domain).map(|_| Fr::rand(rng)).collect()))
        .collect();
    let (fft, _) = time_each(vectors, |[a, b]| {
        let twice = |values: Vec<Fr>| domain.fft(&domain.ifft(&values));
        Ok::<_, anyhow::Error>(rayon::join(|| twice(a), || twice(b)))
    })?;
    let msm_g1 = sizes.g1.iter().map(|&size| multiplication::<G1Projective>(size, rng)).sum();
    let msm_g2 = multiplication::<G2Projective>(sizes.g2, rng);
    Ok(Bare { fft, msm_g1, msm_g2 })
}

/// The median time of one multiplication of this size.
fn multiplication<G>(size: usize, rng: &mut impl RngCore) -> Duration
where
    G: VariableBaseMSM + PrimeGroup<ScalarField = Fr> + CurveGroup,
{
    let start = G::rand(rng);
    let mut point = start;
    let points: Vec<G> = std::iter::repeat_with(|| {
        point += start;
        point
    })
    .take(size)
    .collect();
    let bases = G::normalize_batch(&points);
    let times = (0..ROUNDS).map(|_| {
        let scalars: Vec<Fr> = (0..size).map(|_| Fr::rand(rng)).collect();
        let start = std::time::Instant::now();
        std::hint::black_box(G::msm_unchecked(&bases, &scalars));
        start.elapsed()
    });
    median(times.collect())
}
