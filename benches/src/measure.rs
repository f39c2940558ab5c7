//! Medians of timed work.

use std::time::{Duration, Instant};

/// The middle of the durations; the mean of the two middle ones for an even number.
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    let middle = durations.len() / 2;
    match durations.len() {
        0 => Duration::ZERO,
        n if n % 2 == 1 => durations[middle],
        _ => (durations[middle - 1] + durations[middle]) / 2,
    }
}

/// Runs `work` on each item in turn: the median duration and the results.
///
/// # Errors
/// The first error of `work`.
pub fn time_each<I, T, E>(
    items: impl IntoIterator<Item = I>,
    mut work: impl FnMut(I) -> Result<T, E>,
) -> Result<(Duration, Vec<T>), E> {
    let mut durations = Vec::new();
    let mut results = Vec::new();
    for item in items {
        let start = Instant::now();
        let result = std::hint::black_box(work(item)?);
        durations.push(start.elapsed());
        results.push(result);
    }
    Ok((median(durations), results))
}

/// Milliseconds, to a thousandth.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Microseconds, to a tenth.
pub fn microseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e7).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_none_one_and_several_durations() {
        let of = |ms: &[u64]| median(ms.iter().copied().map(Duration::from_millis).collect());
        assert_eq!(of(&[]), Duration::ZERO);
        assert_eq!(of(&[3]), Duration::from_millis(3));
        assert_eq!(of(&[9, 1, 2]), Duration::from_millis(2));
        assert_eq!(of(&[9, 1, 4, 2]), Duration::from_millis(3));
    }

    #[test]
    fn every_item_is_worked_on_once_and_errors_end_the_work() {
        let (_, results) = time_each(0..5, |i| Ok::<_, ()>(i * i)).unwrap();
        assert_eq!(results, [0, 1, 4, 9, 16]);
        assert_eq!(time_each(0..5, |i| if i < 3 { Ok(()) } else { Err(i) }).unwrap_err(), 3);
    }
}
