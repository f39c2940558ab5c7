//! The product of A·z and B·z as polynomials, evaluated on the coset.

use crate::parallel::join;
use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use zeroize::Zeroizing;

/// Appends (ab)(gωⁱ) for every i, as integers.
///
/// `a` is interpolated from the rows of A·z followed by the public inputs (as the generator does,
/// so that inputs which no constraint uses are bound too), `b` from the rows of B·z.
pub(super) fn products_on_coset(
    domain: &Radix2EvaluationDomain<Fr>,
    coset: &Radix2EvaluationDomain<Fr>,
    [az, inputs]: [&[Fr]; 2],
    bz: &[Fr],
    products: &mut Vec<BigInt<4>>,
) {
    let onto_coset = |rows: [&[Fr]; 2]| {
        // Allocated once: growing would leave copies behind.
        let mut values = Zeroizing::new(Vec::with_capacity(domain.size()));
        for rows in rows {
            values.extend_from_slice(rows);
        }
        values.resize(domain.size(), Fr::from(0u64));
        domain.ifft_in_place(&mut values);
        coset.fft_in_place(&mut values);
        values
    };
    let (a, b) = join(|| onto_coset([az, inputs]), || onto_coset([bz, &[]]));
    products.extend(a.iter().zip(b.iter()).map(|(a, b)| (*a * b).into_bigint()));
}
