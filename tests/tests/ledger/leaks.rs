//! Searches what was put on the chain for what is personal, in every form in which it could be
//! there: as text, as a number, and as a hash that can be guessed.

use alloy::primitives::keccak256;
use attestry_circuits::poseidon;
use attestry_circuits::{Fr, field};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use std::collections::BTreeSet;

/// Shorter texts, as `CA` or `MD`, are found by chance; their hashes are searched for all the same.
const MIN_TEXT: usize = 4;
/// Smaller numbers are found by chance as lengths and places; in a field of their own they are
/// searched for as their hashes.
const MIN_NUMBER: u64 = 1 << 24;
/// Places of storage that contracts name by their hashes.
const STORAGE_SLOTS: u64 = 16;

/// What must not be found, by what it is.
pub(crate) struct Personal {
    /// Texts, searched for in any case.
    texts: BTreeSet<Vec<u8>>,
    /// Bytes as they are: numbers, hashes, field elements.
    bytes: BTreeSet<Vec<u8>>,
}

impl Personal {
    /// What the documents say. `public` are field elements that a policy states for all to see.
    pub(crate) fn of(documents: &[Value], public: &[Fr]) -> Self {
        let mut personal = Self { texts: BTreeSet::new(), bytes: BTreeSet::new() };
        for document in documents {
            personal.add(document);
        }
        for element in public {
            personal.bytes.remove(field::to_be_bytes(element).as_slice());
        }
        personal
    }

    /// An encoded claim or what else a credential consists of.
    pub(crate) fn with_element(mut self, element: Fr) -> Self {
        let number = field::to_u64(&element);
        if number.is_none_or(|number| number >= MIN_NUMBER) {
            self.bytes.insert(field::to_be_bytes(&element).to_vec());
        }
        // The hashes of the first numbers are in every contract: its storage begins there.
        if number.is_none_or(|number| number >= STORAGE_SLOTS) {
            self.add_hashes(&field::to_be_bytes(&element));
        }
        self.bytes.insert(field::to_be_bytes(&poseidon::hash(&[element])).to_vec());
        self
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text),
            Value::Number(number) => self.add_text(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|item| self.add(item)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        if text.len() >= MIN_TEXT {
            let lower = text.to_lowercase();
            let utf16 = lower.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let hexadecimal = alloy::hex::encode(text).into_bytes();
            self.texts.extend([lower.clone().into_bytes(), utf16, hexadecimal]);
            // Names are also written apart; of an identifier's parts none is anybody's.
            let words = lower.split(|c: char| !c.is_alphanumeric());
            let words = words.filter(|word| word.len() > MIN_TEXT && !text.contains("://"));
            self.texts.extend(words.map(|word| word.as_bytes().to_vec()));
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if let Some(number) = digits.parse::<u64>().ok().filter(|number| *number >= MIN_NUMBER) {
            let bytes = number.to_be_bytes();
            let first = bytes.iter().position(|byte| *byte != 0).unwrap();
            self.bytes.insert(bytes[first..].to_vec());
        }
        for form in [text.to_owned(), text.to_lowercase(), text.to_uppercase(), digits] {
            self.add_hashes(form.as_bytes());
        }
    }

    /// What anyone can compute of a guess.
    fn add_hashes(&mut self, guess: &[u8]) {
        if guess.is_empty() {
            return;
        }
        let element = field::hash_to_field("", guess);
        self.bytes.extend([
            Sha256::digest(guess).to_vec(),
            Sha256::digest(Sha256::digest(guess)).to_vec(),
            Sha512::digest(guess)[..32].to_vec(),
            keccak256(guess).to_vec(),
            field::to_be_bytes(&element).to_vec(),
            field::to_be_bytes(&poseidon::hash(&[element])).to_vec(),
        ]);
        if let Ok(number) = std::str::from_utf8(guess).unwrap_or_default().parse::<u64>() {
            let hash = poseidon::hash(&[Fr::from(number)]);
            self.bytes.insert(field::to_be_bytes(&hash).to_vec());
        }
    }

    /// How many of the published pieces hold something personal. What it is is not said: this is
    /// printed when a test fails.
    pub(crate) fn found_in(&self, published: &[Vec<u8>]) -> usize {
        let holds = |piece: &[u8], wanted: &[u8]| {
            piece.len() >= wanted.len() && piece.windows(wanted.len()).any(|part| part == wanted)
        };
        let mut found = 0;
        for piece in published {
            let lower = piece.to_ascii_lowercase();
            let text = self.texts.iter().any(|text| holds(&lower, text));
            found += usize::from(text || self.bytes.iter().any(|bytes| holds(piece, bytes)));
        }
        found
    }
}
