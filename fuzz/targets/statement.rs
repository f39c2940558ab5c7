//! The statement from a verifier's request and a hostile holder's parts. The input is a
//! presentation, and after a zero byte the request that it answers, or none for the usual one.
#![no_main]

use attestry_circuits::Statement;
use attestry_credential::{
    policy::Disclosed,
    presentation::{
        Presentation, PresentationError, PresentationRequest, Query, StatementParts,
        rebuild_statement,
    },
};
use attestry_fuzz::{parts, world::REQUEST};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let (presentation, request) = parts(data);
    let read = (!request.is_empty()).then(|| PresentationRequest::from_json(request));
    let request = match &read {
        None => &*REQUEST,
        Some(Ok(request)) => request,
        Some(Err(_)) => return,
    };
    let Ok(presentation) = Presentation::from_json(presentation) else { return };
    let parts = presentation.parts;
    for query in &request.queries {
        let Ok(statement) = rebuild_statement(request, query, &parts) else { continue };
        assert_eq!(statement.scope, request.scope());
        assert_eq!(statement.context, parts.context());
        assert_eq!((statement.now, statement.nullifier), (parts.now, parts.nullifier));
        assert_eq!(rebuild_statement(request, query, &parts).as_ref(), Ok(&statement));
        shows_only_what_is_proven(request, query, &parts, &statement);
    }
});

/// A disclosed value that is written otherwise is refused or makes another statement.
fn shows_only_what_is_proven(
    request: &PresentationRequest,
    query: &Query,
    parts: &StatementParts,
    statement: &Statement,
) {
    for (claim, value) in parts.disclosed.iter() {
        for other in written_otherwise(value) {
            let mut changed = parts.clone();
            changed.disclosed = parts
                .disclosed
                .iter()
                .filter(|(name, _)| *name != claim)
                .fold(Disclosed::none(), |all, (name, value)| all.with(name, value.clone()))
                .with(claim, other.clone());
            let rebuilt: Result<Statement, PresentationError> =
                rebuild_statement(request, query, &changed);
            if let Ok(rebuilt) = rebuilt {
                assert!(rebuilt != *statement, "{claim}: {value} is as well written {other}");
            }
        }
    }
}

fn written_otherwise(value: &Value) -> Vec<Value> {
    let others: Vec<Value> = match value {
        Value::String(text) => vec![
            text.to_ascii_uppercase().into(),
            text.to_ascii_lowercase().into(),
            format!("{text} ").into(),
            format!("0{text}").into(),
            Value::from(vec![text.as_str()]),
        ],
        Value::Array(items) => {
            let mut turned = items.clone();
            turned.reverse();
            let mut twice = items.clone();
            twice.extend(items.first().cloned());
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            vec![turned.into(), twice.into(), Value::from(vec![words.join("\0")])]
        }
        other => vec![other.to_string().into()],
    };
    others.into_iter().filter(|other| other != value).collect()
}
