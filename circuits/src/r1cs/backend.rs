//! The circuit is written once, over a [`Backend`]: one records matrices, one fills in values.

use crate::field::Fr;
use ark_ff::{AdditiveGroup, Field};

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
        Self::constant(Fr::ZERO)
    }

    /// One.
    fn one() -> Self {
        Self::constant(Fr::ONE)
    }

    /// self + other.
    fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.add_scaled(other, Fr::ONE);
        sum
    }

    /// self − other.
    fn minus(&self, other: &Self) -> Self {
        let mut difference = self.clone();
        difference.add_scaled(other, -Fr::ONE);
        difference
    }

    /// self · factor.
    fn times(&self, factor: Fr) -> Self {
        let mut product = self.clone();
        product.scale(factor);
        product
    }

    /// 2 · self.
    fn doubled(&self) -> Self {
        self.plus(self)
    }

    /// −self.
    fn negated(&self) -> Self {
        self.times(-Fr::ONE)
    }

    /// Σ factorᵢ · termᵢ.
    fn dot(factors: &[Fr], terms: &[Self]) -> Self {
        let mut sum = Self::zero();
        factors.iter().zip(terms).for_each(|(factor, term)| sum.add_scaled(term, *factor));
        sum
    }

    /// Σ bitᵢ · 2ⁱ.
    fn of_bits(bits: &[Self]) -> Self {
        let mut sum = Self::zero();
        let mut power = Fr::ONE;
        for bit in bits {
            sum.add_scaled(bit, power);
            power.double_in_place();
        }
        sum
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
    ///
    /// A prover pays most for the variables of b, so the side with bits, public inputs and
    /// constants stands there.
    fn enforce(&mut self, a: &Self::Num, b: &Self::Num, c: &Self::Num);
    /// The value of a linear combination, or zero where there are no values.
    fn value(&self, num: &Self::Num) -> Fr;
    /// Starts a titled paragraph of the circuit.
    fn section(&mut self, title: &'static str);

    /// a · b − rest as a new variable: 1 constraint.
    fn product_less(&mut self, a: &Self::Num, b: &Self::Num, rest: &Self::Num) -> Self::Num {
        let value = self.value(a) * self.value(b) - self.value(rest);
        let difference = self.witness(value);
        self.enforce(a, b, &difference.plus(rest));
        difference
    }

    /// A new variable that is 0 or 1: 1 constraint.
    fn boolean(&mut self, value: bool) -> Self::Num {
        let bit = self.witness(if value { Fr::ONE } else { Fr::ZERO });
        self.enforce(&bit, &bit.offset(-Fr::ONE), &Self::Num::zero());
        bit
    }

    /// a · b as a new variable: 1 constraint.
    fn product(&mut self, a: &Self::Num, b: &Self::Num) -> Self::Num {
        self.product_less(a, b, &Self::Num::zero())
    }
}
