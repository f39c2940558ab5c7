//! Slopes of a chain of Montgomery additions, outside the circuit: the chain in projective
//! coordinates, then one inversion for each kind of denominator.

use crate::field::Fr;
use crate::jubjub::{MONTGOMERY_A, Point, montgomery_coordinates};
use ark_ec::AdditiveGroup as _;
use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective};
use ark_ff::{Field, batch_inversion};
use zeroize::{Zeroize, Zeroizing};

/// A point to add, in both forms.
#[derive(Zeroize)]
pub(super) struct Term {
    pub(super) point: EdwardsAffine,
    pub(super) coordinates: (Fr, Fr),
}

/// The slopes of ((t₀ + t₁) + t₂) + …: one less than terms.
pub(super) fn of_sum(terms: &[Term]) -> Zeroizing<Vec<Fr>> {
    let mut sum = EdwardsProjective::default();
    let sums = terms.iter().map(|term| {
        sum += term.point;
        sum
    });
    let sums: Zeroizing<Vec<EdwardsProjective>> = Zeroizing::new(sums.collect());
    let sums = montgomery_coordinates(&sums);
    let pairs = sums.iter().zip(terms.iter().skip(1).map(|term| &term.coordinates));
    let denominators = pairs.clone().map(|(sum, term)| sum.0 - term.0);
    let mut slopes: Zeroizing<Vec<Fr>> = Zeroizing::new(denominators.collect());
    batch_inversion(&mut slopes);
    slopes.iter_mut().zip(pairs).for_each(|(slope, (sum, term))| *slope *= sum.1 - term.1);
    slopes
}

/// For a ladder that starts from 2·point and at each step doubles and adds the point, or its
/// opposite where `plus` is false: the two slopes of each step.
pub(in crate::r1cs) fn of_ladder(point: &Point, plus: &[bool]) -> Zeroizing<Vec<[Fr; 2]>> {
    let start = point.to_projective();
    let mut multiple = start.double();
    let steps = plus.iter().map(|plus| {
        let before = multiple;
        let term = if *plus { point.inner() } else { -point.inner() };
        multiple.double_in_place();
        multiple += term;
        before
    });
    let points = std::iter::once(start).chain(steps).collect();
    let coordinates = montgomery_coordinates(&Zeroizing::<Vec<EdwardsProjective>>::new(points));
    let (base_u, base_v) = coordinates[0];
    let multiples = &coordinates[1..];

    let denominators = multiples.iter().map(|(u, _)| *u - base_u).collect();
    let mut inverses: Zeroizing<Vec<Fr>> = Zeroizing::new(denominators);
    batch_inversion(&mut inverses);
    let first = multiples.iter().zip(plus).zip(inverses.iter()).map(|(((_, v), plus), inverse)| {
        let term_v = if *plus { base_v } else { -base_v };
        [(*v - term_v) * inverse, Fr::ZERO]
    });
    let mut slopes: Zeroizing<Vec<[Fr; 2]>> = Zeroizing::new(first.collect());

    for ((inverse, (u, _)), [first, _]) in inverses.iter_mut().zip(multiples).zip(slopes.iter()) {
        let between = first.square() - MONTGOMERY_A - u - base_u;
        *inverse = *u - between;
    }
    batch_inversion(&mut inverses);
    for ((inverse, (_, v)), [first, second]) in
        inverses.iter().zip(multiples).zip(slopes.iter_mut())
    {
        *second = v.double() * inverse - *first;
    }
    slopes
}
