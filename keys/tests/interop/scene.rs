//! A toy circuit with keys and a proof.

use crate::toy::Toy;
use ark_bn254::{Fq2, Fr, G2Affine};
use ark_ff::UniformRand;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_keys::{KeySet, Proof, Prover, insecure_development_setup_for};
use std::sync::LazyLock;

/// Rounds of the toy circuit: 8 constraints and 4 public wires, in a domain of 16.
pub(crate) const ROUNDS: usize = 2;

pub(crate) struct Scene {
    pub(crate) keys: KeySet,
    pub(crate) proof: Proof,
    /// Another proof of the same statement.
    pub(crate) again: Proof,
    pub(crate) inputs: Vec<Fr>,
}

pub(crate) static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let toy = Toy::new(ROUNDS, 1);
    let keys = insecure_development_setup_for("toy", &toy.matrices, toy.clone(), &mut rng, |_| {})
        .unwrap();
    let prover = Prover::new(keys.proving.clone()).unwrap();
    Scene {
        proof: prover.prove(&toy.assignment(), &mut rng).unwrap(),
        again: prover.prove(&toy.assignment(), &mut rng).unwrap(),
        inputs: toy.inputs().to_vec(),
        keys,
    }
});

/// A point of the twist that is outside the prime-order subgroup.
pub(crate) fn outside_the_subgroup() -> G2Affine {
    let mut rng = StdRng::seed_from_u64(3);
    loop {
        let x = Fq2::rand(&mut rng);
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, true)
            && !point.is_in_correct_subgroup_assuming_on_curve()
        {
            return point;
        }
    }
}
