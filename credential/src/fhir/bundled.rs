//! The resources of a Bundle, found by what refers to them.

use std::collections::{BTreeMap, HashMap};

use super::{Resource, element::reference};
use crate::json::Node;

/// The resources that others may refer to.
pub(super) struct Bundled<'a, 'r> {
    resources: &'r [Resource<'a>],
    by_reference: HashMap<String, usize>,
    /// For a resource, those that name it as what they are about.
    evidence: BTreeMap<usize, Vec<usize>>,
    /// Participations that name no consent, by the patient's reference.
    participations: HashMap<String, Vec<usize>>,
}

impl<'a, 'r> Bundled<'a, 'r> {
    pub(super) fn new(resources: &'r [Resource<'a>]) -> Self {
        let mut by_reference = HashMap::new();
        for resource in resources {
            let label = resource.id().map(|_| resource.label());
            let names = [label, resource.full_url.map(str::to_owned)];
            for name in names.into_iter().flatten() {
                by_reference.entry(name).or_insert(resource.place);
            }
        }
        let mut bundled = Self {
            resources,
            by_reference,
            evidence: BTreeMap::new(),
            participations: HashMap::new(),
        };
        for resource in resources {
            for named in subjects(resource) {
                if let Some(about) = bundled.place(&named) {
                    let known = bundled.evidence.entry(about).or_default();
                    if known.last() != Some(&resource.place) {
                        known.push(resource.place);
                    }
                }
            }
            if resource.kind == "ResearchSubject"
                && resource.object.get("consent").is_none()
                && let Some(individual) = resource.object.get("individual")
                && let Ok(individual) = reference(&individual)
            {
                let known = bundled.participations.entry(bundled.key(&individual)).or_default();
                known.push(resource.place);
            }
        }
        bundled
    }

    /// The resource that a reference points to.
    pub(super) fn find(&self, reference: &str) -> Option<&'r Resource<'a>> {
        self.place(reference).map(|place| &self.resources[place])
    }

    /// Whether two references point to the same thing.
    pub(super) fn same(&self, one: &str, other: &str) -> bool {
        one == other || self.place(one).is_some_and(|place| self.place(other) == Some(place))
    }

    /// The resources of a type that name this one as what they are about.
    pub(super) fn evidence_for(
        &self,
        resource: &Resource<'_>,
        kind: &str,
    ) -> impl Iterator<Item = &'r Resource<'a>> {
        let about = self.evidence.get(&resource.place);
        let about = about.into_iter().flatten().map(|place| &self.resources[*place]);
        about.filter(move |resource| resource.kind == kind)
    }

    /// The participations of a patient that name no consent.
    pub(super) fn participations_of(
        &self,
        patient: &str,
    ) -> impl Iterator<Item = &'r Resource<'a>> {
        let found = self.participations.get(&self.key(patient));
        found.into_iter().flatten().map(|place| &self.resources[*place])
    }

    /// Whether a resource names another one of the Bundle as what it is about.
    pub(super) fn is_evidence(&self, resource: &Resource<'_>) -> bool {
        subjects(resource).iter().any(|named| self.place(named).is_some())
    }

    fn place(&self, reference: &str) -> Option<usize> {
        self.by_reference.get(reference).copied()
    }

    /// One text for all references to the same thing.
    fn key(&self, reference: &str) -> String {
        self.place(reference).map_or_else(|| reference.to_owned(), |place| format!("#{place}"))
    }
}

/// What evidence says that it is about. Malformed references are about nothing: the resource's
/// own outcome says so.
fn subjects(resource: &Resource<'_>) -> Vec<String> {
    let named = match resource.kind {
        "VerificationResult" => resource.object.list("target").unwrap_or_default(),
        "ResearchSubject" => resource.object.get("consent").into_iter().collect(),
        _ => Vec::new(),
    };
    let is_reference = |node: &&Node<'_>| node.value.get("reference").is_some();
    named.iter().filter(is_reference).filter_map(|node| reference(node).ok()).collect()
}
