//! The instructions of AVX-512 IFMA, and the one place that vouches for them.

mod ext;
mod field;
mod inverses;
mod point;
mod sums;
mod transform;

pub use transform::{CosetTransform, CosetValues};

use crate::Curve;
use ark_bn254::{g1, g2};
use ark_ec::short_weierstrass::Affine;
use point::Packed;

/// Proof that this processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub struct Engine(());

impl Engine {
    /// Looks for the instructions.
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi2");
        found.then_some(Self(()))
    }
}

macro_rules! curve {
    ($config:ty, $coefficients:literal) => {
        impl Curve for $config {
            type Packed = Packed<$coefficients>;

            fn pack(_: Engine, point: &Affine<Self>) -> Self::Packed {
                point::pack(point)
            }

            fn unpack(_: Engine, point: &Self::Packed) -> Affine<Self> {
                point::unpack(point)
            }

            fn sum_segments(
                _: Engine,
                points: &[Self::Packed],
                entries: &[u32],
                lengths: &[u32],
            ) -> Vec<Self::Packed> {
                // SAFETY: an engine exists only where the instructions do.
                unsafe { sums::sum_segments::<$coefficients, Self>(points, entries, lengths) }
            }

            fn double_all(_: Engine, points: &mut [Self::Packed], times: u32) {
                // SAFETY: an engine exists only where the instructions do.
                unsafe { sums::double_all::<$coefficients, Self>(points, times) }
            }
        }
    };
}

curve!(g1::Config, 1);
curve!(g2::Config, 2);
