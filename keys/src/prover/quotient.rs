//! The product of A·z and B·z as polynomials, evaluated on the coset.

use crate::KeyError;
use crate::parallel::join;
use crate::proving_key::Shape;
use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use attestry_lanes::{CosetTransform, Engine};
use zeroize::Zeroizing;

/// Four transforms, in eight lanes where the processor can and the circuit is not tiny.
pub(super) enum Quotient {
    /// With arkworks' transforms.
    Single { domain: Radix2EvaluationDomain<Fr>, coset: Radix2EvaluationDomain<Fr> },
    /// In lanes.
    Lanes(CosetTransform),
}

impl Quotient {
    /// For circuits of this shape; in lanes if there is an engine.
    pub(super) fn new(shape: &Shape, engine: Option<Engine>) -> Result<Self, KeyError> {
        let (domain, coset) = (shape.domain()?, shape.coset()?);
        let transform = engine.and_then(|engine| {
            CosetTransform::new(engine, domain.log_size_of_group, coset.coset_offset())
        });
        Ok(transform.map_or(Self::Single { domain, coset }, Self::Lanes))
    }

    /// Appends (ab)(gωⁱ) for every i, as integers.
    ///
    /// `a` is interpolated from the rows of A·z followed by the public inputs (as the generator
    /// does, so that inputs which no constraint uses are bound too), `b` from the rows of B·z.
    pub(super) fn products_on_coset(
        &self,
        [az, inputs]: [&[Fr]; 2],
        bz: &[Fr],
        products: &mut Vec<BigInt<4>>,
    ) {
        match self {
            Self::Lanes(transform) => {
                let (a, b) = join(|| transform.extend(&[az, inputs]), || transform.extend(&[bz]));
                transform.products(&a, &b, products);
            }
            Self::Single { domain, coset } => {
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
        }
    }
}
