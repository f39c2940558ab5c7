//! Times of documents. Ours are `YYYY-MM-DDThh:mm:ssZ`, whole seconds, UTC; anybody else's are XML
//! Schema's `dateTimeStamp`.

use ::time::{Date, Month, OffsetDateTime};

use crate::{
    error::{CredentialError, Rule},
    json::Node,
    schema::values::Day,
};

/// Seconds that the statement's 40 bits hold, as an exclusive bound.
const BOUND: u64 = 1 << 40;

/// Writes Unix seconds as documents have them, `2026-11-22T12:30:01Z`.
///
/// # Errors
/// If the year has more than four digits.
pub fn write_time(seconds: u64) -> Result<String, Rule> {
    let wrong = || Rule::new("is not a time that fits the calendar");
    let signed = i64::try_from(seconds).map_err(|_| wrong())?;
    let time = OffsetDateTime::from_unix_timestamp(signed).map_err(|_| wrong())?;
    if time.year() > 9999 {
        return Err(wrong());
    }
    Ok(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    ))
}

/// Reads Unix seconds.
pub(crate) fn read_time(node: &Node<'_>) -> Result<u64, CredentialError> {
    let text = node.text()?;
    let parsed = parse(text).filter(|seconds| *seconds < BOUND);
    parsed.ok_or_else(|| node.refuse("is not a UTC time in the form YYYY-MM-DDThh:mm:ssZ"))
}

fn parse(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let day: Day = date.parse().ok()?;
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else {
        return None;
    };
    let part = |text: &str, bound: u64| {
        let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|value| plain && *value < bound)
    };
    let of_day = part(hours, 24)? * 3600 + part(minutes, 60)? * 60 + part(seconds, 60)?;
    let epoch = Day::from_unix(0).ok()?;
    (day >= epoch).then(|| day.start() + of_day)
}

/// A point in time as another party's document states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    /// Unix seconds, rounded down.
    seconds: i64,
    nanoseconds: u32,
}

impl Instant {
    /// A whole second, Unix.
    #[cfg(any(test, feature = "w3c"))]
    pub(crate) fn at(seconds: u64) -> Self {
        Self { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanoseconds: 0 }
    }

    /// The second that this point is in.
    #[cfg(any(test, feature = "w3c"))]
    pub(crate) fn second(self) -> Self {
        Self { nanoseconds: 0, ..self }
    }
}

/// Reads a `dateTimeStamp` of XML Schema 1.1: the offset from UTC is required, fractions of a
/// second and the end of a day as `24:00:00` are not unusual.
pub(crate) fn read_instant(node: &Node<'_>) -> Result<Instant, CredentialError> {
    parse_stamp(node.text()?).ok_or_else(|| node.refuse("is not a dateTimeStamp of XML Schema"))
}

fn parse_stamp(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_once('T')?;
    let (clock, offset) = match rest.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let (clock, offset) = rest.split_at(rest.find(['+', '-'])?);
            (clock, parse_offset(offset)?)
        }
    };
    let date: Vec<&str> = date.split('-').collect();
    let [year, month, day] = date.as_slice() else { return None };
    let month = Month::try_from(u8::try_from(digits(month, 2)?).ok()?).ok()?;
    let year = i32::try_from(digits(year, 4)?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(digits(day, 2)?).ok()?).ok()?;

    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let plain = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let clock: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    let (hours, minutes, seconds) = (digits(hours, 2)?, digits(minutes, 2)?, digits(seconds, 2)?);
    let of_day = hours * 3600 + minutes * 60 + seconds;
    let end_of_day = of_day == 86_400 && hours == 24 && fraction.bytes().all(|byte| byte == b'0');
    if !plain || minutes > 59 || seconds > 59 || (hours > 23 && !end_of_day) {
        return None;
    }
    let midnight = date.midnight().assume_utc().unix_timestamp();
    Some(Instant { seconds: midnight + of_day - offset, nanoseconds })
}

/// Seconds east of UTC, of `+hh:mm` up to 14 hours.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('+') {
        Some(text) => (1, text),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let within = minutes < 60 && hours * 60 + minutes <= 14 * 60;
    within.then_some(sign * (hours * 3600 + minutes * 60))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read(text: &str) -> Result<u64, CredentialError> {
        read_time(&Node::root(&Value::from(text), "time"))
    }

    #[test]
    fn reads_only_the_one_form() {
        assert_eq!(read("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(read("2026-11-22T12:30:01Z"), Ok(1_795_350_601));
        for wrong in [
            "2026-11-22",
            "2026-11-22T12:30:01+00:00",
            "2026-11-22T12:30:01.5Z",
            "2026-11-22T24:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    fn stamp(text: &str) -> Result<Instant, CredentialError> {
        read_instant(&Node::root(&Value::from(text), "time"))
    }

    #[test]
    fn reads_every_date_time_stamp_as_one_time_line() {
        let noon = stamp("2026-11-22T12:00:00Z").unwrap();
        assert_eq!(noon, Instant::at(1_795_348_800));
        for same in [
            "2026-11-22T12:00:00.000Z",
            "2026-11-22T13:30:00+01:30",
            "2026-11-21T22:00:00-14:00",
            "2026-11-22T12:00:00-00:00",
        ] {
            assert_eq!(stamp(same), Ok(noon), "{same}");
        }
        assert!(stamp("2026-11-22T12:00:00.000000001Z").unwrap() > noon);
        assert_eq!(stamp("2026-11-22T12:00:00.999Z").unwrap().second(), noon);
        assert_eq!(stamp("2026-11-21T24:00:00Z"), stamp("2026-11-22T00:00:00Z"));
        assert!(stamp("1969-12-31T23:59:59.5Z").unwrap() < Instant::at(0));
        for wrong in [
            "2026-11-22T12:00:00",
            "2026-11-22",
            "2026-02-29T12:00:00Z",
            "2026-11-22T24:00:01Z",
            "2026-11-22T12:60:00Z",
            "2026-11-22T12:00:00.Z",
            "2026-11-22T12:00:00+14:01",
            "2026-11-22T12:00:00+0100",
            "26-11-22T12:00:00Z",
            "2026-11-22 12:00:00Z",
            "2026-11-22T12:00:00.0\u{e9}00000000Z",
            "",
        ] {
            assert!(stamp(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_refused(text in ".*", digits in "[0-9T:.Z+-]{0,40}") {
            let _ = (stamp(&text), stamp(&digits));
        }

        #[test]
        fn written_and_read_back_it_is_the_same_time(seconds in 0u64..9_000_000_000) {
            prop_assert_eq!(read(&write_time(seconds).unwrap()), Ok(seconds));
        }
    }
}
