//! The audit log as a file, an entry a line, in formats from each of which [`super::verify`] can
//! tell that nothing was changed: a file is exactly what is written here, byte for byte.

mod csv;
mod fhir;

use std::fmt;
use std::str::FromStr;

use super::read::chunk;
use super::{Entry, Event, Head, append, head};
use crate::{Actor, Database, DatabaseError, TenantId};

/// What the log is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object with the entries in canonical JSON.
    Json,
    /// A table of quoted cells (RFC 4180, lines end in a line feed). A cell that a spreadsheet
    /// would take for a formula begins with an apostrophe, as does one that begins with one.
    Csv,
    /// A FHIR R4 Bundle of `AuditEvent`s.
    Fhir,
}

/// A text names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is none of json, csv and fhir")]
pub struct FormatError;

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Fhir];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Fhir => "fhir",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Fhir => "application/fhir+json",
        }
    }

    /// The first line of a file, by whether entries follow.
    pub(super) fn opening(self, is_empty: bool) -> &'static str {
        match (self, is_empty) {
            (Self::Json, false) => r#"{"format":"attestry-audit-1","entries":["#,
            (Self::Json, true) => r#"{"format":"attestry-audit-1","entries":[]}"#,
            (Self::Csv, _) => csv::HEADER,
            (Self::Fhir, false) => r#"{"resourceType":"Bundle","type":"collection","entry":["#,
            (Self::Fhir, true) => r#"{"resourceType":"Bundle","type":"collection"}"#,
        }
    }

    /// What stands before every entry but the first.
    pub(super) fn separator(self) -> &'static str {
        match self {
            Self::Json | Self::Fhir => ",",
            Self::Csv => "",
        }
    }

    /// The last line of a file with entries, if there is one behind them.
    pub(super) fn closing(self) -> Option<&'static str> {
        match self {
            Self::Json | Self::Fhir => Some("]}"),
            Self::Csv => None,
        }
    }

    /// An entry's line.
    pub(super) fn write(self, entry: &Entry) -> String {
        match self {
            Self::Json => entry.to_json(),
            Self::Csv => csv::write(entry),
            Self::Fhir => fhir::write(entry),
        }
    }

    /// The entry of a line, if it is exactly as it is written.
    pub(super) fn read(self, line: &str) -> Option<Entry> {
        let entry = match self {
            Self::Json => Entry::from_json(line),
            Self::Csv => csv::read(line),
            Self::Fhir => fhir::read(line),
        };
        entry.filter(|entry| self.write(entry) == line)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL.into_iter().find(|format| format.word() == text).ok_or(FormatError)
    }
}

/// An export under way. What is appended meanwhile is not in it.
#[derive(Debug)]
pub struct Export {
    database: Database,
    tenant: TenantId,
    format: Format,
    stage: Stage,
    after: u64,
    up_to: u64,
    last: Option<Head>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opening,
    Entries { is_first: bool },
    Done,
}

impl Export {
    /// Begins to export the entries after a sequence, 0 for all.
    ///
    /// # Errors
    /// [`DatabaseError::Sql`], [`DatabaseError::Corrupt`].
    pub async fn begin(
        database: &Database,
        tenant: &TenantId,
        format: Format,
        after: u64,
    ) -> Result<Self, DatabaseError> {
        let mut connection = database.pool().acquire().await?;
        let head = head(&mut connection, tenant).await?;
        Ok(Self {
            database: database.clone(),
            tenant: tenant.clone(),
            format,
            stage: Stage::Opening,
            after,
            up_to: head.sequence,
            last: None,
        })
    }

    /// Records that somebody exports the entries after a sequence, then begins to. The record is
    /// the last entry of the file.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn on_record(
        database: &Database,
        tenant: &TenantId,
        format: Format,
        after: u64,
        actor: &Actor,
        now: u64,
    ) -> Result<Self, DatabaseError> {
        let mut transaction = database.write().await?;
        let details = [("format", format.to_string()), ("after", after.to_string())];
        let event = Event { actor, action: "audit.export", object: None, details: &details };
        let sequence = append(&mut transaction, tenant, now, &event).await?;
        transaction.commit().await?;
        Ok(Self { up_to: sequence, ..Self::begin(database, tenant, format, after).await? })
    }

    /// The last entry that was written, if any was.
    pub fn head(&self) -> Option<Head> {
        self.last
    }

    /// The next piece of the file, never empty; none at the end. It is a bounded part of it,
    /// however long the log.
    ///
    /// # Errors
    /// [`DatabaseError::Sql`], [`DatabaseError::Corrupt`]: the file ends before its time, which
    /// shows when it is verified.
    pub async fn next(&mut self) -> Result<Option<String>, DatabaseError> {
        match self.stage {
            Stage::Opening => {
                let is_empty = self.after >= self.up_to;
                self.stage = if is_empty { Stage::Done } else { Stage::Entries { is_first: true } };
                Ok(Some(format!("{}\n", self.format.opening(is_empty))))
            }
            Stage::Entries { is_first } => {
                let entries =
                    chunk(self.database.pool(), &self.tenant, self.after, self.up_to).await?;
                let Some(last) = entries.last() else {
                    self.stage = Stage::Done;
                    return Ok(self.format.closing().map(|closing| format!("{closing}\n")));
                };
                self.after = last.sequence;
                self.last = Some(last.head());
                self.stage = Stage::Entries { is_first: false };
                let separator = self.format.separator();
                let mut text = String::new();
                for (index, entry) in entries.iter().enumerate() {
                    if !(is_first && index == 0) {
                        text.push_str(separator);
                    }
                    text.push_str(&self.format.write(entry));
                    text.push('\n');
                }
                Ok(Some(text))
            }
            Stage::Done => Ok(None),
        }
    }
}
