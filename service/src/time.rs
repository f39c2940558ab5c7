//! Times as texts.

use ::time::format_description::well_known::Rfc3339;
use ::time::macros::format_description;
use ::time::{OffsetDateTime, PrimitiveDateTime};

/// The latest time that has a text, that of 9999-12-31T23:59:59Z.
pub(crate) const LATEST: u64 = 253_402_300_799;
pub(crate) const SECONDS_A_DAY: u64 = 86_400;

/// A time in RFC 3339, whole seconds, UTC. Later ones than [`LATEST`] are that.
pub(crate) fn write_time(time: u64) -> String {
    let time = i64::try_from(time.min(LATEST)).unwrap_or_default();
    // Up to the latest there always is a text.
    let time = OffsetDateTime::from_unix_timestamp(time).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// A time in RFC 3339, 1970 or later; fractions of a second are cut off.
pub(crate) fn read_time(text: &str) -> Option<u64> {
    u64::try_from(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp()).ok()
}

/// A time as HTTP headers have it (IMF-fixdate, RFC 9110 section 5.6.7), 1970 or later. The two
/// forms that nobody may make any more are not read.
pub(crate) fn read_http_date(text: &str) -> Option<u64> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let time = PrimitiveDateTime::parse(text, form).ok()?.assume_utc();
    u64::try_from(time.unix_timestamp()).ok()
}

/// Times as JSON shows them.
pub(crate) mod json {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{SECONDS_A_DAY, read_time, write_time};

    pub(crate) fn serialize<S: Serializer>(time: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&write_time(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        read_time(&text).ok_or_else(|| serde::de::Error::custom("is not a time of RFC 3339"))
    }

    pub(crate) fn if_any<S: Serializer>(time: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serialize(time, to),
            None => to.serialize_none(),
        }
    }

    /// A day, given as the number of days since 1970.
    pub(crate) fn day<S: Serializer>(day: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        let Some(day) = day else { return to.serialize_none() };
        let time = write_time(day.saturating_mul(SECONDS_A_DAY));
        to.serialize_str(time.split('T').next().unwrap_or_default())
    }
}
