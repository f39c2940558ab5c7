//! Rosters as offices write them, and as nobody should.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::Schema;

const HOLDER: &str = "0x0000000000000000000000000000000000000000000000000000000000000007";
const HEADER: &str = "kind,npi,name,licence_number,jurisdiction,authority,licence_type,status,\
                      standing,issued_on,expires_on,holder,external_id,valid_from,valid_until";

fn licence(npi: &str, name: &str) -> String {
    format!(
        "licence,{npi},{name},A 123456,CA,single-state,MD,active,unencumbered,2015-07-01,\
         2029-06-30,{HOLDER},row-1,2026-01-01,2026-12-31T12:00:00Z"
    )
}

fn records_of(form: Form, limits: Limits, bytes: &[u8]) -> Result<Vec<Record>, FileError> {
    let mut records = Vec::new();
    let mut splitter = Splitter::new(form, limits);
    splitter.push(bytes, &mut records)?;
    splitter.finish(&mut records)?;
    Ok(records)
}

fn split(bytes: &[u8]) -> Result<Vec<Record>, FileError> {
    records_of(Form::Csv, Limits::of(Form::Csv), bytes)
}

fn rows(schema: Schema, text: &str) -> Vec<Result<Row, RowError>> {
    let records = split(text.as_bytes()).unwrap();
    let table = Table::read(&records[0].text, schema).unwrap();
    records[1..].iter().map(|record| table.row(record)).collect()
}

fn only(text: &str) -> Row {
    let mut rows = rows(Schema::ProviderCredential, text);
    assert_eq!(rows.len(), 1);
    rows.remove(0).unwrap()
}

fn refusal(text: &str) -> String {
    let mut rows = rows(Schema::ProviderCredential, text);
    rows.remove(0).unwrap_err().to_string()
}

fn lines(text: &str) -> Vec<Result<Row, RowError>> {
    let limits = Limits::of(Form::Ndjson);
    let records = records_of(Form::Ndjson, limits, text.as_bytes()).unwrap();
    records.iter().flat_map(read_line).collect()
}

#[test]
fn a_row_states_what_its_columns_say() {
    let row = only(&format!("{HEADER}\n{}\n", licence("1234567893", "Alma Reyes")));
    assert_eq!(
        serde_json::to_value(&row.subject).unwrap(),
        json!({
            "kind": "licence", "npi": "1234567893", "name": "Alma Reyes",
            "licenceNumber": "A 123456", "jurisdiction": "CA", "authority": "single-state",
            "licenceType": "MD", "status": "active", "standing": ["unencumbered"],
            "issuedOn": "2015-07-01", "expiresOn": "2029-06-30"
        })
    );
    assert_eq!(row.holder, HOLDER.parse().ok());
    assert_eq!(row.external_id.unwrap().as_str(), "row-1");
    assert_eq!(row.valid_from, Some(1_767_225_600));
    assert_eq!(row.valid_until, Some(1_798_718_400));
}

#[test]
fn a_grant_has_lists_in_cells() {
    let text = "scope;default_decision;performer;study;form_version;actions;data;recipients\r\n\
                research;deny;self;NCT09000016;2.1;\"collect; use\";observations;\
                \"Organization/sponsor;Organization/cro\"\r\n";
    let row = rows(Schema::ConsentGrant, text).remove(0).unwrap();
    assert_eq!(
        serde_json::to_value(&row.subject).unwrap(),
        json!({
            "scope": "research", "defaultDecision": "deny", "performer": "self",
            "study": "NCT09000016", "formVersion": "2.1", "actions": ["collect", "use"],
            "data": ["observations"],
            "recipients": ["Organization/sponsor", "Organization/cro"], "sequence": 0
        })
    );
    assert_eq!((row.holder, row.external_id, row.valid_until), (None, None, None));
}

#[test]
fn the_columns_of_a_schema_are_the_members_of_its_subject() {
    let columns = columns(Schema::ConsentGrant);
    assert_eq!(columns[..4], ["scope", "default_decision", "study", "protocol_version"]);
    assert_eq!(columns[25..], ["holder", "external_id", "valid_from", "valid_until"]);
}

#[test]
fn what_spreadsheets_write_is_read() {
    let row = licence("1234567893", "\"Reyes, \"\"Alma\"\"\"");
    let plain = only(&format!("{HEADER}\n{row}"));
    let marked = format!("\u{feff}{HEADER}\r\n{row}\r\n,,,,,,,,,,,,,,\r\n\r\n");
    assert_eq!(only(&marked), plain);
    assert_eq!(only(&format!("{HEADER}\r{row}\r")), plain);
    let tabs = format!("{HEADER}\n{}", licence("1234567893", "Alma Reyes")).replace(',', "\t");
    assert_eq!(only(&tabs), only(&format!("{HEADER}\n{}", licence("1234567893", "Alma Reyes"))));
    let titled = HEADER.replace("licence_number", "\" Licence Number\"").to_uppercase();
    assert_eq!(only(&format!("{titled}\n{row}")), plain);
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let broken = licence("1", "Alma");
    let text =
        format!("{HEADER}\r\n\r\n{}\r\n{broken}\n", licence("1234567893", "\"Alma\r\nReyes\""));
    let rows = rows(Schema::ProviderCredential, &text);
    assert_eq!(
        rows[0].as_ref().unwrap_err().to_string(),
        "line 3: name is not a text of 1 to 256 bytes without control characters"
    );
    assert_eq!(
        rows[1].as_ref().unwrap_err().to_string(),
        "line 5: npi is not an NPI: not ten digits"
    );
}

#[test]
fn an_error_names_line_column_and_rule_and_never_the_value() {
    let good = licence("1234567893", "Alma Reyes");
    let cases = [
        ("2029-06-30", "6/30/2029", "expires_on is not a calendar day in the form YYYY-MM-DD"),
        ("2029-06-30", "00000000", "expires_on is not a calendar day in the form YYYY-MM-DD"),
        ("2029-06-30", "2014-06-30", "expires_on is before issued_on"),
        ("1234567893", "0000000000", "npi is not an NPI: the first digit is neither 1 nor 2"),
        ("1234567893", "1.23E+09", "npi is not an NPI: not ten digits"),
        ("1234567893", "", "npi is required"),
        ("A 123456", "", "licence_number is required of a licence"),
        (
            "unencumbered",
            "fine;secret",
            "standing is not a word of the vocabulary standing (version 1)",
        ),
        ("unencumbered", "fine;", ""),
        (
            HOLDER,
            "0x07",
            "holder is not a holder commitment: 0x and 64 lower-case hexadecimal digits",
        ),
        ("row-1", "=HYPERLINK(1)", "external_id begins as a formula of a spreadsheet does"),
        ("Alma Reyes", "+1 555 0100", "name begins as a formula of a spreadsheet does"),
        (
            "Alma Reyes",
            "Alma \"secret\" Reyes",
            "name has a quote that does not enclose the whole cell",
        ),
        ("Alma Reyes", "\"Alma\" Reyes", "name has a quote that does not enclose the whole cell"),
        ("Alma Reyes", "Alma,Reyes", "row has another number of cells than the header"),
        (
            "2026-01-01",
            "today",
            "valid_from is neither a day YYYY-MM-DD nor a time YYYY-MM-DDThh:mm:ssZ",
        ),
    ];
    for (value, by, expected) in cases {
        let text = format!("{HEADER}\n{}\n", good.replace(value, by));
        if expected.is_empty() {
            only(&text);
        } else {
            assert_eq!(refusal(&text), format!("line 2: {expected}"));
        }
    }
    let long = licence("1234567893", &"x".repeat(4097));
    assert_eq!(refusal(&format!("{HEADER}\n{long}")), "line 2: name is longer than 4096 bytes");
}

#[test]
fn a_header_that_is_not_of_the_schema_refuses_the_file_without_repeating_it() {
    let read = |header: &str| Table::read(header, Schema::ProviderCredential).map(|_| ());
    // The file of excluded persons, sent by mistake.
    let leie = "LASTNAME,FIRSTNAME,MIDNAME,BUSNAME,GENERAL,SPECIALTY,UPIN,NPI,DOB,ADDRESS,CITY,\
                STATE,ZIP,EXCLTYPE,EXCLDATE,REINDATE,WAIVERDATE,WVRSTATE";
    assert_eq!(read(leie), Err(FileError::UnknownColumn { number: 1 }));
    assert_eq!(read(&licence("1234567893", "Alma")), Err(FileError::NoHeader));
    assert_eq!(
        read("kind,npi,name,NPI"),
        Err(FileError::RepeatedColumn { number: 4, column: "npi" })
    );
    assert_eq!(read("kind,name"), Err(FileError::MissingColumn { column: "npi" }));
    assert_eq!(read("kind,npi,name,purposes"), Err(FileError::UnknownColumn { number: 4 }));
    assert!(read("name;npi;kind").is_ok());
}

#[test]
fn files_that_are_no_text_or_have_no_end_are_refused_with_their_line() {
    let latin = [HEADER.as_bytes(), b"\nlicence,1234567893,Jos\xe9"].concat();
    assert_eq!(split(&latin), Err(FileError::NotUtf8 { line: 2 }));
    let wide: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(split(&[&[0xff, 0xfe][..], &wide].concat()), Err(FileError::NotUtf8 { line: 1 }));
    assert_eq!(split(&wide), Err(FileError::NotUtf8 { line: 1 }));
    assert_eq!(split(&[0xef, 0xbb]), Err(FileError::NotUtf8 { line: 1 }));
    let open = format!("{HEADER}\nlicence,\"1234567893\n{}\n", licence("1234567893", "Alma"));
    assert_eq!(split(open.as_bytes()), Err(FileError::OpenQuote { line: 2 }));
    for empty in ["", "\r\n\r\n", "\u{feff}", HEADER, &format!("{HEADER}\n,,,\n")] {
        assert_eq!(split(empty.as_bytes()), Err(FileError::Empty), "{empty}");
    }
}

#[test]
fn records_and_files_have_their_limits() {
    let limits = Limits { record_bytes: 10, rows: 2 };
    let of = |text: &str| records_of(Form::Csv, limits, text.as_bytes());
    assert_eq!(of("a,b\n1,2\n3,4\n").unwrap().len(), 3);
    assert_eq!(of("a,b\n1,2\n3,4\n5,6"), Err(FileError::TooManyRows { limit: 2 }));
    assert_eq!(of("a,b\n1,234567890"), Err(FileError::RecordTooLong { line: 2, limit: 10 }));
    assert_eq!(of("a,b\n\"1\n2\n3\n4\n5\n"), Err(FileError::RecordTooLong { line: 2, limit: 10 }));
}

fn subject() -> Value {
    json!({"kind": "exclusion-clear", "npi": "1234567893", "name": "Alma Reyes",
        "exclusionCheckedOn": "2026-11-01"})
}

#[test]
fn a_line_is_a_subject_or_a_resource() {
    let options = json!({"holder": HOLDER, "externalId": "row-1",
        "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2026-12-31T12:00:00Z"});
    let line = json!({"schema": "ProviderCredential/1", "subject": subject(), "options": options});
    let practitioner: Value =
        serde_json::from_str(include_str!("../../../../examples/practitioner.json")).unwrap();
    let consent: Value =
        serde_json::from_str(include_str!("../../../../examples/consent.json")).unwrap();
    let wrapped = json!({"resource": consent, "options": options});
    let rows = lines(&format!("{line}\n\n{practitioner}\r\n{wrapped}"));
    let rows: Vec<Row> = rows.into_iter().map(Result::unwrap).collect();
    let schemas: Vec<Schema> = rows.iter().map(|row| row.subject.schema()).collect();
    assert_eq!(
        schemas,
        [Schema::ProviderCredential, Schema::ProviderCredential, Schema::ConsentGrant]
    );
    for row in [&rows[0], &rows[2]] {
        assert_eq!(row.holder, HOLDER.parse().ok());
        assert_eq!(row.valid_from, Some(1_767_225_600));
        assert_eq!(row.valid_until, Some(1_798_718_400));
        assert_eq!(row.external_id.as_ref().unwrap().as_str(), "row-1");
    }
    assert_eq!((rows[1].holder, rows[1].external_id.as_ref()), (None, None));
}

#[test]
fn a_wrong_line_names_its_element_and_rule() {
    let named = json!({"resourceType": "Consent"});
    let cases = [
        (json!({"subject": {}}), "schema is required"),
        (
            json!({"schema": "Licence/1"}),
            "schema is not a schema: ProviderCredential/1 or ConsentGrant/1",
        ),
        (json!({"schema": "ConsentGrant/1", "subject": {}}), "subject.scope is required"),
        (
            json!({"schema": "ConsentGrant/1", "subject": {"secret": 1}}),
            "subject has a member that is not defined",
        ),
        (json!({"secret": 1}), "row has a member that is not defined"),
        (
            json!({"resource": named, "schema": "ConsentGrant/1"}),
            "schema has no place beside a resource",
        ),
        (json!({"resource": named, "options": {"holder": 7}}), "options.holder is not a string"),
        (json!({"resource": named}), "Consent.status is required"),
        (named, "Consent.status is required"),
        (json!({"resourceType": "Patient"}), "resource stands for no credential"),
        (json!([]), "row is not an object"),
    ];
    for (line, expected) in cases {
        let error = lines(&line.to_string()).remove(0).unwrap_err();
        assert_eq!(error.to_string(), format!("line 1: {expected}"));
    }
    assert_eq!(lines("{").remove(0).unwrap_err().to_string(), "line 1: row is not one JSON text");
    let deep = "[".repeat(100_000);
    assert_eq!(lines(&deep).remove(0).unwrap_err().to_string(), "line 1: row is not one JSON text");
}

#[test]
fn a_line_does_not_contradict_its_resource() {
    let consent: Value =
        serde_json::from_str(include_str!("../../../../examples/consent.json")).unwrap();
    let mut consent = consent;
    consent["extension"].as_array_mut().unwrap().push(json!({
        "url": "https://attestry.example/fhir/StructureDefinition/holder-commitment",
        "valueString": HOLDER
    }));
    let with =
        |holder: &str| json!({"resource": consent, "options": {"holder": holder}}).to_string();
    assert!(lines(&with(HOLDER))[0].is_ok());
    let other = HOLDER.replace('7', "8");
    assert_eq!(
        lines(&with(&other)).remove(0).unwrap_err().to_string(),
        "line 1: options.holder is another holder than the one that the resource states"
    );
}

#[test]
fn what_is_printed_of_a_roster_shows_no_person() {
    let row = only(&format!("{HEADER}\n{}", licence("1234567893", "Alma Reyes")));
    let record = Record { line: 1, text: licence("1234567893", "Alma Reyes") };
    for printed in [format!("{row:?}"), format!("{record:?}")] {
        for secret in ["Alma", "1234567893", "123456", "row-1"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

/// Text of what makes tables hard to read.
fn tabular() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(",".to_owned()),
        2 => Just("\"".to_owned()),
        1 => Just("\"\"".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\r".to_owned()),
        4 => "[a-z ;é]{1,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| format!("a,b\n{}", pieces.concat()))
}

proptest! {
    #[test]
    fn records_are_those_of_the_csv_crate(text in tabular(), cut in 0usize..64) {
        let mut records = Vec::new();
        let mut splitter = Splitter::new(Form::Csv, Limits::of(Form::Csv));
        let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
        splitter.push(first, &mut records).unwrap();
        splitter.push(second, &mut records).unwrap();
        if splitter.finish(&mut records).is_ok() {
            let reader = |text: &str| {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false).flexible(true).from_reader(text.as_bytes());
                reader.records().map(Result::unwrap).collect::<Vec<_>>()
            };
            let ours: Vec<_> = records.iter().flat_map(|record| reader(&record.text)).collect();
            let is_blank = |record: &csv::StringRecord| {
                record.iter().all(|cell| cell.trim().is_empty())
            };
            let whole = reader(&text);
            let theirs: Vec<_> = whole.into_iter().filter(|record| !is_blank(record)).collect();
            let ours: Vec<_> = ours.into_iter().filter(|record| !is_blank(record)).collect();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(
        bytes in any::<Vec<u8>>(),
        form in prop_oneof![Just(Form::Csv), Just(Form::Ndjson)],
    ) {
        for bytes in [bytes.clone(), [HEADER.as_bytes(), b"\n", &bytes].concat()] {
            let Ok(records) = records_of(form, Limits::of(form), &bytes) else { continue };
            let table = Table::read(&records[0].text, Schema::ProviderCredential);
            for record in &records {
                read_line(record);
                if let Ok(table) = &table {
                    let _ = table.row(record);
                }
            }
        }
    }
}
