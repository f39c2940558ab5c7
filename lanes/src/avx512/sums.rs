//! Sums of many affine points, eight additions at a time.

use super::ext::Ext;
use super::inverses::{Inverses, SIDES};
use super::point::{Packed, Summable, load_points, load_x, negated, pack, packed, unpack};
use ark_ec::CurveGroup;
use zeroize::Zeroize;

/// Additions of a row: eight lanes on each side.
const ROW: usize = 8 * SIDES;
/// Rows that share one inversion: their points and products stay in the second-level cache.
const BLOCK: usize = 256;
/// Rows between asking for a point and using it.
const AHEAD: usize = 4;

/// One addition: the two summands (index·2, plus 1 for the opposite point) and the sum's place.
#[derive(Clone, Copy, Zeroize)]
struct Addition {
    left: u32,
    right: u32,
    place: u32,
}

/// Sums consecutive segments of `entries` (index into `points`·2, plus 1 for the opposite point),
/// whose lengths are `lengths`. Answers one sum per segment, the identity for an empty one.
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn sum_segments<const D: usize, P: Summable<D>>(
    points: &[Packed<D>],
    entries: &[u32],
    lengths: &[u32],
) -> Vec<Packed<D>> {
    let mut lengths = lengths.to_vec();
    let mut inverses = Inverses::with_capacity(BLOCK);
    let mut additions = Vec::with_capacity(entries.len() / 2);
    let mut level = halve(
        points,
        |i| entries[i],
        &mut lengths,
        &mut additions,
        |points, a, sums| {
            add_all::<D, P>(points, a, sums, &mut inverses);
        },
    );
    while lengths.iter().any(|&length| length > 1) {
        level = halve(
            &level,
            |i| (i as u32) << 1,
            &mut lengths,
            &mut additions,
            |points, a, sums| {
                add_all::<D, P>(points, a, sums, &mut inverses);
            },
        );
    }
    additions.zeroize();
    if level.len() == lengths.len() {
        return level;
    }
    let mut sums = level.into_iter();
    let of = |&length: &u32| match length {
        0 => Packed::IDENTITY,
        _ => sums.next().unwrap_or(Packed::IDENTITY),
    };
    lengths.iter().map(of).collect()
}

/// Sums neighbours within each segment: a segment of n points becomes one of ⌈n/2⌉.
fn halve<const D: usize>(
    points: &[Packed<D>],
    entry: impl Fn(usize) -> u32,
    lengths: &mut [u32],
    additions: &mut Vec<Addition>,
    add: impl FnOnce(&[Packed<D>], &[Addition], &mut [Packed<D>]),
) -> Vec<Packed<D>> {
    let total = lengths.iter().map(|length| length.div_ceil(2) as usize).sum();
    let mut sums = vec![Packed::IDENTITY; total];
    additions.clear();
    let (mut start, mut place) = (0, 0);
    for length in lengths {
        let end = start + *length as usize;
        while start + 1 < end {
            let [left, right] = [entry(start), entry(start + 1)];
            additions.push(Addition { left, right, place });
            start += 2;
            place += 1;
        }
        if start < end {
            let last = entry(start);
            let point = &points[(last >> 1) as usize];
            sums[place as usize] = if last & 1 == 1 { negated(point) } else { *point };
            start += 1;
            place += 1;
        }
        *length = length.div_ceil(2);
    }
    add(points, additions, &mut sums);
    sums
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn add_all<const D: usize, P: Summable<D>>(
    points: &[Packed<D>],
    additions: &[Addition],
    sums: &mut [Packed<D>],
    inverses: &mut Inverses<D>,
) {
    let mut exceptions = Vec::new();
    for block in additions.chunks(BLOCK * ROW) {
        add_block::<D, P>(points, block, sums, inverses, &mut exceptions);
    }
    let summand = |entry: u32| {
        let point = unpack::<D, P>(&points[(entry >> 1) as usize]);
        if entry & 1 == 1 { -point } else { point }
    };
    for Addition { left, right, place } in exceptions {
        let sum = summand(left) + summand(right);
        sums[place as usize] = pack(&sum.into_affine());
    }
}

/// The x-coordinates of eight additions' summands, their difference, and the lanes in which the
/// chord is not the sum: equal and opposite summands, and the identity. The difference is one
/// there.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn difference<const D: usize>(left: Ext<D>, right: Ext<D>) -> (Ext<D>, u8) {
    let difference = right.sub(left);
    let exceptions = left.is_zero() | right.is_zero() | difference.is_prime();
    (difference.blend(exceptions, Inverses::one()), exceptions)
}

/// Adds with one inversion. Additions that the chord does not cover are put on `exceptions`.
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn add_block<const D: usize, P: Summable<D>>(
    points: &[Packed<D>],
    additions: &[Addition],
    sums: &mut [Packed<D>],
    inverses: &mut Inverses<D>,
    exceptions: &mut Vec<Addition>,
) {
    let Some(last) = additions.last() else { return };
    // The last row is filled up with the last addition.
    let row = |index: usize| -> [[Addition; 8]; SIDES] {
        let row = &additions[ROW * index..additions.len().min(ROW * (index + 1))];
        std::array::from_fn(|side| match row.get(8 * side..).and_then(<[_]>::first_chunk) {
            Some(group) => *group,
            None => std::array::from_fn(|lane| *row.get(8 * side + lane).unwrap_or(last)),
        })
    };
    let summands = |entries: [u32; 8]| entries.map(|entry| &points[(entry >> 1) as usize]);
    let lefts = |group: &[Addition; 8]| group.map(|addition| addition.left);
    let rights = |group: &[Addition; 8]| group.map(|addition| addition.right);
    let rows = additions.len().div_ceil(ROW);

    inverses.restart();
    for index in 0..rows {
        for addition in additions.iter().skip(ROW * (index + AHEAD)).take(ROW) {
            points[(addition.left >> 1) as usize].prefetch();
            points[(addition.right >> 1) as usize].prefetch();
        }
        let [a, b] = row(index);
        let a = difference(load_x(summands(lefts(&a))), load_x(summands(rights(&a)))).0;
        let b = difference(load_x(summands(lefts(&b))), load_x(summands(rights(&b)))).0;
        inverses.push([a, b]);
    }
    inverses.invert::<P::BaseField>();
    for index in (0..rows).rev() {
        let row = row(index);
        let load = |entries: [u32; 8]| {
            let [x, y] = load_points(summands(entries));
            [x, y.negated_where(signs(entries))]
        };
        let left = [load(lefts(&row[0])), load(lefts(&row[1]))];
        let right = [load(rights(&row[0])), load(rights(&row[1]))];
        let a = difference(left[0][0], right[0][0]);
        let b = difference(left[1][0], right[1][0]);
        let [inverse_a, inverse_b] = inverses.pop([a.0, b.0]);
        let rise = [right[0][1].sub(left[0][1]), right[1][1].sub(left[1][1])];
        let slope = [rise[0].mul(inverse_a), rise[1].mul(inverse_b)];
        let square = [slope[0].square(), slope[1].square()];
        let x = [
            square[0].sub_both(left[0][0], right[0][0]),
            square[1].sub_both(left[1][0], right[1][0]),
        ];
        let run = [left[0][0].sub(x[0]), left[1][0].sub(x[1])];
        let fall = [slope[0].mul(run[0]), slope[1].mul(run[1])];
        let y = [fall[0].sub(left[0][1]), fall[1].sub(left[1][1])];
        for (side, mask) in [a.1, b.1].into_iter().enumerate() {
            for (addition, sum) in row[side].iter().zip(packed(x[side], y[side])) {
                sums[addition.place as usize] = sum;
            }
            if mask != 0 {
                let exceptional = (0..8).filter(|lane| mask >> lane & 1 == 1);
                exceptions.extend(exceptional.map(|lane| row[side][lane]));
            }
        }
    }
}

fn signs(entries: [u32; 8]) -> u8 {
    entries.iter().enumerate().fold(0, |mask, (lane, entry)| mask | ((entry & 1) as u8) << lane)
}

/// Doubles each point `times` times, in place.
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(crate) fn double_all<const D: usize, P: Summable<D>>(points: &mut [Packed<D>], times: u32) {
    let mut inverses = Inverses::with_capacity(BLOCK);
    for block in points.chunks_mut(BLOCK * ROW) {
        for _ in 0..times {
            double_block::<D, P>(block, &mut inverses);
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn double_block<const D: usize, P: Summable<D>>(
    points: &mut [Packed<D>],
    inverses: &mut Inverses<D>,
) {
    let identity = Packed::IDENTITY;
    let denominator = |[x, y]: [Ext<D>; 2]| y.add(y).blend(x.is_zero(), Inverses::one());
    inverses.restart();
    for row in points.chunks(ROW) {
        let point = |index: usize| row.get(index).unwrap_or(&identity);
        let a = load_points(std::array::from_fn(point));
        let b = load_points(std::array::from_fn(|lane| point(8 + lane)));
        inverses.push([denominator(a), denominator(b)]);
    }
    inverses.invert::<P::BaseField>();
    for row in points.chunks_mut(ROW).rev() {
        let point = |index: usize| row.get(index).unwrap_or(&identity);
        let a = load_points(std::array::from_fn(point));
        let b = load_points(std::array::from_fn(|lane| point(8 + lane)));
        let inverse = inverses.pop([denominator(a), denominator(b)]);
        // Both curves have a = 0.
        let square = [a[0].square(), b[0].square()];
        let thrice = square.map(|square| square.add(square).add(square));
        let slope = [thrice[0].mul(inverse[0]), thrice[1].mul(inverse[1])];
        let square = [slope[0].square(), slope[1].square()];
        let x = [square[0].sub_both(a[0], a[0]), square[1].sub_both(b[0], b[0])];
        let run = [a[0].sub(x[0]), b[0].sub(x[1])];
        let fall = [slope[0].mul(run[0]), slope[1].mul(run[1])];
        let y = [fall[0].sub(a[1]), fall[1].sub(b[1])];
        let identities = [a[0].is_zero(), b[0].is_zero()];
        let doubles = [
            packed(x[0].blend(identities[0], a[0]), y[0].blend(identities[0], a[1])),
            packed(x[1].blend(identities[1], b[0]), y[1].blend(identities[1], b[1])),
        ];
        row.copy_from_slice(&doubles.as_flattened()[..row.len()]);
    }
}
