//! Records into rows, and what names a row.

use std::collections::BTreeSet;

use attestry_circuits::HolderCommitment;
use attestry_credential::fhir::{self, Part};
use attestry_credential::roster::{self, Record, RowError, Table};
use attestry_credential::schema::Subject;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::FileForm;
use crate::IssuerError;
use crate::request::Validity;

const CONTENT_DOMAIN: &str = "attestry/import-content/v1";
const KEY_DOMAIN: &str = "attestry/import-row/v1";

/// A row, ready to become a credential.
pub(crate) struct Row {
    /// Line on which its record begins; in a Bundle, the number of the entry.
    pub(crate) line: u64,
    pub(crate) subject: Subject,
    pub(crate) holder: Option<HolderCommitment>,
    pub(crate) validity: Validity,
    /// What names it in every roster of the tenant.
    pub(crate) key: [u8; 32],
    /// What it states.
    pub(crate) content: [u8; 32],
}

/// The row of an import that a credential is issued for, noted in the same step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) import: super::ImportId,
    pub(crate) worker: &'a str,
    pub(crate) number: u64,
    pub(crate) item: u64,
    pub(crate) line: u64,
    pub(crate) key: [u8; 32],
    pub(crate) content: [u8; 32],
    /// What the row had become before, as it was read.
    pub(crate) before: Option<crate::CredentialId>,
}

impl Row {
    fn of(line: u64, row: roster::Row) -> Self {
        let roster::Row { subject, holder, valid_from, valid_until, external_id } = row;
        let schema = subject.schema().versioned_name();
        let holder_text = holder.map(|holder| holder.to_string());
        let stated = (&schema, &subject, holder_text, valid_from, valid_until);
        let stated = serde_json::to_vec(&stated).unwrap_or_default();
        let content: [u8; 32] =
            Sha256::new().chain_update(CONTENT_DOMAIN).chain_update(stated).finalize().into();
        let name = match &external_id {
            Some(id) => serde_json::to_vec(&(&schema, id.as_str())).unwrap_or_default(),
            None => content.to_vec(),
        };
        let key = Sha256::new().chain_update(KEY_DOMAIN).chain_update(name).finalize().into();
        let validity = Validity { from: valid_from, until: valid_until };
        Self { line, subject, holder, validity, key, content }
    }
}

/// The rows of a record. Of a Bundle's resources, only what is to become a credential is one.
pub(crate) fn read(
    form: FileForm,
    table: Option<&Table>,
    record: &Record,
) -> Vec<Result<Row, RowError>> {
    let rows = match (form, table) {
        (FileForm::Fhir, _) => return read_resources(&record.text),
        (FileForm::Csv, Some(table)) => vec![table.row(record)],
        (FileForm::Csv | FileForm::Ndjson, _) => roster::read_line(record),
    };
    rows.into_iter().map(|row| row.map(|row| Row::of(record.line, row))).collect()
}

fn read_resources(text: &str) -> Vec<Result<Row, RowError>> {
    let imported = match fhir::import(text.as_bytes()) {
        Ok(imported) => imported,
        Err(error) => return vec![Err(RowError::of(1, error))],
    };
    let rows = imported.into_iter().filter_map(|imported| {
        let line = imported.place as u64 + 1;
        let row = roster::read_resource(imported)?;
        Some(row.map(|row| Row::of(line, row)).map_err(|error| RowError::of(line, error)))
    });
    rows.collect()
}

/// Checks that a text is a resource or Bundle from which something may become a credential.
pub(super) fn check_resource(text: &str) -> Result<(), IssuerError> {
    let imported = fhir::import(text.as_bytes())?;
    if imported.iter().any(|imported| imported.part == Part::Credential) {
        Ok(())
    } else {
        Err(IssuerError::request("resource", "stands for no credential"))
    }
}

/// What is kept of a record when rows at these lines failed: of a Bundle, their resources and
/// what others refer to.
pub(super) fn failed_part(form: FileForm, text: &str, failed: &BTreeSet<u64>) -> String {
    if form != FileForm::Fhir {
        return text.to_owned();
    }
    let parsed = serde_json::from_str::<Value>(text);
    let (Ok(mut bundle), Ok(imported)) = (parsed, fhir::import(text.as_bytes())) else {
        return text.to_owned();
    };
    let done: BTreeSet<u64> = imported
        .iter()
        .filter(|imported| imported.part == Part::Credential)
        .map(|imported| imported.place as u64 + 1)
        .filter(|line| !failed.contains(line))
        .collect();
    if let Some(entries) = bundle.get_mut("entry").and_then(Value::as_array_mut) {
        let mut line = 0;
        entries.retain(|entry| {
            let is_resource = entry.get("resource").is_some_and(|resource| !resource.is_null());
            line += u64::from(is_resource);
            !is_resource || !done.contains(&line)
        });
    }
    bundle.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(external_id: Option<&str>, npi: &str) -> Row {
        let options = external_id.map(|id| json!({"externalId": id})).unwrap_or(json!({}));
        let line = json!({"schema": "ProviderCredential/1", "options": options, "subject": {
            "kind": "exclusion-clear", "npi": npi, "name": "Alma Reyes",
            "exclusionCheckedOn": "2026-11-01"
        }});
        let record = Record { line: 1, text: line.to_string() };
        read(FileForm::Ndjson, None, &record).remove(0).unwrap()
    }

    #[test]
    fn an_external_id_names_a_row_whatever_it_states_and_content_names_one_without() {
        let [one, other] = ["1234567893", "1003310905"];
        assert_eq!(row(Some("a"), one).key, row(Some("a"), other).key);
        assert_ne!(row(Some("a"), one).key, row(Some("b"), one).key);
        assert_ne!(row(Some("a"), one).content, row(Some("a"), other).content);
        assert_eq!(row(Some("a"), one).content, row(None, one).content);
        assert_ne!(row(None, one).key, row(None, other).key);
        assert_ne!(row(None, one).key, row(Some("a"), one).key);
    }

    #[test]
    fn of_a_bundle_only_failed_resources_and_evidence_are_kept() {
        let mut practitioner: Value =
            serde_json::from_str(include_str!("../../../examples/practitioner.json")).unwrap();
        practitioner["id"] = json!("good");
        let bad = json!({"resourceType": "Practitioner", "id": "bad"});
        let patient = json!({"resourceType": "Patient", "id": "patient"});
        let bundle = json!({"resourceType": "Bundle", "entry": [
            {"fullUrl": "urn:uuid:1"}, {"resource": practitioner}, {"resource": bad},
            {"resource": patient}
        ]});
        let kept = failed_part(FileForm::Fhir, &bundle.to_string(), &BTreeSet::from([2]));
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(
            kept["entry"],
            json!([{"fullUrl": "urn:uuid:1"}, {"resource": bad}, {"resource": patient}])
        );
    }
}
