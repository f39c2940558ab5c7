//! BabyJubJub in Montgomery form, incomplete, and the complete addition of its Edwards form.
//!
//! The Montgomery additions are sound only where the two points' u differ; each use says why they
//! do. Their slopes come as hints, worked out for many additions at once (`slopes`): a constraint
//! holds each, so that a false one satisfies nothing.

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

/// numerator / denominator, which must not be zero.
fn ratio<B: Backend>(b: &B, numerator: &B::Num, denominator: &B::Num) -> Fr {
    b.value(numerator) * b.value(denominator).inverse().unwrap_or_default()
}

/// numerator / denominator as a new variable: 1 constraint. The denominator must not be zero.
fn quotient<B: Backend>(b: &mut B, numerator: &B::Num, denominator: &B::Num) -> B::Num {
    let quotient = b.witness(ratio(b, numerator, denominator));
    b.enforce(denominator, &quotient, numerator);
    quotient
}

impl<N: Linear> Montgomery<N> {
    /// The Montgomery form of a point of the prime-order subgroup other than the neutral one, whose
    /// x is not 0 and whose y is not 1: 2 constraints.
    pub(in crate::r1cs) fn of_edwards<B: Backend<Num = N>>(b: &mut B, point: &Edwards<N>) -> Self {
        let (above, below) = (N::one().plus(&point.y), N::one().minus(&point.y));
        let u = b.witness(ratio(b, &above, &below));
        b.enforce(&u, &below, &above);
        let v = b.witness(ratio(b, &u, &point.x));
        b.enforce(&v, &point.x, &u);
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
        let square = b.product(&self.u, &self.u);
        let numerator =
            square.times(Fr::from(3u64)).plus(&self.u.times(MONTGOMERY_A.double())).offset(Fr::ONE);
        let slope = quotient(b, &numerator, &self.v.doubled());
        self.third(b, &slope, &self.u)
    }

    /// self + other: 3 constraints; the u of the two must differ.
    pub(in crate::r1cs) fn add<B: Backend<Num = N>>(
        &self,
        b: &mut B,
        other: &Self,
        slope: Fr,
    ) -> Self {
        let slope = self.slope_to(b, other, slope);
        self.third(b, &slope, &other.u)
    }

    /// 2·self + other, without the v between: 5 constraints; the u of self must differ from that
    /// of other and from that of self + other. The slopes are those of self + other and of
    /// (self + other) + self.
    pub(in crate::r1cs) fn double_and_add<B: Backend<Num = N>>(
        &self,
        b: &mut B,
        other: &Self,
        [first, second]: [Fr; 2],
    ) -> Self {
        let first_slope = self.slope_to(b, other, first);
        let between = self.third_u(b, &first_slope, &other.u);
        let sum = b.witness(first + second);
        b.enforce(&self.u.minus(&between), &sum, &self.v.doubled());
        self.third(b, &sum.minus(&first_slope), &between)
    }

    /// The slope of the line through two points: 1 constraint.
    fn slope_to<B: Backend<Num = N>>(&self, b: &mut B, other: &Self, slope: Fr) -> N {
        let slope = b.witness(slope);
        b.enforce(&self.u.minus(&other.u), &slope, &self.v.minus(&other.v));
        slope
    }

    /// The sum of self and another point on a line of this slope: 2 constraints.
    fn third<B: Backend<Num = N>>(&self, b: &mut B, slope: &N, other_u: &N) -> Self {
        let u = self.third_u(b, slope, other_u);
        let v = b.product_less(&self.u.minus(&u), slope, &self.v);
        Self { u, v }
    }

    /// slope² − 168698 − u₁ − u₂: 1 constraint.
    fn third_u<B: Backend<Num = N>>(&self, b: &mut B, slope: &N, other_u: &N) -> N {
        b.product_less(slope, slope, &self.u.plus(other_u).offset(MONTGOMERY_A))
    }
}

impl<N: Linear> Edwards<N> {
    /// −self: no constraint.
    pub(in crate::r1cs) fn negated(&self) -> Self {
        Self { x: self.x.negated(), y: self.y.clone() }
    }

    /// self + other by the complete law: 6 constraints.
    pub(in crate::r1cs) fn add<B: Backend<Num = N>>(&self, b: &mut B, other: &Self) -> Self {
        let cross = self.cross_products(b, other);
        let mixed = b.product(&self.y.minus(&self.x.times(A)), &other.x.plus(&other.y));
        let x = quotient(b, &cross.sum(), &N::one().plus(&cross.d_term));
        let numerator = mixed.plus(&cross.xy.times(A)).minus(&cross.yx);
        let y = quotient(b, &numerator, &N::one().minus(&cross.d_term));
        Self { x, y }
    }

    /// The x of self + other by the complete law equals `expected`: 4 constraints.
    pub(in crate::r1cs) fn enforce_sum_x<B: Backend<Num = N>>(
        &self,
        b: &mut B,
        other: &Self,
        expected: &N,
    ) {
        let cross = self.cross_products(b, other);
        b.enforce(&N::one().plus(&cross.d_term), expected, &cross.sum());
    }

    fn cross_products<B: Backend<Num = N>>(&self, b: &mut B, other: &Self) -> CrossProducts<N> {
        let xy = b.product(&self.x, &other.y);
        let yx = b.product(&self.y, &other.x);
        let d_term = b.product(&xy, &yx).times(D);
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
    fn sum(&self) -> N {
        self.xy.plus(&self.yx)
    }
}
