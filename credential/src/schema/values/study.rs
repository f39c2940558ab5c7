//! What research is about: studies and diseases.

use std::{fmt, str::FromStr};

use super::digits;
use crate::{
    error::Rule,
    vocabulary::{Code, Coded, StudyRegistry},
};

/// A study in a registry: `NCT` and 8 digits (ClinicalTrials.gov), `ISRCTN` and 8 digits, `DRKS`
/// and 8 digits, or `CTIS` and the year and serial of an EU CT number, as `CTIS2023-503698`.
///
/// Encoded as registry·2^27 + number (31 bits); for CTIS the number is (year − 2000)·10^6 +
/// serial.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StudyId {
    registry: Code<StudyRegistry>,
    number: u32,
}

const CTIS_SERIALS: u32 = 1_000_000;
const STUDY_NUMBER_BITS: u32 = 27;

impl StudyId {
    /// registry·2^27 + number.
    pub fn packed(&self) -> u32 {
        self.registry.integer() << STUDY_NUMBER_BITS | self.number
    }

    /// The inverse of [`StudyId::packed`].
    ///
    /// # Errors
    /// If the registry is not registered or the number has too many digits.
    pub fn from_packed(packed: u32) -> Result<Self, Rule> {
        let number = packed & ((1 << STUDY_NUMBER_BITS) - 1);
        if number >= 100_000_000 {
            return Err(Rule::new("is not a study number of eight digits"));
        }
        Ok(Self { registry: Code::from_integer(packed >> STUDY_NUMBER_BITS)?, number })
    }
}

impl FromStr for StudyId {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let wrong = || {
            Rule::new("is not a study: NCT, ISRCTN or DRKS and 8 digits, or CTIS and YYYY-NNNNNN")
        };
        let known = StudyRegistry::VOCABULARY.entries().iter();
        let (registry, rest) = known
            .filter_map(|(_, word)| Some((*word, text.strip_prefix(word)?)))
            .next()
            .ok_or_else(wrong)?;
        let number = if registry == "CTIS" {
            let (year, serial) = rest.split_once('-').ok_or_else(wrong)?;
            let year = digits(year, 4).ok_or_else(wrong)?;
            let serial = digits(serial, 6).ok_or_else(wrong)?;
            let year = year.checked_sub(2000).filter(|year| *year < 100);
            year.ok_or_else(wrong)? * CTIS_SERIALS + serial
        } else {
            digits(rest, 8).ok_or_else(wrong)?
        };
        Ok(Self { registry: registry.parse()?, number })
    }
}

impl fmt::Display for StudyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.registry.is("CTIS") {
            let (year, serial) = (self.number / CTIS_SERIALS, self.number % CTIS_SERIALS);
            write!(f, "CTIS{}-{serial:06}", year + 2000)
        } else {
            write!(f, "{}{:08}", self.registry, self.number)
        }
    }
}

/// A disease of the MONDO ontology: `MONDO:` and seven digits, not all zero. Encoded as the
/// number (24 bits).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MondoId(u32);

impl MondoId {
    /// The number.
    pub fn number(&self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }
}

impl FromStr for MondoId {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let number = text.strip_prefix("MONDO:").and_then(|rest| digits(rest, 7));
        number
            .filter(|number| *number != 0)
            .map(Self)
            .ok_or(Rule::new("is not MONDO: and seven digits"))
    }
}

impl fmt::Display for MondoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MONDO:{:07}", self.0)
    }
}
