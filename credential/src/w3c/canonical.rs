//! RDF Dataset Canonicalization 1.0 (RDFC-1.0, SHA-256), with a bound on its work.
//!
//! Written here because that of `ssi` departs from the specification where blank nodes look alike:
//! it treats canonical labels as nodes of their own, so that its output is not that of others.

use std::{collections::BTreeMap, fmt::Write};

use sha2::{Digest, Sha256};
use ssi::{json_ld::rdf_types::RdfDisplay, rdf::LexicalQuad};

use super::Refusal;

/// Steps that canonicalization may take where blank nodes look alike: nodes visited, and nodes of
/// permutations tried. Documents that are not made to be hard take few.
const MOST_STEPS: usize = 1 << 14;

/// The canonical N-Quads of a dataset, one text.
///
/// # Errors
/// [`Refusal::Complexity`] if too many blank nodes look alike.
pub(super) fn canonical_form(quads: &[LexicalQuad]) -> Result<String, Refusal> {
    let quads: Vec<Quad> = quads.iter().map(Quad::of).collect();
    Canonicalization::of(&quads).run()
}

/// A quad, its terms as canonical N-Quads writes them; the graph is empty for the default graph.
struct Quad {
    subject: String,
    predicate: String,
    object: String,
    graph: String,
}

impl Quad {
    fn of(quad: &LexicalQuad) -> Self {
        let graph = quad.3.as_ref().map(|graph| graph.rdf_display().to_string());
        Self {
            subject: quad.0.rdf_display().to_string(),
            predicate: quad.1.rdf_display().to_string(),
            object: escaped(&quad.2.rdf_display().to_string()),
            graph: graph.unwrap_or_default(),
        }
    }

    /// The terms that may be blank nodes, with the letters of their positions.
    fn nodes(&self) -> impl Iterator<Item = (char, &str)> {
        let terms = [('s', &self.subject), ('o', &self.object), ('g', &self.graph)];
        terms
            .into_iter()
            .map(|(place, term)| (place, term.as_str()))
            .filter(|term| is_blank(term.1))
    }

    /// The line of the quad, with its blank nodes labelled anew.
    fn line(&self, label: impl Fn(&str) -> String) -> String {
        let term = |term: &str| if is_blank(term) { label(term) } else { term.to_owned() };
        let (subject, object) = (term(&self.subject), term(&self.object));
        let graph = match self.graph.as_str() {
            "" => String::new(),
            graph => format!(" {}", term(graph)),
        };
        format!("{subject} {} {object}{graph} .\n", self.predicate)
    }
}

fn is_blank(term: &str) -> bool {
    term.starts_with("_:")
}

/// A term with the control characters escaped that canonical N-Quads escapes and `ssi` leaves.
fn escaped(term: &str) -> String {
    let mut text = String::with_capacity(term.len());
    for character in term.chars() {
        match character {
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                // Writing into a text does not fail.
                let _ = write!(text, "\\u{:04X}", u32::from(character));
            }
            other => text.push(other),
        }
    }
    text
}

/// Identifiers issued to blank nodes, in order.
#[derive(Clone)]
struct Issuer {
    prefix: &'static str,
    issued: BTreeMap<String, usize>,
}

impl Issuer {
    fn new(prefix: &'static str) -> Self {
        Self { prefix, issued: BTreeMap::new() }
    }

    fn issued(&self, node: &str) -> Option<String> {
        self.issued.get(node).map(|number| format!("_:{}{number}", self.prefix))
    }

    fn issue(&mut self, node: &str) -> String {
        let next = self.issued.len();
        let number = *self.issued.entry(node.to_owned()).or_insert(next);
        format!("_:{}{number}", self.prefix)
    }

    /// The nodes in the order in which they got their identifiers.
    fn order(&self) -> Vec<&String> {
        let mut nodes: Vec<_> = self.issued.iter().map(|(node, number)| (number, node)).collect();
        nodes.sort();
        nodes.into_iter().map(|(_, node)| node).collect()
    }
}

struct Canonicalization<'a> {
    quads: &'a [Quad],
    quads_of: BTreeMap<&'a str, Vec<&'a Quad>>,
    first_degree: BTreeMap<&'a str, String>,
    canonical: Issuer,
    steps: usize,
}

impl<'a> Canonicalization<'a> {
    fn of(quads: &'a [Quad]) -> Self {
        let mut quads_of: BTreeMap<&str, Vec<&Quad>> = BTreeMap::new();
        for quad in quads {
            for (_, node) in quad.nodes() {
                let quads = quads_of.entry(node).or_default();
                if quads.last().is_none_or(|last| !std::ptr::eq(*last, quad)) {
                    quads.push(quad);
                }
            }
        }
        let first_degree =
            quads_of.iter().map(|(node, quads)| (*node, first_degree(node, quads))).collect();
        Self { quads, quads_of, first_degree, canonical: Issuer::new("c14n"), steps: MOST_STEPS }
    }

    /// Section 4.4.3 of RDFC-1.0.
    fn run(mut self) -> Result<String, Refusal> {
        let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (node, hash) in &self.first_degree {
            alike.entry(hash.clone()).or_default().push(node);
        }
        for nodes in alike.values().filter(|nodes| nodes.len() == 1) {
            self.canonical.issue(nodes[0]);
        }
        for nodes in alike.values().filter(|nodes| nodes.len() > 1) {
            let mut paths = Vec::new();
            for node in nodes {
                if self.canonical.issued(node).is_none() {
                    let mut issuer = Issuer::new("b");
                    issuer.issue(node);
                    paths.push(self.n_degree(node, issuer)?);
                }
            }
            paths.sort_by(|one, other| one.0.cmp(&other.0));
            for (_, issuer) in paths {
                for node in issuer.order() {
                    self.canonical.issue(node);
                }
            }
        }
        let label = |node: &str| self.canonical.issued(node).unwrap_or_default();
        let mut lines: Vec<String> = self.quads.iter().map(|quad| quad.line(label)).collect();
        lines.sort();
        lines.dedup();
        Ok(lines.concat())
    }

    fn step(&mut self, count: usize) -> Result<(), Refusal> {
        self.steps = self.steps.checked_sub(count).ok_or(Refusal::Complexity)?;
        Ok(())
    }

    /// Hash N-Degree Quads, section 4.8.
    fn n_degree(&mut self, node: &str, issuer: Issuer) -> Result<(String, Issuer), Refusal> {
        self.step(1)?;
        let mut related: BTreeMap<String, Vec<&'a str>> = BTreeMap::new();
        for quad in self.quads_of.get(node).cloned().unwrap_or_default() {
            for (place, other) in quad.nodes().filter(|(_, other)| *other != node) {
                let hash = self.related(other, quad, &issuer, place);
                related.entry(hash).or_default().push(other);
            }
        }
        let mut issuer = issuer;
        let mut data = String::new();
        for (hash, mut nodes) in related {
            data.push_str(&hash);
            nodes.sort_unstable();
            let mut chosen: Option<(String, Issuer)> = None;
            loop {
                self.step(nodes.len())?;
                let best = chosen.as_ref().map(|(path, _)| path.clone());
                if let Some(path) = self.path(&nodes, issuer.clone(), best.as_deref())?
                    && best.is_none_or(|best| path.0 < best)
                {
                    chosen = Some(path);
                }
                if !next_permutation(&mut nodes) {
                    break;
                }
            }
            if let Some((path, chosen)) = chosen {
                data.push_str(&path);
                issuer = chosen;
            }
        }
        Ok((sha256(&data), issuer))
    }

    /// The path of one permutation (5.4 of section 4.8); none if another is known to be shorter.
    fn path(
        &mut self,
        nodes: &[&str],
        mut issuer: Issuer,
        best: Option<&str>,
    ) -> Result<Option<(String, Issuer)>, Refusal> {
        let worse = |path: &str| best.is_some_and(|best| path.len() >= best.len() && path > best);
        let mut path = String::new();
        let mut recursion = Vec::new();
        for node in nodes {
            if let Some(label) = self.canonical.issued(node) {
                path.push_str(&label);
            } else {
                if issuer.issued(node).is_none() {
                    recursion.push(*node);
                }
                path.push_str(&issuer.issue(node));
            }
            if worse(&path) {
                return Ok(None);
            }
        }
        for node in recursion {
            let (hash, deeper) = self.n_degree(node, issuer.clone())?;
            path.push_str(&issuer.issue(node));
            path.push('<');
            path.push_str(&hash);
            path.push('>');
            issuer = deeper;
            if worse(&path) {
                return Ok(None);
            }
        }
        Ok(Some((path, issuer)))
    }

    /// Hash Related Blank Node, section 4.7.
    fn related(&self, node: &str, quad: &Quad, issuer: &Issuer, place: char) -> String {
        let known = self.canonical.issued(node).or_else(|| issuer.issued(node));
        let label = known.unwrap_or_else(|| self.first_degree[node].clone());
        let predicate = if place == 'g' { "" } else { quad.predicate.as_str() };
        sha256(&format!("{place}{predicate}{label}"))
    }
}

/// Hash First Degree Quads, section 4.6.
fn first_degree(node: &str, quads: &[&Quad]) -> String {
    let label = |other: &str| if other == node { "_:a".to_owned() } else { "_:z".to_owned() };
    let mut lines: Vec<String> = quads.iter().map(|quad| quad.line(label)).collect();
    lines.sort();
    sha256(&lines.concat())
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Puts the next permutation in lexical order in place; says whether there was one.
fn next_permutation(items: &mut [&str]) -> bool {
    let Some(pivot) = items.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    if let Some(swap) = items.iter().rposition(|item| *item > items[pivot]) {
        items.swap(pivot, swap);
    }
    items[pivot + 1..].reverse();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Nodes `_:0` to `_:7` and arcs between them.
    fn dataset(arcs: &[(u8, u8, u8)], label: impl Fn(u8) -> u8) -> Vec<Quad> {
        let node = |node: u8| format!("_:n{}", label(node));
        let quad = |(subject, predicate, object): &(u8, u8, u8)| Quad {
            subject: node(*subject),
            predicate: format!("<p:{predicate}>"),
            object: node(*object),
            graph: String::new(),
        };
        arcs.iter().map(quad).collect()
    }

    #[test]
    fn control_characters_are_written_as_canonical_n_quads_writes_them() {
        assert_eq!(escaped("\"a\tb\u{8}\u{c}\u{1}\u{7f}\\n\""), "\"a\\tb\\b\\f\\u0001\\u007F\\n\"");
    }

    #[test]
    fn every_permutation_comes_once() {
        let mut items = ["a", "b", "b", "c"];
        let mut seen = vec![items];
        while next_permutation(&mut items) {
            seen.push(items);
        }
        seen.dedup();
        assert_eq!(seen.len(), 12);
        assert_eq!(seen.last(), Some(&["c", "b", "b", "a"]));
    }

    #[test]
    fn a_graph_without_end_of_likeness_is_refused() {
        let arcs: Vec<_> =
            (0..8).flat_map(|one| (0..8).map(move |other| (one, 0, other))).collect();
        let quads = dataset(&arcs, |node| node);
        assert_eq!(Canonicalization::of(&quads).run(), Err(Refusal::Complexity));
    }

    proptest! {
        #[test]
        fn labels_and_order_make_no_difference(
            arcs in prop::collection::vec((0u8..6, 0u8..2, 0u8..6), 0..9),
            labels in Just([0u8, 1, 2, 3, 4, 5]).prop_shuffle(),
            order in any::<u64>(),
        ) {
            let one = dataset(&arcs, |node| node);
            let mut shuffled = arcs.clone();
            if !shuffled.is_empty() {
                let by = (order % shuffled.len() as u64) as usize;
                shuffled.rotate_left(by);
            }
            let other = dataset(&shuffled, |node| labels[usize::from(node)]);
            let (one, other) =
                (Canonicalization::of(&one).run(), Canonicalization::of(&other).run());
            if one != Err(Refusal::Complexity) {
                prop_assert_eq!(one, other);
            }
        }
    }
}
