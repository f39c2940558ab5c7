//! Policies of the tests: those of the examples, and arbitrary ones.

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::PolicyDocument;
use crate::schema::{ClaimKind, ClaimSpec, Schema};

/// The documents of `examples/policies`, by name.
pub(super) fn examples() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    let files = fs::read_dir(folder).unwrap();
    let read = files.map(|file| {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    });
    read.collect()
}

pub(super) fn policy(document: &Value) -> PolicyDocument {
    PolicyDocument::from_json(document.to_string().as_bytes()).unwrap()
}

pub(super) fn asking(schema: Schema, require: Value) -> Value {
    json!({
        "id": "example", "version": 1, "title": "Example",
        "schema": schema.versioned_name(), "require": require
    })
}

/// Values that a claim of this kind may be compared with, one by one.
fn values(kind: ClaimKind) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect();
    let mut values: Vec<Value> = match kind {
        ClaimKind::Code(vocabulary) | ClaimKind::Mask(vocabulary) => {
            vocabulary.entries().iter().map(|(_, word)| json!(word)).collect()
        }
        ClaimKind::Number => vec![json!(0), json!(7)],
        ClaimKind::Day => texts(&["2026-01-01", "2030-12-31", "$today", "$today-30d", "$day+1y"]),
        ClaimKind::Npi => texts(&["1234567893", "1003310905"]),
        ClaimKind::Base36(4) => texts(&["207R", "163W"]),
        ClaimKind::Base36(_) => texts(&["C0000", "00000"]),
        ClaimKind::Version => texts(&["1.0", "2.1"]),
        ClaimKind::Study => texts(&["NCT09000016", "NCT09000017"]),
        ClaimKind::PsvMethod => texts(&["primary:lic-board", "multi:reg-auth"]),
        ClaimKind::Scope => texts(&["research:deny", "research:permit", "treatment:deny"]),
        ClaimKind::Language => texts(&["en", "es"]),
        ClaimKind::Disease => texts(&["any", "MONDO:0005148"]),
        ClaimKind::Document => vec![json!("ab".repeat(32)), json!("cd".repeat(32))],
        ClaimKind::Recipients => texts(&["Organization/a", "Organization/b, c"]),
        ClaimKind::Text => Vec::new(),
    };
    values.extend(texts_of(&["$one", "$two"]));
    values
}

fn texts_of(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

fn operators(kind: ClaimKind) -> Vec<&'static str> {
    let mut operators = vec!["eq", "neq"];
    if kind.is_ordered() {
        operators.extend(["lt", "le", "gt", "ge"]);
    }
    operators.extend(match kind.is_mask() {
        true => ["mask-contains", "mask-excludes"],
        false => ["in-set", "not-in-set"],
    });
    operators
}

fn predicate_of(spec: &'static ClaimSpec) -> BoxedStrategy<Value> {
    let claim = spec.name;
    let some = prop::collection::vec(select(values(spec.kind)), 0..3);
    let compared = (select(operators(spec.kind)), some).prop_map(move |(op, some)| {
        let is_list = op.contains("set")
            || op.starts_with("mask")
            || spec.kind.is_mask()
            || spec.kind == ClaimKind::Recipients;
        let value = if is_list { json!(some) } else { json!(some.first()) };
        json!({"claim": claim, "op": op, "value": value})
    });
    let mut also = vec![json!({"claim": claim, "op": "eq", "reveal": true})];
    match spec.kind {
        ClaimKind::Day => {
            for (other, days) in [("issued_on", 3), ("data_from", -1), ("psv_on", 0)] {
                let value = json!({"claim": other, "plus_days": days});
                also.push(json!({"claim": claim, "op": "le", "value": value}));
                also.push(json!({"claim": claim, "op": "ge", "value": value}));
            }
        }
        ClaimKind::Code(vocabulary) if vocabulary.name() == "us-state" => {
            for state in ["TX", "CA", "$one"] {
                let covering = json!({"compact": "nlc", "covering": state});
                also.push(json!({"claim": claim, "op": "in-mask", "value": covering}));
                also.push(json!({"claim": claim, "op": "in-mask", "value": ["TX", "GU"]}));
            }
        }
        _ => {}
    }
    prop_oneof![3 => compared, 1 => select(also)].boxed()
}

fn predicate(schema: Schema) -> impl Strategy<Value = Value> {
    let address = "0x00112233445566778899aabbccddeeff00112233";
    let issuer = select(vec![
        json!({"claim": "issuer", "op": "eq", "reveal": true}),
        json!({"claim": "issuer", "op": "eq", "value": address}),
        json!({"claim": "issuer", "op": "neq", "value": address}),
        json!({"claim": "issuer", "op": "in-set", "value": [address, "$one"]}),
    ]);
    let claims = schema.claims().iter().filter(|spec| spec.kind != ClaimKind::Text);
    let claims = select(claims.collect::<Vec<_>>()).prop_flat_map(predicate_of);
    prop_oneof![20 => claims, 1 => issuer]
}

/// Documents of which most can be read.
pub(super) fn documents() -> impl Strategy<Value = Value> {
    select(Schema::ALL.to_vec()).prop_flat_map(documents_of)
}

/// Two of one schema.
pub(super) fn pairs() -> impl Strategy<Value = (Value, Value)> {
    select(Schema::ALL.to_vec())
        .prop_flat_map(|schema| (documents_of(schema), documents_of(schema)))
}

fn documents_of(schema: Schema) -> impl Strategy<Value = Value> {
    let all = prop::collection::vec(predicate(schema), 1..3).prop_map(|all| json!({"all": all}));
    let alternative = prop_oneof![predicate(schema).boxed(), all.boxed()];
    let any = prop::collection::vec(alternative, 1..4).prop_map(|any| json!({"any": any}));
    let clause = prop_oneof![3 => predicate(schema).boxed(), 1 => any.boxed()];
    prop::collection::vec(clause, 1..6)
        .prop_map(move |require| asking(schema, Value::Array(require)))
}
