//! Identifiers of providers: NPI, DEA number, taxonomy code.

use std::{fmt, str::FromStr};

use super::digits;
use crate::error::Rule;

/// A National Provider Identifier: ten digits, the first 1 or 2, with a Luhn check over
/// `80840` and the ten digits. Encoded as the number (32 bits).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Npi(u32);

impl Npi {
    /// The number.
    pub fn number(&self) -> u32 {
        self.0
    }
}

impl FromStr for Npi {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let wrong = || Rule::new("is not an NPI: not ten digits");
        let well_formed = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit());
        if !well_formed {
            return Err(wrong());
        }
        if !text.starts_with(['1', '2']) {
            return Err(Rule::new("is not an NPI: the first digit is neither 1 nor 2"));
        }
        if !luhn_sum(&format!("80840{text}")).is_multiple_of(10) {
            return Err(Rule::new("is not an NPI: the check digit is wrong"));
        }
        digits(text, 10).map(Self).ok_or_else(wrong)
    }
}

fn luhn_sum(text: &str) -> u32 {
    let from_the_right = text.bytes().rev().map(|b| u32::from(b - b'0'));
    let weighted = from_the_right.enumerate().map(|(position, digit)| {
        let doubled = if position % 2 == 1 { digit * 2 } else { digit };
        doubled / 10 + doubled % 10
    });
    weighted.sum()
}

impl fmt::Display for Npi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

/// Checks a DEA number: two letters and seven digits, (d1+d3+d5) + 2·(d2+d4+d6) ≡ d7 mod 10. The
/// second letter may be the digit 9.
///
/// # Errors
/// If it has another form or a wrong check digit.
pub fn check_dea_number(text: &str) -> Result<(), Rule> {
    let wrong = || Rule::new("is not a DEA number: two letters and seven digits");
    let (letters, number) = text.split_at_checked(2).ok_or_else(wrong)?;
    let [first, second] = letters.as_bytes() else {
        return Err(wrong());
    };
    let letters_hold =
        first.is_ascii_uppercase() && (second.is_ascii_uppercase() || *second == b'9');
    if !letters_hold || digits(number, 7).is_none() {
        return Err(wrong());
    }
    let digit = |position: usize| u32::from(number.as_bytes()[position] - b'0');
    let sum = digit(0) + digit(2) + digit(4) + 2 * (digit(1) + digit(3) + digit(5));
    if sum % 10 == digit(6) {
        Ok(())
    } else {
        Err(Rule::new("is not a DEA number: the check digit is wrong"))
    }
}

/// A NUCC provider taxonomy code: nine digits or capital letters, then `X`.
///
/// Two claims: the prefix is the base-36 number of the first four characters plus 1 (21 bits),
/// the suffix that of the next five plus 1 (26 bits); the final `X` is in every code and carries
/// nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct TaxonomyCode(String);

impl TaxonomyCode {
    /// Encoding of the first four characters.
    pub fn prefix(&self) -> u32 {
        base36(&self.0[..PREFIX_LENGTH]).unwrap_or_default() + 1
    }

    /// Encoding of the five characters after the prefix.
    pub fn suffix(&self) -> u32 {
        base36(&self.0[PREFIX_LENGTH..PREFIX_LENGTH + SUFFIX_LENGTH]).unwrap_or_default() + 1
    }
}

/// Characters in a taxonomy prefix.
pub const PREFIX_LENGTH: usize = 4;
/// Characters in a taxonomy suffix, without the final `X`.
pub const SUFFIX_LENGTH: usize = 5;

/// The base-36 number of digits and capital letters.
pub(crate) fn base36(text: &str) -> Option<u32> {
    text.bytes().try_fold(0u32, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => return None,
        };
        number.checked_mul(36)?.checked_add(u32::from(digit))
    })
}

/// The inverse of [`base36`] at a length.
pub(crate) fn to_base36(mut number: u32, length: usize) -> String {
    let mut characters = vec![b'0'; length];
    for character in characters.iter_mut().rev() {
        let digit = (number % 36) as u8;
        *character = if digit < 10 { b'0' + digit } else { b'A' + digit - 10 };
        number /= 36;
    }
    characters.into_iter().map(char::from).collect()
}

impl FromStr for TaxonomyCode {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let holds = text.is_ascii()
            && text.len() == PREFIX_LENGTH + SUFFIX_LENGTH + 1
            && text.ends_with('X')
            && base36(&text[..PREFIX_LENGTH]).is_some()
            && base36(&text[PREFIX_LENGTH..PREFIX_LENGTH + SUFFIX_LENGTH]).is_some();
        if holds {
            Ok(Self(text.to_owned()))
        } else {
            Err(Rule::new("is not a NUCC code: nine digits or capital letters, then X"))
        }
    }
}

impl fmt::Display for TaxonomyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
