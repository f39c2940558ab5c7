//! The circuit is written once, over a [`Backend`]: one records matrices, one fills in values.

use crate::field::Fr;

/// A linear combination of variables: something that a constraint can use without a cost.
pub(super) trait Linear: Clone {
    /// A constant.
    fn constant(value: Fr) -> Self;
    /// self += other · factor.
    fn add_scaled(&mut self, other: &Self, factor: Fr);
    /// self *= factor.
    fn scale(&mut self, factor: Fr);

    /// Zero.
    fn zero() -> Self {
        Self::constant(Fr::from(0u64))
    }

    /// One.
    fn one() -> Self {
        Self::constant(Fr::from(1u64))
    }

    /// self + other.
    fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.add_scaled(other, Fr::from(1u64));
        sum
    }

    /// self − other.
    fn minus(&self, other: &Self) -> Self {
        let mut difference = self.clone();
        difference.add_scaled(other, -Fr::from(1u64));
        difference
    }

    /// self · factor.
    fn times(&self, factor: Fr) -> Self {
        let mut product = self.clone();
        product.scale(factor);
        product
    }

    /// −self.
    fn negated(&self) -> Self {
        self.times(-Fr::from(1u64))
    }

    /// self + constant.
    fn offset(&self, constant: Fr) -> Self {
        self.plus(&Self::constant(constant))
    }
}

/// Where the circuit puts its variables and constraints.
///
/// A recording backend has no values: [`Backend::value`] answers zero there, and every hint must
/// bear that.
pub(super) trait Backend {
    /// Its linear combinations.
    type Num: Linear;

    /// A new witness variable with this value.
    fn witness(&mut self, value: Fr) -> Self::Num;
    /// The constraint a · b = c.
    fn enforce(&mut self, a: &Self::Num, b: &Self::Num, c: &Self::Num);
    /// The value of a linear combination, or zero where there are no values.
    fn value(&self, num: &Self::Num) -> Fr;
    /// Starts a titled paragraph of the circuit.
    fn section(&mut self, title: &'static str);
}
