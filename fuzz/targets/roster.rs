//! Rosters: however the bytes come, the records are the same, and a row can be attested and
//! written. The first byte says which form and schema, and where the bytes are cut.
#![no_main]

use attestry_credential::{
    roster::{Form, Limits, Record, Row, Splitter, Table, read_line},
    schema::{Schema, Subject},
};
use libfuzzer_sys::fuzz_target;

fn records(form: Form, parts: [&[u8]; 2]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    let mut splitter = Splitter::new(form, Limits { record_bytes: 4096, rows: 100 });
    for part in parts {
        splitter.push(part, &mut records).ok()?;
    }
    splitter.finish(&mut records).ok()?;
    Some(records)
}

fn check(row: Row) {
    let claims = row.subject.claims(&[7; 16]).unwrap();
    row.subject.schema().describe(&claims).unwrap();
    let written = serde_json::to_value(&row.subject).unwrap();
    assert_eq!(Subject::from_json(row.subject.schema(), &written).unwrap(), row.subject);
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let form = if choice & 1 == 0 { Form::Csv } else { Form::Ndjson };
    let schema = if choice & 2 == 0 { Schema::ProviderCredential } else { Schema::ConsentGrant };
    let cut = usize::from(choice >> 2) % (bytes.len() + 1);
    let (first, second) = bytes.split_at(cut);
    let whole = records(form, [bytes, &[]]);
    assert_eq!(records(form, [first, second]), whole);
    let Some(records) = whole else { return };
    let mut records = records.into_iter();
    match form {
        Form::Ndjson => {
            for row in records.flat_map(|record| read_line(&record)).flatten() {
                check(row);
            }
        }
        Form::Csv => {
            let Some(header) = records.next() else { return };
            let Ok(table) = Table::read(&header.text, schema) else { return };
            for row in records.filter_map(|record| table.row(&record).ok()) {
                check(row);
            }
        }
    }
});
