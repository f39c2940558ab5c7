//! Documents as RDF: every term defined, and no graph that is hard to canonicalize.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ssi::{
    claims::data_integrity::DataIntegrityDocument,
    json_ld::Expandable,
    rdf::{AnyLdEnvironment, LdEnvironment, LexicalQuad},
};

use super::{Boxed, Refusal, contexts};

/// Blank nodes that look alike from one step away.
const MOST_ALIKE: usize = 64;
/// Neighbours of such a node that look alike in turn. Canonicalization would try their
/// permutations, which the libraries of other parties give up on as well.
const MOST_ALIKE_NEIGHBOURS: usize = 1;

/// Checks that a document is JSON-LD under the embedded contexts with every term and type defined,
/// and that its graph can be canonicalized in reasonable time.
///
/// The bounds hold because a document's blank nodes form trees: blank node labels are refused with
/// its form.
pub(super) async fn check_graph(document: &Value) -> Result<(), Refusal> {
    let mut unsecured = directed(document);
    if let Some(members) = unsecured.as_object_mut() {
        members.remove("proof");
    }
    let document: DataIntegrityDocument =
        serde_json::from_value(unsecured).map_err(|_| Refusal::JsonLd)?;
    let mut environment = LdEnvironment::default();
    let contexts = contexts()?;
    let expanding: Boxed<'_, _> = Box::pin(document.expand_with(&mut environment, &contexts));
    let expanded = expanding.await.map_err(|_| Refusal::JsonLd)?;
    let quads = environment.quads_of(&expanded).map_err(|_| Refusal::JsonLd)?;
    check_complexity(&quads)
}

/// The document with the direction of texts as a datatype (`i18n-datatype` of JSON-LD) and with
/// language tags in lower case, as other parties canonicalize them. `ssi` leaves directions out of
/// the graph, so that no signature would cover them.
pub(super) fn directed(document: &Value) -> Value {
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

fn check_complexity(quads: &[LexicalQuad]) -> Result<(), Refusal> {
    // What RDF canonicalization sees of a blank node first: its quads, with the labels of other
    // blank nodes left out.
    let texts = quads.iter().map(terms).collect::<Vec<_>>();
    let nodes: BTreeSet<&String> = texts.iter().flatten().filter(|term| is_blank(term)).collect();
    let mut quads_of: BTreeMap<&String, Vec<&[String; 4]>> = BTreeMap::new();
    for quad in &texts {
        for node in quad.iter().filter(|term| is_blank(term)).collect::<BTreeSet<_>>() {
            quads_of.entry(node).or_default().push(quad);
        }
    }
    let look = |node: &String| {
        let masked = |term: &String| match (is_blank(term), term == node) {
            (false, _) => term.clone(),
            (true, true) => "_:a".to_owned(),
            (true, false) => "_:z".to_owned(),
        };
        let of_node = quads_of.get(node).into_iter().flatten();
        let mut look: Vec<_> = of_node.map(|quad| quad.each_ref().map(masked)).collect();
        look.sort();
        look
    };
    let looks: BTreeMap<&String, _> = nodes.iter().map(|node| (*node, look(node))).collect();
    let mut times: BTreeMap<_, usize> = BTreeMap::new();
    for look in looks.values() {
        *times.entry(look).or_default() += 1;
    }
    let is_alike = |node: &String| times.get(&looks[node]).is_some_and(|times| *times > 1);
    let alike: Vec<&String> = nodes.iter().copied().filter(|node| is_alike(node)).collect();
    let many_neighbours = |node: &&String| {
        let mut neighbours: BTreeMap<_, BTreeSet<&String>> = BTreeMap::new();
        for quad in quads_of.get(*node).into_iter().flatten() {
            for (position, term) in quad.iter().enumerate() {
                if is_blank(term) && term != *node && is_alike(term) {
                    let seen = (position, &quad[1], &looks[term]);
                    neighbours.entry(seen).or_default().insert(term);
                }
            }
        }
        neighbours.values().any(|alike| alike.len() > MOST_ALIKE_NEIGHBOURS)
    };
    if alike.len() > MOST_ALIKE || alike.iter().any(many_neighbours) {
        return Err(Refusal::Complexity);
    }
    Ok(())
}

/// Subject, predicate, object and graph of a quad as N-Quads writes them.
fn terms(quad: &LexicalQuad) -> [String; 4] {
    let graph = quad.3.as_ref().map(ToString::to_string).unwrap_or_default();
    [quad.0.to_string(), quad.1.to_string(), quad.2.to_string(), graph]
}

fn is_blank(term: &str) -> bool {
    term.starts_with("_:")
}
