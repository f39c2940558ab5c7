//! Bytes, as they come, into records.

use super::{FileError, Form};

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a record.
    pub record_bytes: usize,
    /// The most rows.
    pub rows: u64,
}

impl Limits {
    /// 200,000 rows; a record of a table has at most 64 KiB, a line of NDJSON at most 1 MiB.
    pub fn of(form: Form) -> Self {
        let record_bytes = match form {
            Form::Csv => 1 << 16,
            Form::Ndjson => 1 << 20,
        };
        Self { record_bytes, rows: 200_000 }
    }
}

/// One record of a file, without the end of its line.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// As it is written.
    pub text: String,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("line", &self.line).finish_non_exhaustive()
    }
}

/// Splits a file into records. Of a table, the first record is the header.
///
/// Records without any content are left out: spreadsheets end tables with them.
pub struct Splitter {
    form: Form,
    limits: Limits,
    separator: Option<u8>,
    mark: usize,
    record: Vec<u8>,
    quotes: Quotes,
    after_carriage_return: bool,
    line: u64,
    begins: u64,
    records: u64,
}

impl Splitter {
    /// A splitter at the beginning of a file.
    pub fn new(form: Form, limits: Limits) -> Self {
        Self {
            form,
            limits,
            separator: None,
            mark: 0,
            record: Vec::new(),
            quotes: Quotes::Start,
            after_carriage_return: false,
            line: 1,
            begins: 1,
            records: 0,
        }
    }

    /// Takes the next bytes, and adds the records that end in them.
    ///
    /// # Errors
    /// What is wrong with the file. The splitter is of no more use then.
    pub fn push(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> Result<(), FileError> {
        for &byte in bytes {
            if self.mark < BYTE_ORDER_MARK.len() {
                if byte == BYTE_ORDER_MARK[self.mark] {
                    self.mark += 1;
                    continue;
                }
                let seen = std::mem::replace(&mut self.mark, BYTE_ORDER_MARK.len());
                for &byte in &BYTE_ORDER_MARK[..seen] {
                    self.take(byte, records)?;
                }
            }
            self.take(byte, records)?;
        }
        Ok(())
    }

    /// Ends the file, and adds its last record if no line end did.
    ///
    /// # Errors
    /// What is wrong with the file: it ends inside quotes, or has no row.
    pub fn finish(mut self, records: &mut Vec<Record>) -> Result<(), FileError> {
        if (1..BYTE_ORDER_MARK.len()).contains(&self.mark) {
            return Err(FileError::NotUtf8 { line: 1 });
        }
        if self.form == Form::Csv && self.quotes == Quotes::Inside {
            return Err(FileError::OpenQuote { line: self.begins });
        }
        self.end(records)?;
        let headers = u64::from(self.form == Form::Csv);
        if self.records <= headers { Err(FileError::Empty) } else { Ok(()) }
    }

    fn take(&mut self, byte: u8, records: &mut Vec<Record>) -> Result<(), FileError> {
        let after_carriage_return = std::mem::take(&mut self.after_carriage_return);
        let is_end = matches!((self.form, byte), (_, b'\n') | (Form::Csv, b'\r'));
        if is_end {
            self.after_carriage_return = byte == b'\r';
            let same_line = byte == b'\n' && after_carriage_return;
            self.line += u64::from(!same_line);
            if self.quotes != Quotes::Inside {
                if same_line {
                    self.begins = self.line;
                    return Ok(());
                }
                return self.end(records);
            }
        } else if self.form == Form::Csv {
            self.quotes = self.quotes.after(byte, |byte| match self.separator {
                Some(separator) => byte == separator,
                None => SEPARATORS.contains(&byte),
            });
        }
        if self.record.len() == self.limits.record_bytes {
            let limit = self.limits.record_bytes;
            return Err(FileError::RecordTooLong { line: self.begins, limit });
        }
        self.record.push(byte);
        Ok(())
    }

    fn end(&mut self, records: &mut Vec<Record>) -> Result<(), FileError> {
        let bytes = std::mem::take(&mut self.record);
        let line = std::mem::replace(&mut self.begins, self.line);
        self.quotes = Quotes::Start;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or(FileError::NotUtf8 { line })?;
        let separator = self.separator.map(char::from);
        let is_blank = |c: char| c.is_whitespace() || Some(c) == separator;
        let blank = match self.form {
            Form::Csv => text.chars().all(is_blank),
            Form::Ndjson => text.trim().is_empty(),
        };
        if blank {
            return Ok(());
        }
        let headers = u64::from(self.form == Form::Csv);
        if self.records == self.limits.rows.saturating_add(headers) {
            return Err(FileError::TooManyRows { limit: self.limits.rows });
        }
        if self.form == Form::Csv && self.separator.is_none() {
            self.separator = Some(separator_of(&text));
        }
        self.records += 1;
        records.push(Record { line, text });
        Ok(())
    }
}

const SEPARATORS: [u8; 3] = *b",;\t";

/// The separator of a table: the one that its header has most of.
pub(super) fn separator_of(header: &str) -> u8 {
    let count = |separator: &u8| header.bytes().filter(|byte| byte == separator).count();
    // Of equals, `max_by_key` has the last one: the comma where the header has one cell only.
    SEPARATORS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

/// Where a byte of a table stands with respect to quotes, as RFC 4180 and the `csv` crate have it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// At the start of a cell.
    Start,
    /// In a cell without quotes.
    Plain,
    /// Inside quotes.
    Inside,
    /// After a quote that ends the cell, or is the first half of a doubled one.
    Closed,
    /// In a cell whose quotes do not enclose the whole of it.
    Wrong,
}

impl Quotes {
    pub(super) fn after(self, byte: u8, is_separator: impl Fn(u8) -> bool) -> Self {
        match (self, byte) {
            (Self::Inside, b'"') => Self::Closed,
            (Self::Inside, _) => Self::Inside,
            (Self::Start, b'"') | (Self::Closed, b'"') => Self::Inside,
            (_, byte) if is_separator(byte) => Self::Start,
            (Self::Start | Self::Plain, byte) if byte != b'"' => Self::Plain,
            _ => Self::Wrong,
        }
    }
}
