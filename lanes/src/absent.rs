//! What stands for the engine on processors that never have its instructions.

use crate::Curve;
use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::Affine;
use ark_ff::BigInt;

/// Nothing: this processor does not have the instructions.
#[derive(Clone, Copy, Debug)]
pub enum Engine {}

impl Engine {
    /// Looks for the instructions, in vain.
    pub fn detect() -> Option<Self> {
        None
    }
}

/// Transforms, of which there are none.
pub struct CosetTransform(Engine);

/// Values on a coset, of which there are none.
pub struct CosetValues(Engine);

impl CosetTransform {
    /// There is no engine to make one with.
    pub fn new(engine: Engine, _: u32, _: Fr) -> Option<Self> {
        match engine {}
    }

    /// There is no transform to call this on.
    pub fn extend(&self, _: &[&[Fr]]) -> CosetValues {
        match self.0 {}
    }

    /// There is no transform to call this on.
    pub fn products(&self, _: &CosetValues, _: &CosetValues, _: &mut Vec<BigInt<4>>) {
        match self.0 {}
    }
}

macro_rules! curve {
    ($config:ty) => {
        impl Curve for $config {
            type Packed = Engine;

            fn pack(engine: Engine, _: &Affine<Self>) -> Engine {
                engine
            }

            fn unpack(engine: Engine, _: &Engine) -> Affine<Self> {
                match engine {}
            }

            fn sum_segments(engine: Engine, _: &[Engine], _: &[u32], _: &[u32]) -> Vec<Engine> {
                match engine {}
            }

            fn double_all(engine: Engine, _: &mut [Engine], _: u32) {
                match engine {}
            }
        }
    };
}

curve!(g1::Config);
curve!(g2::Config);
