//! Time in the encodings of the statement.

/// Bits of a time in Unix seconds.
pub const TIME_BITS: u32 = 40;

const SECONDS_PER_DAY: u64 = 86_400;
/// Days from 1900-01-01 to 1970-01-01.
const EPOCH_DAY: u64 = 25_567;

/// The UTC day of a Unix time, counted from 1900-01-01 (which is day 0).
pub fn day_of(unix_seconds: u64) -> u64 {
    EPOCH_DAY + unix_seconds / SECONDS_PER_DAY
}

/// The Unix time at which a day starts in UTC; zero for days before 1970.
pub fn start_of_day(day: u64) -> u64 {
    day.saturating_sub(EPOCH_DAY) * SECONDS_PER_DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_is_day_25567() {
        assert_eq!(day_of(0), 25_567);
        assert_eq!(day_of(86_399), 25_567);
        assert_eq!(day_of(86_400), 25_568);
        assert_eq!(start_of_day(day_of(1_700_000_000)), 1_699_920_000);
    }
}
