//! BabyJubJub in Montgomery form, incomplete, and the complete addition of its Edwards form.
//!
//! The Montgomery additions are sound only where the two points' u differ; each use says why they
//! do.

use super::bits::product;
use crate::field::Fr;
use crate::jubjub::{A, D, MONTGOMERY_A};
use crate::r1cs::backend::{Backend, Linear};
use ark_ff::{AdditiveGroup, Field};

/// A point (u, v) of v² = u³ + 168698·u² + u.
#[derive(Clone)]
pub(in crate::r1cs) struct Montgomery<N> {
    pub(in crate::r1cs) u: N,
    pub(in crate::r1cs) v: N,
}

/// A point (x, y) in circomlib's Edwards coordinates.
#[derive(Clone)]
pub(in crate::r1cs) struct Edwards<N> {
    pub(in crate::r1cs) x: N,
    pub(in crate::r1cs) y: N,
}

/// numerator / denominator as a new variable: 1 constraint. The denominator must not be zero.
fn quotient<B: Backend>(b: &mut B, numerator: &B::Num, denominator: &B::Num) -> B::Num {
    let inverse = b.value(denominator).inverse().unwrap_or_default();
    let value = b.value(numerator) * inverse;
    let quotient = b.witness(value);
    b.enforce(&quotient, denominator, numerator);
    quotient
}

impl<N: Linear> Montgomery<N> {
    /// The Montgomery form of a point of the prime-order subgroup other than the neutral one, whose
    /// x is not 0 and whose y is not 1: 2 constraints.
    pub(in crate::r1cs) fn of_edwards<B: Backend<Num = N>>(b: &mut B, point: &Edwards<N>) -> Self {
        let one = N::one();
        let u = quotient(b, &one.plus(&point.y), &one.minus(&point.y));
        let v = quotient(b, &u, &point.x);
        Self { u, v }
    }

    /// The Edwards form of a point of odd order other than the neutral one: 2 constraints. v is
    /// then not 0, and no point of the curve has u = −1, since 168696 is no square.
    pub(in crate::r1cs) fn to_edwards<B: Backend<Num = N>>(&self, b: &mut B) -> Edwards<N> {
        let x = quotient(b, &self.u, &self.v);
        let y = quotient(b, &self.u.offset(-Fr::ONE), &self.u.offset(Fr::ONE));
        Edwards { x, y }
    }

    /// 2·self: 4 constraints; v must not be 0.
    pub(in crate::r1cs) fn double<B: Backend<Num = N>>(&self, b: &mut B) -> Self {
        let square = product(b, &self.u, &self.u);
        let numerator =
            square.times(Fr::from(3u64)).plus(&self.u.times(MONTGOMERY_A.double())).offset(Fr::ONE);
        let slope = quotient(b, &numerator, &self.v.times(Fr::from(2u64)));
        let u = slope_square_less(b, &slope, &self.u, &self.u);
        let v = product(b, &slope, &self.u.minus(&u)).minus(&self.v);
        Self { u, v }
    }

    /// self + other: 3 constraints; the u of the two must differ.
    pub(in crate::r1cs) fn add<B: Backend<Num = N>>(&self, b: &mut B, other: &Self) -> Self {
        let slope = quotient(b, &self.v.minus(&other.v), &self.u.minus(&other.u));
        let u = slope_square_less(b, &slope, &self.u, &other.u);
        let v = product(b, &slope, &self.u.minus(&u)).minus(&self.v);
        Self { u, v }
    }

    /// 2·self + other, without the v between: 5 constraints; the u of self must differ from that
    /// of other and from that of self + other.
    pub(in crate::r1cs) fn double_and_add<B: Backend<Num = N>>(
        &self,
        b: &mut B,
        other: &Self,
    ) -> Self {
        let first = quotient(b, &self.v.minus(&other.v), &self.u.minus(&other.u));
        let between = slope_square_less(b, &first, &self.u, &other.u);
        let sum = quotient(b, &self.v.times(Fr::from(2u64)), &self.u.minus(&between));
        let second = sum.minus(&first);
        let u = slope_square_less(b, &second, &self.u, &between);
        let v = product(b, &second, &self.u.minus(&u)).minus(&self.v);
        Self { u, v }
    }
}

/// slope² − 168698 − u₁ − u₂: 1 constraint.
fn slope_square_less<B: Backend>(
    b: &mut B,
    slope: &B::Num,
    first: &B::Num,
    second: &B::Num,
) -> B::Num {
    product(b, slope, slope).offset(-MONTGOMERY_A).minus(first).minus(second)
}

impl<N: Linear> Edwards<N> {
    /// −self: no constraint.
    pub(in crate::r1cs) fn negated(&self) -> Self {
        Self { x: self.x.negated(), y: self.y.clone() }
    }

    /// self + other by the complete law: 6 constraints.
    pub(in crate::r1cs) fn add<B: Backend<Num = N>>(&self, b: &mut B, other: &Self) -> Self {
        let cross = self.cross_products(b, other);
        let mixed = product(b, &self.y.minus(&self.x.times(A)), &other.x.plus(&other.y));
        let x = cross.sum_x(b);
        let numerator = mixed.plus(&cross.xy.times(A)).minus(&cross.yx);
        let y = quotient(b, &numerator, &N::one().minus(&cross.d_term));
        Self { x, y }
    }

    /// The x of self + other by the complete law: 4 constraints.
    pub(in crate::r1cs) fn add_x<B: Backend<Num = N>>(&self, b: &mut B, other: &Self) -> N {
        self.cross_products(b, other).sum_x(b)
    }

    fn cross_products<B: Backend<Num = N>>(&self, b: &mut B, other: &Self) -> CrossProducts<N> {
        let xy = product(b, &self.x, &other.y);
        let yx = product(b, &self.y, &other.x);
        let d_term = product(b, &xy, &yx).times(D);
        CrossProducts { xy, yx, d_term }
    }
}

struct CrossProducts<N> {
    xy: N,
    yx: N,
    /// 168696·x₁x₂y₁y₂; neither 1 nor −1, since 168696 is no square.
    d_term: N,
}

impl<N: Linear> CrossProducts<N> {
    fn sum_x<B: Backend<Num = N>>(&self, b: &mut B) -> N {
        quotient(b, &self.xy.plus(&self.yx), &N::one().plus(&self.d_term))
    }
}
