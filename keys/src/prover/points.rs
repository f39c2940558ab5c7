//! Points to be summed: in eight lanes where the processor can, else one by one.

use super::batch_affine;
use crate::parallel::map_chunks_mut;
use ark_ec::short_weierstrass::Affine;
use attestry_lanes::{Curve, Engine};

/// Bases whose multiples one task computes.
const TASK_BASES: usize = 512;

/// Points in the form that suits the processor.
#[derive(Clone)]
pub(crate) enum Points<P: Curve> {
    /// For arkworks' arithmetic.
    Single(Vec<Affine<P>>),
    /// For the lanes.
    Lanes(Engine, Vec<P::Packed>),
}

impl<P: Curve> Points<P> {
    /// In lanes if there is an engine.
    pub(crate) fn new(points: Vec<Affine<P>>, engine: Option<Engine>) -> Self {
        match engine {
            None => Self::Single(points),
            Some(engine) => {
                Self::Lanes(engine, points.iter().map(|point| P::pack(engine, point)).collect())
            }
        }
    }

    /// For `levels` of each point P, consecutively: P, 2^step·P, 2^(2·step)·P, ….
    pub(crate) fn with_multiples(self, levels: usize, step: u32) -> Self {
        match self {
            _ if levels == 1 => self,
            Self::Single(bases) => Self::Single(multiples(&bases, levels, |points| {
                batch_affine::double_all(points, step);
            })),
            Self::Lanes(engine, bases) => Self::Lanes(
                engine,
                multiples(&bases, levels, |points| P::double_all(engine, points, step)),
            ),
        }
    }

    /// Sums consecutive segments of `entries` (index of a point·2, plus 1 for its opposite),
    /// whose lengths are `lengths`: one sum per segment, the identity for an empty one.
    pub(crate) fn sum_segments(&self, entries: &[u32], lengths: &[u32]) -> Self {
        match self {
            Self::Single(points) => {
                let summand = |&entry: &u32| {
                    let point = points[(entry >> 1) as usize];
                    if entry & 1 == 1 { -point } else { point }
                };
                let summands = entries.iter().map(summand).collect();
                Self::Single(batch_affine::sum_segments(summands, lengths.to_vec()))
            }
            Self::Lanes(engine, points) => {
                Self::Lanes(*engine, P::sum_segments(*engine, points, entries, lengths))
            }
        }
    }

    /// All points of all parts, in order.
    pub(crate) fn concat(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_else(|| Self::Single(Vec::new()));
        for part in parts {
            match (&mut all, part) {
                (Self::Single(all), Self::Single(part)) => all.extend(part),
                (Self::Lanes(_, all), Self::Lanes(_, part)) => all.extend(part),
                // Parts come from sums of the same points, so they have the same form.
                _ => debug_assert!(false, "parts have different forms"),
            }
        }
        all
    }

    /// The points in arkworks' form.
    pub(crate) fn into_affine(self) -> Vec<Affine<P>> {
        match self {
            Self::Single(points) => points,
            Self::Lanes(engine, points) => {
                points.iter().map(|point| P::unpack(engine, point)).collect()
            }
        }
    }

    /// Bytes of memory that the points take.
    pub(crate) fn size_in_bytes(&self) -> usize {
        match self {
            Self::Single(points) => size_of_val(points.as_slice()),
            Self::Lanes(_, points) => size_of_val(points.as_slice()),
        }
    }
}

fn multiples<T: Copy + Send + Sync>(
    bases: &[T],
    levels: usize,
    shift: impl Fn(&mut [T]) + Sync + Send,
) -> Vec<T> {
    let mut points: Vec<T> =
        bases.iter().flat_map(|base| std::iter::repeat_n(*base, levels)).collect();
    map_chunks_mut(&mut points, TASK_BASES * levels, |task, points| {
        let first = task * TASK_BASES;
        let mut current = bases[first..first + points.len() / levels].to_vec();
        for level in 1..levels {
            shift(&mut current);
            for (slot, point) in points.iter_mut().skip(level).step_by(levels).zip(&current) {
                *slot = *point;
            }
        }
    });
    points
}
