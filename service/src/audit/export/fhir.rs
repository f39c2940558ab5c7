//! An entry as an `AuditEvent` of FHIR R4, in a Bundle. What FHIR has no element for, and what
//! makes a chain of the entries, is in an extension.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::audit::Entry;
use crate::audit::entry::read_hash;
use crate::time::{read_time, write_time};

const CHAIN: &str = "https://attestry.example/fhir/StructureDefinition/audit-chain";
const ACTIONS: &str = "https://attestry.example/fhir/CodeSystem/audit-action";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// "Application Activity": the kind of all entries; their action is the subtype.
const APPLICATION_ACTIVITY: &str = "110100";
/// Nothing is recorded but what took place.
const SUCCESS: &str = "0";

#[derive(Serialize)]
struct BundleEntry<'a> {
    resource: AuditEvent<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditEvent<'a> {
    resource_type: &'static str,
    id: String,
    extension: [Chain<'a>; 1],
    r#type: Coding<'static>,
    subtype: [Coding<'a>; 1],
    recorded: String,
    outcome: &'static str,
    agent: [Agent<'a>; 1],
    source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<[Entity<'a>; 1]>,
}

#[derive(Serialize)]
struct Chain<'a> {
    url: &'static str,
    extension: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    url: &'static str,
    value_string: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct Coding<'a> {
    system: &'static str,
    code: &'a str,
}

#[derive(Serialize)]
struct Agent<'a> {
    who: Reference<'a>,
    requestor: bool,
}

#[derive(Serialize)]
struct Source<'a> {
    observer: Reference<'a>,
}

#[derive(Serialize)]
struct Reference<'a> {
    identifier: Identifier<'a>,
}

#[derive(Serialize)]
struct Identifier<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Entity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<Reference<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    detail: Vec<Detail<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    r#type: &'a str,
    value_string: &'a str,
}

fn reference(value: &str) -> Reference<'_> {
    Reference { identifier: Identifier { value } }
}

/// The entry of a Bundle.
pub(super) fn write(entry: &Entry) -> String {
    let mut chain = vec![
        ("format", Entry::FORMAT.to_string().into()),
        ("sequence", entry.sequence.to_string().into()),
        ("previous", hex::encode(entry.previous).into()),
        ("hash", hex::encode(entry.hash).into()),
    ];
    chain.extend(entry.request_id.as_deref().map(|id| ("requestId", id.into())));
    let chain = chain.into_iter().map(|(url, value_string)| Part { url, value_string });
    let detail: Vec<_> = entry
        .details
        .iter()
        .map(|(name, value)| Detail { r#type: name, value_string: value })
        .collect();
    let has_entity = entry.object.is_some() || !detail.is_empty();
    let resource = AuditEvent {
        resource_type: "AuditEvent",
        id: format!("{}-{}", entry.tenant, entry.sequence),
        extension: [Chain { url: CHAIN, extension: chain.collect() }],
        r#type: Coding { system: DICOM, code: APPLICATION_ACTIVITY },
        subtype: [Coding { system: ACTIONS, code: &entry.action }],
        recorded: write_time(entry.at),
        outcome: SUCCESS,
        agent: [Agent { who: reference(&entry.actor), requestor: true }],
        source: Source { observer: reference(entry.tenant.as_str()) },
        entity: has_entity
            .then(|| [Entity { what: entry.object.as_deref().map(reference), detail }]),
    };
    // Of texts there is always a JSON.
    serde_json::to_string(&BundleEntry { resource }).unwrap_or_default()
}

/// The entry in an entry of a Bundle, perhaps of one that was written otherwise.
pub(super) fn read(line: &str) -> Option<Entry> {
    let bundle_entry: Value = serde_json::from_str(line).ok()?;
    let resource = bundle_entry.get("resource")?;
    let text = |path: &str| resource.pointer(path).and_then(Value::as_str);
    let parts = resource.pointer("/extension/0/extension")?.as_array()?;
    let part = |url: &str| {
        let part = parts.iter().find(|part| part.get("url").and_then(Value::as_str) == Some(url));
        part.and_then(|part| part.get("valueString")).and_then(Value::as_str)
    };
    let mut details = BTreeMap::new();
    if let Some(list) = resource.pointer("/entity/0/detail") {
        for detail in list.as_array()? {
            let member = |name| detail.get(name).and_then(Value::as_str).map(str::to_owned);
            details.insert(member("type")?, member("valueString")?);
        }
    }
    Some(Entry {
        tenant: text("/source/observer/identifier/value")?.parse().ok()?,
        sequence: part("sequence")?.parse().ok()?,
        at: read_time(text("/recorded")?)?,
        actor: text("/agent/0/who/identifier/value")?.to_owned(),
        request_id: part("requestId").map(str::to_owned),
        action: text("/subtype/0/code")?.to_owned(),
        object: text("/entity/0/what/identifier/value").map(str::to_owned),
        details,
        previous: read_hash(part("previous")?)?,
        hash: read_hash(part("hash")?)?,
    })
}
