//! An entry as a line of a table.

use csv::{QuoteStyle, ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use crate::audit::Entry;
use crate::audit::entry::read_hash;
use crate::time::{read_time, write_time};

/// The first line: what the columns are.
pub(super) const HEADER: &str = r#""sequence","at","actor","action","object","requestId","details","tenant","format","previous","hash""#;
const COLUMNS: usize = 11;

/// The line, without its end.
pub(super) fn write(entry: &Entry) -> String {
    let cells: [String; COLUMNS] = [
        entry.sequence.to_string(),
        write_time(entry.at),
        quote(&entry.actor),
        quote(&entry.action),
        quote(entry.object.as_deref().unwrap_or_default()),
        quote(entry.request_id.as_deref().unwrap_or_default()),
        entry.details_json(),
        entry.tenant.to_string(),
        Entry::FORMAT.to_string(),
        hex::encode(entry.previous),
        hex::encode(entry.hash),
    ];
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    // Writing to memory does not fail, and what is written is text.
    let line = writer.write_record(&cells).ok().and_then(|()| writer.into_inner().ok());
    let mut line = line.and_then(|line| String::from_utf8(line).ok()).unwrap_or_default();
    line.truncate(line.trim_end_matches('\n').len());
    line
}

/// The entry of a line, perhaps of one that was written otherwise.
pub(super) fn read(line: &str) -> Option<Entry> {
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let mut record = StringRecord::new();
    if !reader.read_record(&mut record).ok()? || record.len() != COLUMNS {
        return None;
    }
    let optional = |text: &str| (!text.is_empty()).then(|| unquote(text));
    Some(Entry {
        sequence: record[0].parse().ok()?,
        at: read_time(&record[1])?,
        actor: unquote(&record[2]),
        action: unquote(&record[3]),
        object: optional(&record[4]),
        request_id: optional(&record[5]),
        details: serde_json::from_str(&record[6]).ok()?,
        tenant: record[7].parse().ok()?,
        previous: read_hash(&record[9])?,
        hash: read_hash(&record[10])?,
    })
}

/// A cell that no spreadsheet takes for a formula.
fn quote(text: &str) -> String {
    let quote = if text.starts_with(['=', '+', '-', '@', '\'']) { "'" } else { "" };
    format!("{quote}{text}")
}

fn unquote(cell: &str) -> String {
    cell.strip_prefix('\'').unwrap_or(cell).to_owned()
}
