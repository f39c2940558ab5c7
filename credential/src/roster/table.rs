//! Records of a table: its header, and the row that a record is.

use serde_json::{Map, Value};

use super::{
    FileError, ROW, Record, Row, RowError,
    split::{Quotes, separator_of},
};
use crate::{
    error::{CredentialError, Rule},
    json::Node,
    schema::{
        Schema, Subject,
        values::{Day, read_holder},
    },
    vcdm::read_time,
};

const CELL_BYTES: usize = 4096;
const LIST_SEPARATOR: char = ';';
const DAY_S: u64 = 86_400;

/// The columns of the roster's own.
const OWN: [&str; 4] = ["holder", "external_id", "valid_from", "valid_until"];

/// Members whose value is a list.
const LISTS: [&str; 9] = [
    "standing",
    "dea_schedules",
    "purposes",
    "duo_modifiers",
    "data",
    "actions",
    "sensitive_allowed",
    "recipients",
    "withdrawal_terms",
];

/// Members whose value is a number, and where an empty cell is 0.
const NUMBERS: [&str; 1] = ["sequence"];

/// Claims that have another name than the column that states them.
const COLUMNS_OF_CLAIMS: [(&str, &str); 9] = [
    ("compact_id", "compact"),
    ("standing_mask", "standing"),
    ("taxonomy_prefix", "taxonomy"),
    ("taxonomy_suffix", "taxonomy"),
    ("dea_mask", "dea_schedules"),
    ("psv_method", "psv_process"),
    ("purpose_mask", "purposes"),
    ("data_mask", "data"),
    ("action_mask", "actions"),
];

/// With what a spreadsheet begins a formula.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// The columns that a roster of a schema may have: the schema's, then the roster's own.
pub fn columns(schema: Schema) -> Vec<&'static str> {
    schema.members().iter().map(|(column, _)| *column).chain(OWN).collect()
}

fn required(schema: Schema) -> &'static [&'static str] {
    match schema {
        Schema::ProviderCredential => &["kind", "npi", "name"],
        Schema::ConsentGrant => &["scope", "default_decision", "performer"],
    }
}

/// A table whose header has been read.
#[derive(Clone, Debug)]
pub struct Table {
    schema: Schema,
    separator: u8,
    columns: Vec<&'static str>,
}

impl Table {
    /// Reads the header. Upper case, spaces and hyphens are taken for what they stand for.
    ///
    /// # Errors
    /// If a cell is no column of the schema, a column is repeated, or one is missing that every
    /// row needs.
    pub fn read(header: &str, schema: Schema) -> Result<Self, FileError> {
        let separator = separator_of(header);
        let cells = cells(header, separator).ok_or(FileError::NoHeader)?;
        let known = columns(schema);
        let column_of = |cell: &String| {
            let name = cell.trim().to_ascii_lowercase().replace([' ', '-'], "_");
            known.iter().copied().find(|column| *column == name)
        };
        let found: Vec<Option<&str>> = cells.iter().map(column_of).collect();
        if found.iter().all(Option::is_none) {
            return Err(FileError::NoHeader);
        }
        let mut columns = Vec::new();
        for (number, column) in (1..).zip(found) {
            let column = column.ok_or(FileError::UnknownColumn { number })?;
            if columns.contains(&column) {
                return Err(FileError::RepeatedColumn { number, column });
            }
            columns.push(column);
        }
        let mut required = required(schema).iter();
        if let Some(column) = required.find(|column| !columns.contains(column)) {
            return Err(FileError::MissingColumn { column });
        }
        Ok(Self { schema, separator, columns })
    }

    /// The row that a record is.
    ///
    /// # Errors
    /// The first column that breaks a rule.
    pub fn row(&self, record: &Record) -> Result<Row, RowError> {
        self.read_row(&record.text).map_err(|error| RowError::of(record.line, error))
    }

    fn read_row(&self, text: &str) -> Result<Row, CredentialError> {
        self.check_quotes(text)?;
        let cells = cells(text, self.separator)
            .filter(|cells| cells.len() == self.columns.len())
            .ok_or_else(|| refuse(ROW, "has another number of cells than the header"))?;
        let mut subject = Map::new();
        let mut own = [const { None }; OWN.len()];
        for (column, cell) in self.columns.iter().zip(&cells) {
            let Some(value) = value_of(column, cell)? else { continue };
            match OWN.iter().position(|name| name == column) {
                Some(position) => own[position] = Some(value),
                None => {
                    let member = self.schema.members().iter().find(|(name, _)| name == column);
                    subject
                        .extend(member.map(|(_, member)| {
                            ((*member).to_owned(), member_value(column, value))
                        }));
                }
            }
        }
        for (column, member) in self.schema.members() {
            if NUMBERS.contains(column) {
                subject.entry(*member).or_insert(Value::from(0));
            }
        }
        let [holder, external_id, valid_from, valid_until] = own;
        let subject = Subject::from_json(self.schema, &Value::Object(subject))
            .map_err(|error| at_column(self.schema, error))?;
        Ok(Row {
            subject,
            holder: holder
                .map(|cell| read_holder(cell).map_err(|rule| rule.at(OWN[0])))
                .transpose()?,
            external_id: external_id
                .map(|cell| cell.parse().map_err(|rule: Rule| rule.at(OWN[1])))
                .transpose()?,
            valid_from: valid_from.map(|cell| time(cell, OWN[2], 0)).transpose()?,
            valid_until: valid_until.map(|cell| time(cell, OWN[3], DAY_S - 1)).transpose()?,
        })
    }

    fn check_quotes(&self, text: &str) -> Result<(), CredentialError> {
        let mut quotes = Quotes::Start;
        let mut cell = 0;
        for byte in text.bytes() {
            quotes = quotes.after(byte, |byte| byte == self.separator);
            cell += usize::from(quotes == Quotes::Start);
            if quotes == Quotes::Wrong {
                let column = self.columns.get(cell).copied().unwrap_or(ROW);
                return Err(refuse(column, "has a quote that does not enclose the whole cell"));
            }
        }
        Ok(())
    }
}

fn refuse(column: &str, rule: &'static str) -> CredentialError {
    Rule::new(rule).at(column)
}

/// The cells of one record.
fn cells(text: &str, separator: u8) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .buffer_capacity(text.len().max(1))
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let record = records.next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

/// What a cell says; None if it is empty.
fn value_of<'a>(column: &str, cell: &'a str) -> Result<Option<&'a str>, CredentialError> {
    if cell.len() > CELL_BYTES {
        return Err(refuse(column, "is longer than 4096 bytes"));
    }
    let value = cell.trim();
    if value.starts_with(FORMULA) || (!value.is_empty() && cell.starts_with(FORMULA)) {
        return Err(refuse(column, "begins as a formula of a spreadsheet does"));
    }
    Ok(Some(value).filter(|value| !value.is_empty()))
}

fn member_value(column: &str, value: &str) -> Value {
    if LISTS.contains(&column) {
        let items = value.split(LIST_SEPARATOR).map(str::trim);
        items.filter(|item| !item.is_empty()).map(Value::from).collect()
    } else if NUMBERS.contains(&column) {
        // What is no number stays a text, which the schema refuses.
        value.parse::<u32>().map_or_else(|_| Value::from(value), Value::from)
    } else {
        Value::from(value)
    }
}

/// An error of the schema, at the column that states what it is about.
fn at_column(schema: Schema, error: CredentialError) -> CredentialError {
    let CredentialError::Invalid { path, rule } = error else { return error };
    let name = path.split('[').next().unwrap_or_default();
    let member = schema.members().iter().find(|(_, member)| *member == name);
    let claim = COLUMNS_OF_CLAIMS.iter().find(|(claim, _)| *claim == name);
    rule.at(member.map(|(column, _)| *column).or(claim.map(|(_, column)| *column)).unwrap_or(name))
}

/// Unix seconds of a day, plus an offset, or of a time.
fn time(cell: &str, column: &str, offset: u64) -> Result<u64, CredentialError> {
    if let Ok(day) = cell.parse::<Day>() {
        return Ok(day.start() + offset);
    }
    read_time(&Node::root(&Value::from(cell), column))
        .map_err(|_| refuse(column, "is neither a day YYYY-MM-DD nor a time YYYY-MM-DDThh:mm:ssZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_has_a_column_in_which_it_is_stated() {
        for schema in Schema::ALL {
            for claim in schema.claims() {
                let error = at_column(schema, refuse(claim.name, "breaks a rule"));
                let CredentialError::Invalid { path, .. } = error else { unreachable!() };
                assert!(columns(schema).contains(&path.as_str()), "{}", claim.name);
            }
        }
    }

    #[test]
    fn every_list_and_number_and_required_column_is_one_of_a_schema() {
        let all: Vec<&str> = Schema::ALL.into_iter().flat_map(columns).collect();
        assert!(LISTS.iter().chain(&NUMBERS).all(|column| all.contains(column)));
        for schema in Schema::ALL {
            assert!(required(schema).iter().all(|column| columns(schema).contains(column)));
        }
    }
}
