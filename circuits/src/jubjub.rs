//! BabyJubJub in circomlib's coordinates: 168700·x² + y² = 1 + 168696·x²·y² over [`Fr`].
//!
//! Group arithmetic is `ark-ed-on-bn254`'s, whose curve is the same with x scaled by √168700.

use crate::field::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective};
use ark_ff::MontFp;
#[cfg(feature = "r1cs")]
use zeroize::Zeroizing;

/// Scalars: integers modulo the prime order of the subgroup, 251 bits.
pub use ark_ed_on_bn254::Fr as Scalar;

/// The curve's `a` in circomlib's coordinates.
pub const A: Fr = MontFp!("168700");
/// The curve's `d` in circomlib's coordinates.
pub const D: Fr = MontFp!("168696");
/// The `A` of the Montgomery form v² = u³ + A·u² + u, where u = (1 + y)/(1 − y), v = u/x.
pub const MONTGOMERY_A: Fr = MontFp!("168698");

const BASE8_X: Fr =
    MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553");
const BASE8_Y: Fr =
    MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203");

/// √168700: ark's x is circomlib's x times this.
const SCALE: Fr =
    MontFp!("7214280148105020021932206872019688659210616427216992810330019057549499971851");
const INVERSE_SCALE: Fr =
    MontFp!("2957874849018779266517920829765869116077630550401372566248359756137677864698");

/// Why coordinates are not a key or a nonce commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// The coordinates do not satisfy the curve equation.
    #[error("point is not on BabyJubJub")]
    NotOnCurve,
    /// The point is outside the prime-order subgroup.
    #[error("point is not in the prime-order subgroup")]
    NotInSubgroup,
    /// The point is the neutral element.
    #[error("point is the neutral element")]
    Identity,
}

/// A non-neutral point of the prime-order subgroup, in circomlib's coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    x: Fr,
    y: Fr,
    inner: EdwardsAffine,
}

impl Point {
    /// circomlib's `Base8`, the generator of the subgroup.
    pub fn base() -> Self {
        Self { x: BASE8_X, y: BASE8_Y, inner: to_ark(BASE8_X, BASE8_Y) }
    }

    /// The point with these coordinates.
    ///
    /// # Errors
    /// [`PointError`] unless it is a non-neutral point of the prime-order subgroup.
    pub fn from_coordinates(x: Fr, y: Fr) -> Result<Self, PointError> {
        let inner = to_ark(x, y);
        if !inner.is_on_curve() {
            return Err(PointError::NotOnCurve);
        }
        if inner.is_zero() {
            return Err(PointError::Identity);
        }
        if !inner.is_in_correct_subgroup_assuming_on_curve() {
            return Err(PointError::NotInSubgroup);
        }
        Ok(Self { x, y, inner })
    }

    /// scalar · point.
    ///
    /// # Errors
    /// [`PointError::Identity`] if the scalar is zero.
    pub fn multiply(&self, scalar: &Scalar) -> Result<Self, PointError> {
        from_ark(self.to_projective() * scalar)
    }

    /// self − other.
    ///
    /// # Errors
    /// [`PointError::Identity`] if the points are equal.
    pub fn subtract(&self, other: &Self) -> Result<Self, PointError> {
        from_ark(self.to_projective() - other.inner)
    }

    /// The x coordinate.
    pub fn x(&self) -> Fr {
        self.x
    }

    /// The y coordinate.
    pub fn y(&self) -> Fr {
        self.y
    }

    /// The point on ark's curve, affine.
    #[cfg(feature = "r1cs")]
    pub(crate) fn inner(&self) -> EdwardsAffine {
        self.inner
    }

    /// The point on ark's curve, projective.
    pub(crate) fn to_projective(self) -> EdwardsProjective {
        self.inner.into_group()
    }

    /// The point that is this one on ark's curve.
    ///
    /// # Errors
    /// [`PointError::Identity`] for the neutral element.
    #[cfg(feature = "r1cs")]
    pub(crate) fn of_projective(point: EdwardsProjective) -> Result<Self, PointError> {
        from_ark(point)
    }
}

/// (u, v) of points on ark's curve, by one inversion; (0, 0) for the neutral point.
#[cfg(feature = "r1cs")]
pub(crate) fn montgomery_coordinates(points: &[EdwardsProjective]) -> Zeroizing<Vec<(Fr, Fr)>> {
    // u = (Z + Y)/(Z − Y) and v = u·Z/X.
    let inverses = points.iter().map(|p| (p.z - p.y) * p.x).collect();
    let mut inverses: Zeroizing<Vec<Fr>> = Zeroizing::new(inverses);
    ark_ff::batch_inversion(&mut inverses);
    let coordinates = points.iter().zip(inverses.iter()).map(|(p, inverse)| {
        let common = (p.z + p.y) * inverse;
        (common * p.x, common * p.z * SCALE)
    });
    Zeroizing::new(coordinates.collect())
}

fn from_ark(point: EdwardsProjective) -> Result<Point, PointError> {
    let inner = point.into_affine();
    if inner.is_zero() {
        return Err(PointError::Identity);
    }
    Ok(Point { x: inner.x * INVERSE_SCALE, y: inner.y, inner })
}

fn to_ark(x: Fr, y: Fr) -> EdwardsAffine {
    EdwardsAffine::new_unchecked(x * SCALE, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::{PrimeGroup, twisted_edwards::TECurveConfig};
    use ark_ed_on_bn254::EdwardsConfig;
    use ark_ff::{AdditiveGroup, Field, Zero};

    #[test]
    fn scale_is_the_root_of_a_that_maps_one_curve_onto_the_other() {
        assert_eq!(SCALE.square(), A);
        assert_eq!(SCALE * INVERSE_SCALE, Fr::ONE);
        assert_eq!(EdwardsConfig::COEFF_A, Fr::ONE);
        assert_eq!(EdwardsConfig::COEFF_D * A, D);
    }

    #[test]
    fn base_is_in_the_subgroup_and_not_the_generator_of_ark() {
        let base = Point::base();
        assert_eq!(Point::from_coordinates(base.x(), base.y()), Ok(base));
        assert_ne!(base.to_projective(), EdwardsProjective::generator());
    }

    #[test]
    fn refuses_points_outside_the_subgroup() {
        assert_eq!(Point::from_coordinates(Fr::ZERO, Fr::ONE), Err(PointError::Identity));
        assert_eq!(Point::from_coordinates(Fr::ZERO, -Fr::ONE), Err(PointError::NotInSubgroup));
        assert_eq!(Point::from_coordinates(Fr::ONE, Fr::ONE), Err(PointError::NotOnCurve));
        let base = Point::base();
        assert_eq!(Point::from_coordinates(-base.x(), -base.y()), Err(PointError::NotInSubgroup));
    }

    #[cfg(feature = "r1cs")]
    #[test]
    fn montgomery_coordinates_are_on_the_curve_and_come_back() {
        let base = Point::base().to_projective();
        let points = [base, base.double(), EdwardsProjective::zero(), -base];
        let coordinates = montgomery_coordinates(&points);
        for (point, (u, v)) in points.iter().zip(coordinates.iter()) {
            assert_eq!(v.square(), u.square() * (*u + MONTGOMERY_A) + u);
            if let Ok(point) = from_ark(*point) {
                assert_eq!(point.x() * v, *u);
                assert_eq!(point.y() * (*u + Fr::ONE), *u - Fr::ONE);
            } else {
                assert_eq!((*u, *v), (Fr::ZERO, Fr::ZERO));
            }
        }
    }
}
