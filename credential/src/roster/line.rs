//! Records of NDJSON, and resources: the rows that one stands for.

use attestry_circuits::HolderCommitment;
use serde_json::Value;

use super::{Record, Row, RowError};
use crate::{
    error::{CredentialError, Rule},
    fhir::{self, Imported, Part},
    json::{self, Node, Object},
    schema::{
        Schema, Subject,
        values::{Text, read_holder},
    },
    vcdm::read_time,
};

/// The rows of one line: one, or several of a resource that stands for several credentials.
pub fn read_line(record: &Record) -> Vec<Result<Row, RowError>> {
    let rows = read(&record.text).unwrap_or_else(|error| vec![Err(error)]);
    rows.into_iter().map(|row| row.map_err(|error| RowError::of(record.line, error))).collect()
}

/// The row of an imported resource; None if it is not itself to become a credential.
pub fn read_resource(imported: Imported) -> Option<Result<Row, CredentialError>> {
    if imported.part != Part::Credential {
        return None;
    }
    let key = imported.key.map(|key| key.parse().map_err(|rule: Rule| rule.at("id"))).transpose();
    let row = imported.outcome.and_then(|subject| {
        Ok(Row {
            subject,
            holder: imported.holder,
            valid_from: None,
            valid_until: None,
            external_id: key?,
        })
    });
    Some(row)
}

fn read(text: &str) -> Result<Vec<Result<Row, CredentialError>>, CredentialError> {
    let value = json::parse(text.as_bytes())?;
    let line = Node::root(&value, "").object()?;
    if line.get("resourceType").is_some() {
        return resource_rows(&value, &Options::default());
    }
    line.only(&["schema", "subject", "resource", "options"])?;
    let options = match line.get("options") {
        Some(options) => Options::read(&options.object()?)?,
        None => Options::default(),
    };
    if let Some(resource) = line.get("resource") {
        if let Some(other) = line.get("subject").or(line.get("schema")) {
            return Err(other.refuse("has no place beside a resource"));
        }
        return resource_rows(resource.value, &options);
    }
    let schema: Schema = line.require("schema")?.parse()?;
    let subject = Subject::read(schema, &line.require("subject")?.object()?, &[]);
    let Options { holder, valid_from, valid_until, external_id } = options;
    Ok(vec![subject.map(|subject| Row { subject, holder, valid_from, valid_until, external_id })])
}

fn resource_rows(
    resource: &Value,
    options: &Options,
) -> Result<Vec<Result<Row, CredentialError>>, CredentialError> {
    let imported = fhir::import_value(resource)?;
    let rows: Vec<_> = imported.into_iter().filter_map(read_resource).collect();
    if rows.is_empty() {
        return Err(Rule::new("stands for no credential").at("resource"));
    }
    if rows.len() > 1 && options.external_id.is_some() {
        let rule = "names one credential, and the resource stands for several";
        return Err(Rule::new(rule).at("options.externalId"));
    }
    Ok(rows.into_iter().map(|row| options.add_to(row?)).collect())
}

/// What a line says of its credentials beside their claims.
#[derive(Default)]
struct Options {
    holder: Option<HolderCommitment>,
    valid_from: Option<u64>,
    valid_until: Option<u64>,
    external_id: Option<Text>,
}

impl Options {
    fn read(options: &Object<'_>) -> Result<Self, CredentialError> {
        options.only(&["holder", "validFrom", "validUntil", "externalId"])?;
        let holder = |node: Node<'_>| read_holder(node.text()?).map_err(|rule| rule.at(&node.path));
        Ok(Self {
            holder: options.get("holder").map(holder).transpose()?,
            valid_from: options.get("validFrom").map(|node| read_time(&node)).transpose()?,
            valid_until: options.get("validUntil").map(|node| read_time(&node)).transpose()?,
            external_id: options.optional("externalId")?,
        })
    }

    fn add_to(&self, row: Row) -> Result<Row, CredentialError> {
        if row.holder.is_some() && self.holder.is_some() && row.holder != self.holder {
            let rule = "is another holder than the one that the resource states";
            return Err(Rule::new(rule).at("options.holder"));
        }
        Ok(Row {
            holder: row.holder.or(self.holder),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            external_id: self.external_id.clone().or(row.external_id),
            subject: row.subject,
        })
    }
}
