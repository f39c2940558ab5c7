//! BN254 in eight lanes: sums of points with AVX-512 IFMA.
//!
//! Field elements are held as five limbs of 52 bits, eight elements side by side, so that one
//! instruction multiplies a limb of each. On processors without these instructions
//! [`Engine::detect`] finds nothing, and callers use arkworks' arithmetic.
//!
//! All cases of the group law are handled. Nothing here is constant-time.

#[cfg_attr(not(target_arch = "x86_64"), path = "absent.rs")]
mod avx512;

pub use avx512::{CosetTransform, CosetValues, Engine};

use ark_ec::short_weierstrass::{Affine, SWCurveConfig};

/// The curves whose points the lanes sum: BN254's G1 and G2.
///
/// `entries` name summands: the index of a point times 2, plus 1 for its opposite.
pub trait Curve: SWCurveConfig {
    /// A point in the lanes' form.
    type Packed: Copy + Send + Sync;

    /// Brings a point into the lanes' form.
    fn pack(engine: Engine, point: &Affine<Self>) -> Self::Packed;

    /// Brings a point back.
    fn unpack(engine: Engine, point: &Self::Packed) -> Affine<Self>;

    /// Sums consecutive segments of `entries`, whose lengths are `lengths`: one sum per segment,
    /// the identity for an empty one.
    ///
    /// # Panics
    /// If an entry names no point, or the lengths are more than the entries.
    fn sum_segments(
        engine: Engine,
        points: &[Self::Packed],
        entries: &[u32],
        lengths: &[u32],
    ) -> Vec<Self::Packed>;

    /// Doubles each point `times` times, in place.
    fn double_all(engine: Engine, points: &mut [Self::Packed], times: u32);
}
