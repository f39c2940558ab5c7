//! An entry of the audit log, and how it is hashed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Event;
use crate::time::{LATEST, read_time, write_time};
use crate::{DatabaseError, TenantId};

/// What the hashes of entries are distinct by.
const DOMAIN: &[u8] = b"attestry-audit-entry\n";
/// Longest text, bytes.
const LONGEST: usize = 512;
/// Longest name of a detail, bytes.
const LONGEST_NAME: usize = 32;
/// Most details of an entry.
const MOST_DETAILS: usize = 16;

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose log.
    pub tenant: TenantId,
    /// Its number in that log, from 1 without a gap.
    pub sequence: u64,
    /// When, as the clock said, Unix seconds; in the year 9999 at the latest.
    pub at: u64,
    /// Who did it.
    pub actor: String,
    /// By which request, if it came by HTTP.
    pub request_id: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: Option<String>,
    /// What else is to be known, by name.
    pub details: BTreeMap<String, String>,
    /// Hash of the entry before; zero for the first.
    pub previous: [u8; 32],
    /// Hash of this entry, as recorded.
    pub hash: [u8; 32],
}

/// Where a chain ends, or ended once: its last entry. It stands for all that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Number of the entry; 0 if there is none.
    pub sequence: u64,
    /// Hash of the entry.
    pub hash: [u8; 32],
}

/// A text is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a sequence, a colon and 64 hexadecimal digits")]
pub struct HeadError;

impl Head {
    /// That of a chain without entries.
    pub const EMPTY: Self = Self { sequence: 0, hash: [0; 32] };
}

/// `SEQUENCE:HASH`, the hash in hexadecimal.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, hex::encode(self.hash))
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (sequence, digits) = text.split_once(':').ok_or(HeadError)?;
        let hash = read_hash(digits).ok_or(HeadError)?;
        Ok(Self { sequence: sequence.parse().map_err(|_| HeadError)?, hash })
    }
}

/// An entry as JSON shows it. Its members stand in the order of canonical JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Json {
    action: String,
    actor: String,
    at: String,
    details: BTreeMap<String, String>,
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    object: Option<String>,
    previous: String,
    request_id: Option<String>,
    sequence: u64,
    tenant: String,
}

impl Entry {
    /// Version of what an entry holds.
    pub const FORMAT: u32 = 1;

    /// The entry of an event behind a head.
    pub(super) fn following(
        head: &Head,
        tenant: &TenantId,
        at: u64,
        event: &Event<'_>,
    ) -> Result<Self, DatabaseError> {
        let details: BTreeMap<String, String> =
            event.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        if details.len() != event.details.len() {
            return Err(DatabaseError::NotForAudit("detail"));
        }
        let mut entry = Self {
            tenant: tenant.clone(),
            sequence: head.sequence + 1,
            at: at.min(LATEST),
            actor: event.actor.name.clone(),
            request_id: event.actor.request_id.clone(),
            action: event.action.to_owned(),
            object: event.object.map(str::to_owned),
            details,
            previous: head.hash,
            hash: [0; 32],
        };
        entry.check().map_err(DatabaseError::NotForAudit)?;
        entry.hash = entry.digest();
        Ok(entry)
    }

    /// Whether it is an entry that could have been appended. Plain texts are shown alike by every
    /// format of export.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let printable = |byte: u8| (b' '..=b'~').contains(&byte);
        let plain = |text: &str| {
            (1..=LONGEST).contains(&text.len())
                && text.bytes().all(printable)
                && text.trim().len() == text.len()
        };
        let is_code = |byte: u8| byte.is_ascii_lowercase() || b".-_".contains(&byte);
        let plain_or_none = |text: &Option<String>| text.as_deref().is_none_or(plain);
        let is_name = |name: &str| {
            (1..=LONGEST_NAME).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let detail = |(name, value): (&String, &String)| is_name(name) && plain(value);
        let all_details = self.details.len() <= MOST_DETAILS && self.details.iter().all(detail);
        for (is_well_formed, what) in [
            (plain(&self.actor), "actor"),
            (plain_or_none(&self.request_id), "request id"),
            (plain(&self.action) && self.action.bytes().all(is_code), "action"),
            (plain_or_none(&self.object), "object"),
            (all_details, "detail"),
            (self.at <= LATEST, "time"),
        ] {
            if !is_well_formed {
                return Err(what);
            }
        }
        Ok(())
    }

    /// The hash that an entry of this content has.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(DOMAIN);
        digest.update(self.json(None));
        digest.finalize().into()
    }

    /// The head of a chain that ends here.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }

    /// The entry in canonical JSON, with its hash.
    pub fn to_json(&self) -> String {
        self.json(Some(hex::encode(self.hash)))
    }

    /// The entry in JSON, perhaps of one that was written otherwise.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        Some(Self {
            tenant: json.tenant.parse().ok()?,
            sequence: json.sequence,
            at: read_time(&json.at)?,
            actor: json.actor,
            request_id: json.request_id,
            action: json.action,
            object: json.object,
            details: json.details,
            previous: read_hash(&json.previous)?,
            hash: read_hash(&json.hash?)?,
        })
    }

    fn json(&self, hash: Option<String>) -> String {
        // Of strings and numbers there is always a JSON.
        serde_json::to_string(&self.members(hash)).unwrap_or_default()
    }

    fn members(&self, hash: Option<String>) -> Json {
        Json {
            action: self.action.clone(),
            actor: self.actor.clone(),
            at: write_time(self.at),
            details: self.details.clone(),
            format: Self::FORMAT,
            hash,
            object: self.object.clone(),
            previous: hex::encode(self.previous),
            request_id: self.request_id.clone(),
            sequence: self.sequence,
            tenant: self.tenant.to_string(),
        }
    }

    /// The details as a JSON object.
    pub(super) fn details_json(&self) -> String {
        serde_json::to_string(&self.details).unwrap_or_default()
    }
}

/// As [`Entry::to_json`].
impl Serialize for Entry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members(Some(hex::encode(self.hash))).serialize(serializer)
    }
}

/// A hash in hexadecimal.
pub(super) fn read_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::Actor;

    fn event<'a>(actor: &'a Actor, details: &'a [(&'static str, String)]) -> Event<'a> {
        Event { actor, action: "credential.issue", object: Some("urn:uuid:1"), details }
    }

    #[test]
    fn the_hash_is_that_of_the_canonical_json() {
        let actor = Actor { name: "key:front \"desk\"".to_owned(), request_id: None };
        let details = [("reason", "error".to_owned()), ("list", "3".to_owned())];
        let tenant = TenantId::default();
        let entry =
            Entry::following(&Head::EMPTY, &tenant, 1_800_000_000, &event(&actor, &details));
        let entry = entry.unwrap();
        let hashed = "attestry-audit-entry\n".to_owned()
            + r#"{"action":"credential.issue","actor":"key:front \"desk\"","#
            + r#""at":"2027-01-15T08:00:00Z","details":{"list":"3","reason":"error"},"format":1,"#
            + r#""object":"urn:uuid:1","previous":""#
            + &"0".repeat(64)
            + r#"","requestId":null,"sequence":1,"tenant":"default"}"#;
        assert_eq!(entry.hash, <[u8; 32]>::from(Sha256::digest(hashed)));
        assert_eq!(entry.hash, entry.digest());
        assert!(entry.to_json().contains(&hex::encode(entry.hash)));
    }

    #[test]
    fn every_member_is_hashed() {
        let actor = Actor::service();
        let tenant = TenantId::default();
        let entry = Entry::following(&Head::EMPTY, &tenant, 5, &event(&actor, &[])).unwrap();
        let changes: [fn(&mut Entry); 9] = [
            |entry| entry.tenant = "other".parse().unwrap(),
            |entry| entry.sequence += 1,
            |entry| entry.at += 1,
            |entry| entry.actor.push('x'),
            |entry| entry.request_id = Some("x".to_owned()),
            |entry| entry.action.push('x'),
            |entry| entry.object = None,
            |entry| entry.details.extend([("a".to_owned(), "b".to_owned())]),
            |entry| entry.previous[31] ^= 1,
        ];
        for change in changes {
            let mut changed = entry.clone();
            change(&mut changed);
            assert_ne!(changed.digest(), entry.hash);
        }
    }

    #[test]
    fn only_short_plain_texts_are_taken() {
        let tenant = TenantId::default();
        let attempt = |name: &str, details: &[(&'static str, String)]| {
            let actor = Actor { name: name.to_owned(), request_id: None };
            Entry::following(&Head::EMPTY, &tenant, u64::MAX, &event(&actor, details))
        };
        assert_eq!(attempt("operator", &[]).unwrap().at, LATEST);
        assert!(attempt(&"a".repeat(512), &[]).is_ok());
        for wrong in ["", " a", "a\n", "é", &"a".repeat(513)] {
            assert!(matches!(attempt(wrong, &[]), Err(DatabaseError::NotForAudit("actor"))));
            let detail = ("reason", wrong.to_owned());
            assert!(matches!(attempt("a", &[detail]), Err(DatabaseError::NotForAudit("detail"))));
        }
        let twice = [("a", "b".to_owned()), ("a", "c".to_owned())];
        assert!(matches!(attempt("a", &twice), Err(DatabaseError::NotForAudit("detail"))));
        let unnamed = [("a b", "b".to_owned())];
        assert!(matches!(attempt("a", &unnamed), Err(DatabaseError::NotForAudit("detail"))));
    }

    #[test]
    fn a_head_reads_back_as_it_was_written() {
        let head = Head { sequence: 12, hash: [0xab; 32] };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "12", "12:", "x:00", &format!("-1:{}", "0".repeat(64))] {
            assert_eq!(wrong.parse::<Head>(), Err(HeadError), "{wrong}");
        }
    }
}
