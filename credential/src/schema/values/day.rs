//! Calendar days.

use std::{fmt, str::FromStr};

use time::{Date, Month};

use super::digits;
use crate::error::Rule;

/// A calendar day, encoded as days since 1900-01-01 (17 bits). Written as ISO 8601.
///
/// Day 0 is not a day of this type: it is the encoding of an absent day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// Largest encoding: 17 bits. It falls in 2258.
    pub const MAX: u32 = (1 << 17) - 1;

    /// The day with this number of days since 1900-01-01.
    ///
    /// # Errors
    /// If it is 0 or does not fit 17 bits.
    pub fn from_number(number: u32) -> Result<Self, Rule> {
        if (1..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Rule::new("is not a day from 1900-01-02 on that fits 17 bits"))
        }
    }

    /// The UTC day of a Unix time.
    ///
    /// # Errors
    /// If the day does not fit 17 bits.
    pub fn from_unix(seconds: u64) -> Result<Self, Rule> {
        let number = attestry_circuits::time::day_of(seconds);
        Self::from_number(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Days since 1900-01-01.
    pub fn number(&self) -> u32 {
        self.0
    }

    /// The first second of the day, Unix; 0 for days before 1970.
    pub fn start(&self) -> u64 {
        attestry_circuits::time::start_of_day(u64::from(self.0))
    }

    /// The day a number of days later, or earlier if negative.
    ///
    /// # Errors
    /// If the result is no day.
    pub fn plus_days(&self, days: i64) -> Result<Self, Rule> {
        let number = i64::from(self.0).saturating_add(days);
        Self::from_number(u32::try_from(number).unwrap_or(0))
    }

    /// The same day of the month a number of months later, or earlier if negative; the last day
    /// of the month where it has no such day.
    ///
    /// # Errors
    /// If the result is no day.
    pub fn plus_months(&self, months: i64) -> Result<Self, Rule> {
        let wrong = || Rule::new("leads out of the calendar");
        let date = self.date().ok_or_else(wrong)?;
        let count = i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1;
        let count = count.saturating_add(months);
        let year = i32::try_from(count.div_euclid(12)).map_err(|_| wrong())?;
        let month = u8::try_from(count.rem_euclid(12) + 1).map_err(|_| wrong())?;
        let month = Month::try_from(month).map_err(|_| wrong())?;
        let day = date.day().min(month.length(year));
        Self::from_date(Date::from_calendar_date(year, month, day).map_err(|_| wrong())?)
    }

    fn date(&self) -> Option<Date> {
        Date::from_julian_day(i32::try_from(self.0).ok()? + EPOCH_JULIAN_DAY).ok()
    }

    fn from_date(date: Date) -> Result<Self, Rule> {
        let number = date.to_julian_day() - EPOCH_JULIAN_DAY;
        Self::from_number(u32::try_from(number).unwrap_or(0))
    }
}

/// Julian day of 1900-01-01.
const EPOCH_JULIAN_DAY: i32 = 2_415_021;

impl FromStr for Day {
    type Err = Rule;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, Rule> {
        let wrong = || Rule::new("is not a calendar day in the form YYYY-MM-DD");
        let (year, rest) = text.split_once('-').ok_or_else(wrong)?;
        let (month, day) = rest.split_once('-').ok_or_else(wrong)?;
        let year = digits(year, 4).ok_or_else(wrong)? as i32;
        let month = digits(month, 2).ok_or_else(wrong)? as u8;
        let day = digits(day, 2).ok_or_else(wrong)? as u8;
        let month = Month::try_from(month).map_err(|_| wrong())?;
        Self::from_date(Date::from_calendar_date(year, month, day).map_err(|_| wrong())?)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => {
                write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
            }
            None => Err(fmt::Error),
        }
    }
}
