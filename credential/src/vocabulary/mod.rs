//! Frozen integer registries: the words that people write, and the integers that circuits compare.
//!
//! Every vocabulary has a version. Within a version an integer never changes its word; new words
//! get new integers. Codes start at 1, so that 0 always means "not stated" and equals no word;
//! bits of a mask start at 0, and an empty mask permits or states nothing.

mod compact;
mod consent;
mod provider;
mod purpose;
mod words;

pub use compact::{NLC_PARTY_STATES, PartyStates};
pub use consent::{
    Action, ConsentScope, DataClass, Decision, DuoModifier, DuoPermission, Performer, Sensitivity,
    SignatureKind, StudyRegistry, WithdrawalTerm,
};
pub use provider::{
    Authority, BoardStatus, Compact, CredentialKind, DeaSchedule, LicenceType, PsvProcess,
    PsvSource, Standing, State, Status,
};
pub use purpose::Purpose;

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::error::Rule;

/// One frozen registry of words and integers.
#[derive(Debug, PartialEq, Eq)]
pub struct Vocabulary {
    name: &'static str,
    version: u16,
    entries: &'static [(u32, &'static str)],
}

impl Vocabulary {
    /// The vocabulary's own name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The version under which the integers are frozen.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// All integers with their words, ascending.
    pub fn entries(&self) -> &'static [(u32, &'static str)] {
        self.entries
    }

    /// The integer of a word: a code, or the number of a bit.
    pub fn code(&self, word: &str) -> Option<u32> {
        let found = self.entries.iter().find(|(_, known)| *known == word);
        found.map(|(code, _)| *code)
    }

    /// The word of an integer.
    pub fn word(&self, code: u32) -> Option<&'static str> {
        let found = self.entries.iter().find(|(known, _)| *known == code);
        found.map(|(_, word)| *word)
    }

    /// The mask in which every bit of the vocabulary is set.
    pub fn full_mask(&self) -> u64 {
        self.entries.iter().fold(0, |mask, (bit, _)| mask | 1u64 << bit)
    }
}

/// A type that stands for one vocabulary.
pub trait Coded {
    /// The registry itself.
    const VOCABULARY: &'static Vocabulary;
}

/// Declares the type of a vocabulary with its frozen entries.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident, $text:literal, $version:literal, [$($entry:expr),+ $(,)?]) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {}

        impl $crate::vocabulary::Coded for $name {
            const VOCABULARY: &'static $crate::vocabulary::Vocabulary =
                &$crate::vocabulary::Vocabulary {
                    name: $text,
                    version: $version,
                    entries: &[$($entry),+],
                };
        }
    };
}
use vocabulary;

/// One word of a vocabulary. Written as the word; encoded as the integer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code<V>(u32, PhantomData<V>);

impl<V: Coded> Code<V> {
    /// The code of a registered integer.
    ///
    /// # Errors
    /// If the vocabulary has no such integer.
    pub fn from_integer(code: u32) -> Result<Self, Rule> {
        V::VOCABULARY
            .word(code)
            .map(|_| Self(code, PhantomData))
            .ok_or(Rule::new("is not an integer of the vocabulary"))
    }

    /// The frozen integer.
    pub fn integer(&self) -> u32 {
        self.0
    }

    /// The word.
    pub fn word(&self) -> &'static str {
        V::VOCABULARY.word(self.0).unwrap_or_default()
    }

    /// Whether this is the given word.
    pub fn is(&self, word: &str) -> bool {
        self.word() == word
    }
}

impl<V: Coded> FromStr for Code<V> {
    type Err = Rule;

    fn from_str(word: &str) -> Result<Self, Rule> {
        V::VOCABULARY
            .code(word)
            .map(|code| Self(code, PhantomData))
            .ok_or(Rule::vocabulary(V::VOCABULARY))
    }
}

impl<V: Coded> fmt::Display for Code<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl<V: Coded> fmt::Debug for Code<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", V::VOCABULARY.name(), self.word())
    }
}

impl<V: Coded> Serialize for Code<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A set of words of a vocabulary. Written as a list; encoded as the sum of 2^integer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mask<V>(u64, PhantomData<V>);

impl<V> Default for Mask<V> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<V: Coded> Mask<V> {
    /// The set in which every registered word is present.
    pub fn full() -> Self {
        Self(V::VOCABULARY.full_mask(), PhantomData)
    }

    /// The set with these bits.
    ///
    /// # Errors
    /// If a bit is not registered.
    pub fn from_bits(bits: u64) -> Result<Self, Rule> {
        if bits & !V::VOCABULARY.full_mask() == 0 {
            Ok(Self(bits, PhantomData))
        } else {
            Err(Rule::new("has a bit that the vocabulary does not register"))
        }
    }

    /// The set of these words.
    ///
    /// # Errors
    /// If a word is not in the vocabulary.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, Rule> {
        words
            .into_iter()
            .try_fold(Self::default(), |mask, word| Ok(mask.with(Code::<V>::from_str(word)?)))
    }

    /// The set and one more word.
    pub fn with(self, code: Code<V>) -> Self {
        Self(self.0 | 1u64 << code.integer(), PhantomData)
    }

    /// Both sets together.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0, PhantomData)
    }

    /// What both sets share.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0, PhantomData)
    }

    /// This set without the other's words.
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0, PhantomData)
    }

    /// Whether no word is present.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The encoding.
    pub fn bits(&self) -> u64 {
        self.0
    }

    /// The words that are present, in registry order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        let bits = self.0;
        let entries = V::VOCABULARY.entries().iter();
        entries.filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, word)| *word)
    }
}

impl<V: Coded> fmt::Debug for Mask<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", V::VOCABULARY.name())?;
        f.debug_set().entries(self.words()).finish()
    }
}

impl<V: Coded> Serialize for Mask<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for word in self.words() {
            list.serialize_element(word)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [&Vocabulary; 14] = [
        Authority::VOCABULARY,
        BoardStatus::VOCABULARY,
        Compact::VOCABULARY,
        ConsentScope::VOCABULARY,
        CredentialKind::VOCABULARY,
        DuoPermission::VOCABULARY,
        LicenceType::VOCABULARY,
        Performer::VOCABULARY,
        PsvProcess::VOCABULARY,
        PsvSource::VOCABULARY,
        SignatureKind::VOCABULARY,
        State::VOCABULARY,
        Status::VOCABULARY,
        StudyRegistry::VOCABULARY,
    ];
    const MASKS: [&Vocabulary; 8] = [
        Action::VOCABULARY,
        DataClass::VOCABULARY,
        DeaSchedule::VOCABULARY,
        DuoModifier::VOCABULARY,
        Purpose::VOCABULARY,
        Sensitivity::VOCABULARY,
        Standing::VOCABULARY,
        WithdrawalTerm::VOCABULARY,
    ];

    #[test]
    fn every_vocabulary_maps_both_ways_without_repeats() {
        for vocabulary in CODES.iter().chain(&MASKS) {
            for window in vocabulary.entries().windows(2) {
                assert!(window[0].0 < window[1].0, "{}", vocabulary.name());
            }
            for (code, word) in vocabulary.entries() {
                assert_eq!(vocabulary.code(word), Some(*code), "{}", vocabulary.name());
                assert_eq!(vocabulary.word(*code), Some(*word), "{}", vocabulary.name());
            }
        }
    }

    #[test]
    fn no_code_is_zero_and_every_bit_fits_a_u64() {
        for vocabulary in CODES {
            assert_eq!(vocabulary.word(0), None, "{}", vocabulary.name());
        }
        for vocabulary in MASKS {
            assert!(vocabulary.entries().iter().all(|(bit, _)| *bit < 64));
        }
    }

    #[test]
    fn a_mask_is_written_as_its_words() {
        let mask = Mask::<DeaSchedule>::from_words(["II", "V"]).unwrap();
        assert_eq!(mask.bits(), 0b10_0001);
        assert_eq!(serde_json::to_string(&mask).unwrap(), r#"["II","V"]"#);
        assert!(Mask::<DeaSchedule>::from_bits(1 << 6).is_err());
    }
}
