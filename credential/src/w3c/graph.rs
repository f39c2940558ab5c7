//! Documents as RDF: every term defined, and one text for each graph.

use serde_json::Value;
use ssi::{
    json_ld::{
        CompactJsonLd, Expandable,
        syntax::{Parse, Value as JsonLdValue},
    },
    rdf::{AnyLdEnvironment, LdEnvironment},
};

use super::{Boxed, Refusal, canonical::canonical_form, contexts};

/// What every list has in RDF.
const REST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#rest";

/// Between a node and its type in N-Quads.
const TYPE: &str = " <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ";

/// The canonical N-Quads of a document, which is JSON-LD under the embedded contexts with every
/// term and type defined. A proof in it is a part of it like any other.
///
/// # Errors
/// [`Refusal::JsonLd`] if it is not; [`Refusal::List`]; [`Refusal::Complexity`].
pub(super) async fn canonical_graph(document: &Value) -> Result<String, Refusal> {
    // By way of text: `ssi` panics where it converts some numbers directly.
    let text = directed(document).to_string();
    let (document, _) = JsonLdValue::parse_str(&text).map_err(|_| Refusal::JsonLd)?;
    let document = CompactJsonLd(document);
    let contexts = contexts()?;
    let mut environment = LdEnvironment::default();
    let expanding: Boxed<'_, _> = Box::pin(document.expand_with(&mut environment, &contexts));
    let expanded = expanding.await.map_err(|_| Refusal::JsonLd)?;
    let quads = environment.quads_of(&expanded).map_err(|_| Refusal::JsonLd)?;
    // `ssi` loses the literals of a list, so that no signature would cover them.
    if quads.iter().any(|quad| quad.1.as_str() == REST) {
        return Err(Refusal::List);
    }
    canonical_form(&quads)
}

/// The types of a credential, as the IRIs that its contexts make of them.
///
/// # Errors
/// [`Refusal::JsonLd`] if it is no JSON-LD by the embedded contexts, or not one node of it is a
/// credential; [`Refusal::List`]; [`Refusal::Complexity`].
pub async fn expanded_types(credential: &Value) -> Result<Vec<String>, Refusal> {
    const CREDENTIAL: &str = "<https://www.w3.org/2018/credentials#VerifiableCredential> .";
    let graph = canonical_graph(&unsecured(credential)).await?;
    let typed = || graph.lines().filter_map(|line| line.split_once(TYPE));
    let mut credentials = typed().filter(|(_, of)| *of == CREDENTIAL).map(|(node, _)| node);
    let (Some(node), None) = (credentials.next(), credentials.next()) else {
        return Err(Refusal::JsonLd);
    };
    let types = typed().filter(|(typed, _)| *typed == node);
    let iri = |of: &str| of.strip_prefix('<')?.strip_suffix("> .").map(str::to_owned);
    Ok(types.filter_map(|(_, of)| iri(of)).collect())
}

/// A document without its proofs.
pub(super) fn unsecured(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(members) = document.as_object_mut() {
        members.remove("proof");
    }
    document
}

/// The document with the direction of texts as a datatype (`i18n-datatype` of JSON-LD) and with
/// language tags in lower case, as other parties canonicalize them. `ssi` leaves directions out of
/// the graph, so that no signature would cover them.
fn directed(document: &Value) -> Value {
    match document {
        Value::Array(items) => items.iter().map(directed).collect(),
        Value::Object(members) if members.contains_key("@value") => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            let language = text("@language").map(str::to_lowercase);
            let mut value = members.clone();
            if let Some(direction) = text("@direction") {
                let language = language.unwrap_or_default();
                let datatype = format!("https://www.w3.org/ns/i18n#{language}_{direction}");
                value.retain(|name, _| name == "@value");
                value.insert("@type".to_owned(), Value::from(datatype));
            } else if let Some(language) = language {
                value.insert("@language".to_owned(), Value::from(language));
            }
            Value::Object(value)
        }
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(members.map(|(name, value)| (name.clone(), directed(value))).collect())
        }
        other => other.clone(),
    }
}
