//! The proving key in the shape that the prover uses, derived from the standard Groth16 key.
//!
//! Groth16's quotient h = (ab − c)/Z is evaluated on the coset gΩ with gⁿ = −1, where Z is the
//! constant −2. With H the standard key's bases τᵏZ(τ)/δ, k < n − 1, and h_k the quotient's
//! coefficients, Σ h_k·H_k = Σᵢ (ab)(gωⁱ)·Kᵢ − Σᵢ c(gωⁱ)·Kᵢ, where
//!
//! - Kᵢ = −½·(1/n)·Σ_k (gωⁱ)⁻ᵏ·H_k, and
//! - Σᵢ c(gωⁱ)·Kᵢ = Σⱼ zⱼ·Dⱼ with −Dⱼ = ½·Σᵢ Cᵢⱼ·(1/n)·Σ_k ω⁻ⁱᵏ·H_k,
//!
//! since c = Σⱼ zⱼ·Cⱼ is linear in the assignment. So −Dⱼ is added to the base of wire j, and the
//! prover needs neither C's evaluations nor the quotient's coefficients: four FFTs instead of
//! seven. Both maps are linear and public: whoever has the standard key has this one.

use crate::codec::{Raw, Reader, write_all};
use crate::parallel::join;
use crate::verifying_key::VerifyingKey;
use crate::{KeyError, StandardKey};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use attestry_circuits::r1cs::ConstraintMatrices;
use std::collections::HashMap;

const NAME: &str = "proving key";
const MAGIC: &[u8] = b"attestry proving key 2\n";

/// Bases that are not the identity, each with the index of the scalar that multiplies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bases<A> {
    pub(crate) scalars: Vec<u32>,
    pub(crate) points: Vec<A>,
}

impl<A: AffineRepr + Raw> Bases<A> {
    fn new(points: &[A]) -> Self {
        let (scalars, points) = points
            .iter()
            .enumerate()
            .filter(|(_, point)| !point.is_zero())
            .map(|(index, point)| (index as u32, *point))
            .unzip();
        Self { scalars, points }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_all(&self.scalars, out);
        write_all(&self.points, out);
    }

    fn read(reader: &mut Reader<'_>, scalar_count: usize) -> Result<Self, KeyError> {
        let bases = Self { scalars: reader.all()?, points: reader.all()? };
        if bases.scalars.len() != bases.points.len()
            || bases.scalars.iter().any(|&index| index as usize >= scalar_count)
        {
            return Err(reader.malformed("a base has no scalar"));
        }
        Ok(bases)
    }
}

/// The matrix C, to check an assignment before it is proven. Coefficients are few: a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputMatrix {
    /// End of each row in `columns`.
    row_ends: Vec<u32>,
    columns: Vec<u32>,
    coefficients: Vec<u32>,
    dictionary: Vec<Fr>,
}

impl OutputMatrix {
    fn new(rows: &[Vec<(Fr, usize)>]) -> Self {
        let mut matrix = Self {
            row_ends: Vec::with_capacity(rows.len()),
            columns: Vec::new(),
            coefficients: Vec::new(),
            dictionary: Vec::new(),
        };
        let mut known = HashMap::new();
        for row in rows {
            for &(coefficient, column) in row {
                let index = *known.entry(coefficient).or_insert_with(|| {
                    matrix.dictionary.push(coefficient);
                    matrix.dictionary.len() as u32 - 1
                });
                matrix.columns.push(column as u32);
                matrix.coefficients.push(index);
            }
            matrix.row_ends.push(matrix.columns.len() as u32);
        }
        matrix
    }

    /// C·z, row by row; `z` has the shape's length.
    pub(crate) fn rows<'a>(&'a self, z: &'a [Fr]) -> impl Iterator<Item = Fr> + 'a {
        let mut start = 0;
        self.row_ends.iter().map(move |&end| {
            let row = start..end as usize;
            start = end as usize;
            self.columns[row.clone()]
                .iter()
                .zip(&self.coefficients[row])
                .map(|(&column, &index)| {
                    let coefficient = self.dictionary[index as usize];
                    let value = z[column as usize];
                    if coefficient == Fr::ONE { value } else { coefficient * value }
                })
                .sum()
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_all(&self.row_ends, out);
        write_all(&self.columns, out);
        write_all(&self.coefficients, out);
        write_all(&self.dictionary, out);
    }

    fn read(reader: &mut Reader<'_>, shape: &Shape) -> Result<Self, KeyError> {
        let matrix = Self {
            row_ends: reader.all()?,
            columns: reader.all()?,
            coefficients: reader.all()?,
            dictionary: reader.all()?,
        };
        let sound = matrix.row_ends.len() == shape.constraints
            && matrix.row_ends.is_sorted()
            && matrix.row_ends.last().is_none_or(|&end| end as usize == matrix.columns.len())
            && matrix.columns.len() == matrix.coefficients.len()
            && matrix.columns.iter().all(|&column| (column as usize) < shape.variables())
            && matrix.coefficients.iter().all(|&c| (c as usize) < matrix.dictionary.len());
        match sound {
            true => Ok(matrix),
            false => Err(reader.malformed("its matrix has no consistent shape")),
        }
    }
}

/// Sizes of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The constant one and the public inputs.
    pub(crate) instance: usize,
    /// Witness variables.
    pub(crate) witness: usize,
    /// Constraints.
    pub(crate) constraints: usize,
}

impl Shape {
    pub(crate) fn of(matrices: &ConstraintMatrices) -> Self {
        Self {
            instance: matrices.num_instance,
            witness: matrices.num_witness,
            constraints: matrices.a.len(),
        }
    }

    pub(crate) fn variables(&self) -> usize {
        self.instance + self.witness
    }

    /// The domain that interpolates constraints and inputs.
    pub(crate) fn domain(&self) -> Result<Radix2EvaluationDomain<Fr>, KeyError> {
        Radix2EvaluationDomain::new(self.constraints + self.instance)
            .ok_or(KeyError::CircuitTooLarge)
    }

    /// The coset gΩ of [`domain`](Self::domain) with gⁿ = −1.
    pub(crate) fn coset(&self) -> Result<Radix2EvaluationDomain<Fr>, KeyError> {
        let domain = self.domain()?;
        Radix2EvaluationDomain::new(2 * domain.size())
            .and_then(|twice: Radix2EvaluationDomain<Fr>| domain.get_coset(twice.group_gen()))
            .ok_or(KeyError::CircuitTooLarge)
    }
}

/// A proving key in the prover's own shape; see the [module](self) for how it follows from the
/// standard key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvingKey {
    pub(crate) shape: Shape,
    pub(crate) alpha_g1: G1Affine,
    pub(crate) beta_g2: G2Affine,
    pub(crate) delta_g2: G2Affine,
    /// Over z.
    pub(crate) a: Bases<G1Affine>,
    /// Over z.
    pub(crate) b: Bases<G2Affine>,
    /// Over the n evaluations of ab on the coset, then z.
    pub(crate) c: Bases<G1Affine>,
    pub(crate) output: OutputMatrix,
}

impl ProvingKey {
    /// Derives the prover's key from the standard key of the circuit with these matrices.
    ///
    /// # Errors
    /// [`KeyError::CircuitMismatch`] if the key's sizes are not the circuit's.
    pub fn derive(standard: &StandardKey, matrices: &ConstraintMatrices) -> Result<Self, KeyError> {
        let shape = Shape::of(matrices);
        let domain = shape.domain()?;
        let coset = shape.coset()?;
        let n = domain.size();
        let fits = standard.vk.gamma_abc_g1.len() == shape.instance
            && standard.a_query.len() == shape.variables()
            && standard.b_g2_query.len() == shape.variables()
            && standard.l_query.len() == shape.witness
            && standard.h_query.len() == n - 1
            && matrices.b.len() == shape.constraints
            && matrices.c.len() == shape.constraints;
        if !fits {
            return Err(KeyError::CircuitMismatch("the standard key has other sizes"));
        }

        let half = Fr::from(2u64).inverse().unwrap_or_default();
        let mut powers: Vec<G1Projective> =
            standard.h_query.iter().map(|h| h.into_group()).collect();
        powers.resize(n, G1Projective::zero());
        let mut shifted = powers.clone();
        let (evaluation_bases, output_bases) = join(
            || {
                Radix2EvaluationDomain::distribute_powers_and_mul_by_const(
                    &mut shifted,
                    coset.coset_offset_inv(),
                    -half,
                );
                domain.ifft_in_place(&mut shifted);
                shifted
            },
            || {
                domain.ifft_in_place(&mut powers);
                let mut bases = vec![G1Projective::zero(); shape.variables()];
                for (row, power) in matrices.c.iter().zip(&powers) {
                    if row.is_empty() {
                        continue;
                    }
                    let halved = *power * half;
                    for &(coefficient, column) in row {
                        bases[column] +=
                            if coefficient == Fr::ONE { halved } else { halved * coefficient };
                    }
                }
                bases
            },
        );
        let mut c = evaluation_bases;
        c.extend(output_bases);
        for (base, l) in c[n + shape.instance..].iter_mut().zip(&standard.l_query) {
            *base += l;
        }

        Ok(Self {
            shape,
            alpha_g1: standard.vk.alpha_g1,
            beta_g2: standard.vk.beta_g2,
            delta_g2: standard.vk.delta_g2,
            a: Bases::new(&standard.a_query),
            b: Bases::new(&standard.b_g2_query),
            c: Bases::new(&G1Projective::normalize_batch(&c)),
            output: OutputMatrix::new(&matrices.c),
        })
    }

    /// Constraints of the circuit.
    pub fn constraints(&self) -> usize {
        self.shape.constraints
    }

    /// Public inputs of the circuit, the constant one not counted.
    pub fn public_inputs(&self) -> usize {
        self.shape.instance - 1
    }

    /// Whether this key and `verifying_key` share the secrets that both of them show.
    pub fn belongs_to(&self, verifying_key: &VerifyingKey) -> bool {
        let vk = verifying_key.as_inner();
        self.alpha_g1 == vk.alpha_g1
            && self.beta_g2 == vk.beta_g2
            && self.delta_g2 == vk.delta_g2
            && self.shape.instance == vk.gamma_abc_g1.len()
    }

    /// The key's own encoding: raw Montgomery limbs, to be read only after its fingerprint was
    /// checked.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for size in [self.shape.instance, self.shape.witness, self.shape.constraints] {
            (size as u32).write(&mut out);
        }
        self.alpha_g1.write(&mut out);
        for point in [&self.beta_g2, &self.delta_g2] {
            point.write(&mut out);
        }
        self.a.write(&mut out);
        self.b.write(&mut out);
        self.c.write(&mut out);
        self.output.write(&mut out);
        out
    }

    /// Reads [`to_bytes`](Self::to_bytes) without any check of points: only for bytes whose
    /// fingerprint was just checked.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the lengths in the bytes do not fit each other.
    pub fn from_bytes_unchecked(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(NAME, bytes);
        reader.expect(MAGIC)?;
        let mut size = || Ok::<_, KeyError>(reader.one::<u32>()? as usize);
        let shape = Shape { instance: size()?, witness: size()?, constraints: size()? };
        if shape.instance == 0 {
            return Err(reader.malformed("it has no constant wire"));
        }
        let domain = shape.domain()?.size();
        let scalars_of_c = domain + shape.variables();
        let key = Self {
            shape,
            alpha_g1: reader.one()?,
            beta_g2: reader.one()?,
            delta_g2: reader.one()?,
            a: Bases::read(&mut reader, shape.variables())?,
            b: Bases::read(&mut reader, shape.variables())?,
            c: Bases::read(&mut reader, scalars_of_c)?,
            output: OutputMatrix::read(&mut reader, &shape)?,
        };
        // A prover makes tables of the domain's size: the bytes must have a base for each place.
        if key.c.points.len() < domain {
            return Err(reader.malformed("it has fewer bases than its domain has places"));
        }
        reader.finish()?;
        Ok(key)
    }
}
