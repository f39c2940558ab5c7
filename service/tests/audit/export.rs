//! Exporting, and verifying what was exported.

use std::io::{BufReader, Read};

use attestry_service::TenantId;
use attestry_service::audit::{Fault, Format, Head, Known, VerifyError, verify};
use attestry_service::testing::TestDatabase;
use serde_json::Value;

use super::{append_awkward, export, head, open, tick};

#[tokio::test]
async fn every_format_verifies_as_exported() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        tick(&database, &other, 1).await;
        append_awkward(&database, &tenant).await;
        let head = head(&database, &tenant).await;
        for format in Format::ALL {
            let file = export(&database, &tenant, format, 0).await;
            let known = Known { tenant: Some(tenant.clone()), heads: vec![head] };
            let mut entries = 0;
            let verified = verify(file.as_bytes(), &known, |_| entries += 1).unwrap();
            assert_eq!((verified.format, verified.head, verified.heads), (format, head, 1));
            assert_eq!((verified.tenant, verified.entries), (Some(tenant.clone()), entries));
            let known = Known { tenant: Some(other.clone()), heads: vec![] };
            let error = verify(file.as_bytes(), &known, |_| {}).unwrap_err();
            assert!(matches!(
                error,
                VerifyError::Broken { sequence: 1, fault: Fault::ForeignTenant }
            ));
        }
    }
}

#[tokio::test]
async fn a_log_without_entries_exports_and_verifies_but_hides_no_loss() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let tenant = TenantId::default();
    for format in Format::ALL {
        let file = export(&database, &tenant, format, 0).await;
        let verified = verify(file.as_bytes(), &Known::default(), |_| {}).unwrap();
        assert_eq!((verified.head, verified.tenant), (Head::EMPTY, None));
        let known = Known { tenant: None, heads: vec![Head { sequence: 4, hash: [1; 32] }] };
        let error = verify(file.as_bytes(), &known, |_| {}).unwrap_err();
        assert!(matches!(error, VerifyError::Broken { sequence: 1, fault: Fault::Missing }));
    }
}

#[tokio::test]
async fn a_later_part_verifies_behind_a_known_head_only() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let tenant = TenantId::default();
    for at in 0..3 {
        tick(&database, &tenant, at).await;
    }
    let third = head(&database, &tenant).await;
    for at in 3..9 {
        tick(&database, &tenant, at).await;
    }
    let last = head(&database, &tenant).await;
    for format in Format::ALL {
        let file = export(&database, &tenant, format, 3).await;
        let check =
            |heads: Vec<Head>| verify(file.as_bytes(), &Known { tenant: None, heads }, |_| {});
        let verified = check(vec![last, third]).unwrap();
        assert_eq!((verified.entries, verified.head), (6, last));
        for (heads, sequence, fault) in [
            (vec![], 1, Fault::Missing),
            (vec![Head { sequence: 2, ..third }], 3, Fault::Missing),
            (vec![Head { hash: [1; 32], ..third }], 4, Fault::NotLinked),
            (vec![third, Head { hash: [1; 32], ..last }], 9, Fault::NotKnown),
            (vec![third, Head { sequence: 10, ..last }], 10, Fault::Missing),
        ] {
            let error = check(heads).unwrap_err();
            let VerifyError::Broken { sequence: at, fault: what } = error else {
                unreachable!("{error}")
            };
            assert_eq!((at, what), (sequence, fault), "{format}");
        }
    }
}

#[tokio::test]
async fn a_log_of_several_pieces_exports_whole() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let tenant = TenantId::default();
    for at in 0..1001 {
        tick(&database, &tenant, at).await;
    }
    let known = Known { tenant: None, heads: vec![head(&database, &tenant).await] };
    for format in Format::ALL {
        let file = export(&database, &tenant, format, 0).await;
        assert_eq!(verify(file.as_bytes(), &known, |_| {}).unwrap().entries, 1001);
    }
}

#[tokio::test]
async fn json_and_fhir_are_documents_and_csv_has_no_formulas() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let tenant = TenantId::default();
    append_awkward(&database, &tenant).await;
    let json: Value =
        serde_json::from_str(&export(&database, &tenant, Format::Json, 0).await).unwrap();
    assert_eq!(json["entries"].as_array().unwrap().len(), 10);
    assert_eq!(json["entries"][0]["actor"], "=cmd|' /C calc'!A0");
    let table = export(&database, &tenant, Format::Csv, 0).await;
    let mut table = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 10);
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
}

/// What R4 says of an `AuditEvent` in a Bundle: what is required, and its primitive types.
#[tokio::test]
async fn fhir_has_what_an_audit_event_must_have() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let tenant = TenantId::default();
    append_awkward(&database, &tenant).await;
    tick(&database, &tenant, 1).await;
    let bundle: Value =
        serde_json::from_str(&export(&database, &tenant, Format::Fhir, 0).await).unwrap();
    assert_eq!(bundle["resourceType"], "Bundle");
    assert_eq!(bundle["type"], "collection");
    for entry in bundle["entry"].as_array().unwrap() {
        let event = &entry["resource"];
        assert_eq!(event["resourceType"], "AuditEvent");
        let id = event["id"].as_str().unwrap();
        assert!(id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        // type, recorded, agent.requestor and source.observer are 1..1, agent is 1..*.
        assert_eq!(event["type"]["system"], "http://dicom.nema.org/resources/ontology/DCM");
        assert!(event["type"]["code"].is_string());
        let recorded = event["recorded"].as_str().unwrap();
        assert!(recorded.len() == 20 && recorded.ends_with('Z'), "{recorded}");
        let agents = event["agent"].as_array().unwrap();
        assert!(!agents.is_empty() && agents.iter().all(|agent| agent["requestor"] == true));
        assert!(event["source"]["observer"]["identifier"]["value"].is_string());
        for detail in event["entity"][0]["detail"].as_array().into_iter().flatten() {
            assert!(detail["type"].is_string() && detail["valueString"].is_string());
        }
        assert_nothing_empty(event);
    }
}

/// FHIR has no empty elements.
fn assert_nothing_empty(value: &Value) {
    match value {
        Value::Null => unreachable!("null in FHIR"),
        Value::String(text) => assert!(!text.is_empty()),
        Value::Array(items) => {
            assert!(!items.is_empty());
            items.iter().for_each(assert_nothing_empty);
        }
        Value::Object(members) => {
            assert!(!members.is_empty());
            members.values().for_each(assert_nothing_empty);
        }
        Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_line_without_end_is_refused_without_being_read_whole() {
    let endless = || BufReader::new(std::io::repeat(b'a'));
    let error = verify(endless(), &Known::default(), |_| {}).unwrap_err();
    assert!(matches!(error, VerifyError::NotAnExport));
    let opening = b"{\"format\":\"attestry-audit-1\",\"entries\":[\n".as_slice();
    let error = verify(opening.chain(endless()), &Known::default(), |_| {}).unwrap_err();
    assert!(matches!(error, VerifyError::Broken { sequence: 1, fault: Fault::Unreadable }));
}
