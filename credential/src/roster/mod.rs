//! Rosters in: many credentials in one file, a row each.
//!
//! Two forms. **CSV** with a header whose columns are the members of the schema's
//! `credentialSubject` in snake case ([`columns`]), in any order, and four of the roster's own:
//!
//! | column | value |
//! |---|---|
//! | `holder` | the holder commitment: `0x` and 64 lower-case hexadecimal digits |
//! | `external_id` | the office's own key of the row; makes the row the same in every roster |
//! | `valid_from`, `valid_until` | a day (`YYYY-MM-DD`, UTC, the whole of it) or a time (`…Z`) |
//!
//! The separator is a comma, a semicolon or a tab, whichever the header has; the values of a list
//! are separated by semicolons in one cell, which is quoted if the separator is a semicolon too;
//! an empty cell states nothing. The text is UTF-8 with or without a byte order mark, lines end
//! in LF, CR LF or CR, quotes double inside quotes.
//!
//! **NDJSON**: each line is a FHIR R4 resource or Bundle (see [`crate::fhir`]), or an object
//!
//! ```json
//! {"schema": "ProviderCredential/1", "subject": {}, "options": {"holder": "0x…", "externalId": "…", "validFrom": "…Z", "validUntil": "…Z"}}
//! {"resource": {"resourceType": "Consent"}, "options": {}}
//! ```
//!
//! Reading is in two steps, so that a file is never whole in memory: [`Splitter`] takes bytes as
//! they come and gives records; [`Table`] and [`read_line`] make a record's rows. What is wrong
//! with the file as a whole is a [`FileError`], what is wrong with a row a [`RowError`]: line,
//! column and rule, never a value.

mod line;
mod split;
mod table;

pub use line::{read_line, read_resource};
pub use split::{Limits, Record, Splitter};
pub use table::{Table, columns};

use attestry_circuits::HolderCommitment;

use crate::{
    error::{CredentialError, Rule},
    schema::{Subject, values::Text},
};

/// How a roster is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A header, then a row a record.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

/// One credential that a roster asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it states.
    pub subject: Subject,
    /// Whose it will be.
    pub holder: Option<HolderCommitment>,
    /// First second of validity, Unix.
    pub valid_from: Option<u64>,
    /// Last second of validity, Unix.
    pub valid_until: Option<u64>,
    /// The office's own key of the row.
    pub external_id: Option<Text>,
}

/// Why a row is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {column} {rule}")]
pub struct RowError {
    /// Line on which the record begins, from 1; in a Bundle, the number of the entry.
    pub line: u64,
    /// The column, or the path of the element; `row` for the record as a whole.
    pub column: String,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// The name of the record as a whole, in errors.
const ROW: &str = "row";

impl RowError {
    /// What an error about a record says, where the record stands.
    pub fn of(line: u64, error: CredentialError) -> Self {
        match error {
            CredentialError::Invalid { path, rule } => {
                let whole = path.is_empty() || path == "$";
                Self { line, column: if whole { ROW.to_owned() } else { path }, rule }
            }
            CredentialError::NotJson { .. } => {
                Self { line, column: ROW.to_owned(), rule: Rule::new("is not one JSON text") }
            }
            other => Self { line, column: ROW.to_owned(), rule: Rule::worded(other.to_string()) },
        }
    }
}

/// Why a file is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The bytes are of another encoding.
    #[error(
        "line {line}: is not UTF-8; Latin-1, Windows-1252 and UTF-16 are not read, save the file \
         as UTF-8"
    )]
    NotUtf8 {
        /// Line on which the record begins.
        line: u64,
    },
    /// A record is too long: perhaps a quote was never closed.
    #[error("line {line}: the record that begins here is longer than {limit} bytes")]
    RecordTooLong {
        /// Line on which the record begins.
        line: u64,
        /// The most bytes.
        limit: usize,
    },
    /// The file ends inside quotes.
    #[error("line {line}: the record that begins here ends inside quotes")]
    OpenQuote {
        /// Line on which the record begins.
        line: u64,
    },
    /// There are too many rows.
    #[error("more than {limit} rows")]
    TooManyRows {
        /// The most rows.
        limit: u64,
    },
    /// There is no row.
    #[error("no row")]
    Empty,
    /// The first line names no column of the schema.
    #[error("the first line is no header: it names no column of the schema")]
    NoHeader,
    /// A cell of the header is no column of the schema. It is not named: it may be a value.
    #[error("header: cell {number} is not a column of the schema")]
    UnknownColumn {
        /// Which cell, from 1.
        number: usize,
    },
    /// A column stands twice in the header.
    #[error("header: cell {number} repeats the column {column}")]
    RepeatedColumn {
        /// Which cell, from 1.
        number: usize,
        /// The column.
        column: &'static str,
    },
    /// A column that every row needs is not in the header.
    #[error("header: the column {column} is missing")]
    MissingColumn {
        /// The column.
        column: &'static str,
    },
}

#[cfg(test)]
mod tests;
