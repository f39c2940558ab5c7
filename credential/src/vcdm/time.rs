//! Times of documents: `YYYY-MM-DDThh:mm:ssZ`, whole seconds, UTC.

use ::time::OffsetDateTime;

use crate::{
    error::{CredentialError, Rule},
    json::Node,
    schema::values::Day,
};

/// Seconds that the statement's 40 bits hold, as an exclusive bound.
const BOUND: u64 = 1 << 40;

/// Writes Unix seconds.
pub(crate) fn write_time(seconds: u64) -> Result<String, Rule> {
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

    proptest! {
        #[test]
        fn written_and_read_back_it_is_the_same_time(seconds in 0u64..9_000_000_000) {
            prop_assert_eq!(read(&write_time(seconds).unwrap()), Ok(seconds));
        }
    }
}
