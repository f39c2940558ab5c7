//! The typed values of claims: each is parsed once, with its rules, and written in one form.

mod day;
mod document;
mod provider;
mod study;

pub use day::Day;
pub use document::{Language, Sha256Digest, Text, Version};
pub use provider::{Npi, PREFIX_LENGTH, SUFFIX_LENGTH, TaxonomyCode, check_dea_number};
pub(crate) use provider::{base36, to_base36};
pub use study::{MondoId, StudyId};

use std::fmt;

use attestry_circuits::HolderCommitment;
use serde::{Serialize, Serializer};

use crate::error::Rule;

/// Serializes a type in its `Display` form.
macro_rules! written_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}
written_as_text!(Day, Npi, Version, StudyId, TaxonomyCode, MondoId, Language, Sha256Digest, Text);

/// Reads a holder commitment: `0x` and 64 lower-case hexadecimal digits, below the modulus.
pub(crate) fn read_holder(text: &str) -> Result<HolderCommitment, Rule> {
    let rule = "is not a holder commitment: 0x and 64 lower-case hexadecimal digits";
    text.parse().map_err(|_| Rule::new(rule))
}

/// A digit string of a fixed length as a number.
fn digits(text: &str, length: usize) -> Option<u32> {
    let well_formed = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    well_formed.then(|| text.parse().ok()).flatten()
}

/// Values whose `Debug` form must not show a person's attribute.
macro_rules! redacted {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )+};
}
redacted!(Npi, TaxonomyCode, StudyId, MondoId, Text);

#[cfg(test)]
mod tests;
