//! What documents have: versions, languages, digests, texts.

use std::{fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization;

use crate::error::Rule;

/// A version `major.minor`, each below 256. Encoded as major·256 + minor; not `0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u16);

impl Version {
    /// major·256 + minor.
    pub fn number(&self) -> u16 {
        self.0
    }

    /// The version of this number.
    pub fn from_number(number: u16) -> Self {
        Self(number)
    }
}

impl FromStr for Version {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let wrong = || Rule::new("is not a version in the form major.minor, each below 256");
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let part = |text: &str| {
            let plain = text.bytes().all(|b| b.is_ascii_digit());
            let canonical = text == "0" || !text.starts_with('0');
            (plain && canonical).then(|| text.parse::<u8>().ok()).flatten()
        };
        let major = part(major).ok_or_else(wrong)?;
        let minor = part(minor).ok_or_else(wrong)?;
        match u16::from_be_bytes([major, minor]) {
            0 => Err(Rule::new("is version 0.0, which stands for none")),
            number => Ok(Self(number)),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 >> 8, self.0 & 0xff)
    }
}

/// A language: the two lower-case letters of ISO 639-1. Encoded as 32·first + second with a = 1
/// (16 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language([u8; 2]);

impl Language {
    /// 32·first + second.
    pub fn number(&self) -> u16 {
        let letter = |position: usize| u16::from(self.0[position] - b'a' + 1);
        letter(0) << 5 | letter(1)
    }

    /// The version of this number.
    pub fn from_number(number: u16) -> Result<Self, Rule> {
        let letter = |value: u16| (b'a' - 1).saturating_add(u8::try_from(value).unwrap_or(u8::MAX));
        let letters = [letter(number >> 5), letter(number & 31)];
        String::from_utf8_lossy(&letters).parse()
    }
}

impl FromStr for Language {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        match *text.as_bytes() {
            [first @ b'a'..=b'z', second @ b'a'..=b'z'] => Ok(Self([first, second])),
            _ => Err(Rule::new("is not a language of two lower-case letters")),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

/// SHA-256 of a document, written as 64 lower-case hexadecimal digits. Encoded as
/// `hash_to_field("attestry/document/v1", digest)`, unsalted: the document is public or secret
/// enough by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest of a document.
    pub fn of(document: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(document).into())
    }

    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256Digest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl FromStr for Sha256Digest {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let mut digest = [0; 32];
        let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut digest) {
            Ok(()) if lower => Ok(Self(digest)),
            _ => Err(Rule::new("is not 64 lower-case hexadecimal digits")),
        }
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A name or a licence number as written. Never printed by `Debug`.
///
/// It is compared and hashed in its normal form: NFC, white space trimmed and single, upper case.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// NFC, trimmed, runs of white space as one space, upper case.
    pub fn normal_form(&self) -> String {
        let words: Vec<&str> = self.0.split_whitespace().collect();
        words.join(" ").to_uppercase().nfc().collect()
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const TEXT_BYTES: usize = 256;

impl FromStr for Text {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        if text.trim().is_empty() || text.len() > TEXT_BYTES || text.chars().any(char::is_control) {
            return Err(Rule::new("is not a text of 1 to 256 bytes without control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
