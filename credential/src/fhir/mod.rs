//! FHIR R4 in: what a resource lets an issuer attest.
//!
//! | resource | becomes |
//! |---|---|
//! | `Practitioner.qualification` | one ProviderCredential for each qualification |
//! | `PractitionerRole` | a ProviderCredential of kind `hospital-privilege` |
//! | `VerificationResult` | primary source verification of the qualifications that it targets in the same Bundle |
//! | `Consent` | a ConsentGrant |
//! | `ResearchSubject` | the study and the participant's standing, for the Consent of the same Bundle that it references or whose patient and study it names |
//! | `ResearchStudy` | the registrations of the study that a Consent or ResearchSubject of the same Bundle references |
//!
//! Only the elements that are mapped are read, as [`serde_json`] values with their paths; a
//! `modifierExtension`, an unknown extension of our own, and any limit of a consent that claims
//! cannot carry is refused rather than dropped. An error names the element's path and the rule,
//! never the value.
//!
//! A status of `active` is not validity: a licence needs the end of its period, from which
//! validity is derived, and a practitioner needs a National Provider Identifier that checks.
//!
//! # Extensions
//! Status and place come from the National Directory's
//! `base-ext-practitioner-qualification-scope` (`status`, `whereValid`), the study from
//! `consent-ResearchStudyContext`. Where FHIR has no element, extensions of our own under
//! `https://attestry.example/fhir/StructureDefinition/`:
//!
//! | on | extension | value |
//! |---|---|---|
//! | `Practitioner.qualification` | `credential-kind`, `authority`, `home-state`, `compact`, `board-status` | `valueCode`, a word of the vocabulary |
//! | | `standing`, repeated | `valueCode`: an encumbrance, or `unencumbered` alone |
//! | | `dea-schedule`, repeated | `valueCode` |
//! | | `renewed-on`, `exclusion-checked-on`, `decided-on` | `valueDate` |
//! | `Practitioner`, `PractitionerRole`, `Consent` | `holder-commitment` | `valueString`: whose the credential will be |
//! | `Consent` | `form-version`, `protocol-version` | `valueString`, `major.minor` |
//! | | `ethics-approval` | `sha256` (`valueString`), `expires` (`valueDate`) |
//! | | `majority-date` | `valueDate` |
//! | | `signature-kind`, `withdrawal-term` (repeated) | `valueCode` |
//! | | `supersedes` | `sequence` (`valueUnsignedInt`), `sha256` (`valueString`) of the document replaced |
//! | `Consent.performer` | `signatory-role` | `valueCode`, for a signatory other than the patient |
//! | `Consent.sourceAttachment` | `form-sha256` | `valueString`: R4's own `hash` is SHA-1 |
//!
//! Code systems of our own under `https://attestry.example/fhir/CodeSystem/`: `licence-type`,
//! `consent-action` and `data-class`.

mod bundled;
mod consent;
mod element;
mod participation;
mod practitioner;
mod provision;
mod verification;

use std::collections::BTreeMap;

use attestry_circuits::HolderCommitment;
use serde::Serialize;
use serde_json::Value;

use crate::{
    error::CredentialError,
    json::{self, Node, Object},
    schema::Subject,
};
use bundled::Bundled;

/// What one resource, or one qualification of it, came to.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Type and id, and the qualification if it is one of several.
    pub resource: String,
    /// Where the resource stands among those of its Bundle, from 0.
    pub place: usize,
    /// What it is to an issuer.
    pub part: Part,
    /// What may be issued, or why nothing.
    pub outcome: Result<Subject, CredentialError>,
    /// Whose it will be, where the resource says so.
    pub holder: Option<HolderCommitment>,
    /// What names the credential in every version of the resource: its type and id and, of one
    /// qualification of several, the id of that element. None where an id is missing.
    pub key: Option<String>,
    /// What an issuer should look at, whatever the outcome.
    pub warnings: Vec<String>,
}

/// What a resource is to an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stands for a credential, or is meant to.
    Credential,
    /// It was read for another resource of the Bundle.
    Evidence,
    /// Nothing is issued from resources of its type.
    Context,
}

impl Imported {
    fn new(resource: String, outcome: Result<Subject, CredentialError>) -> Self {
        let (place, part) = (0, Part::Credential);
        Self { resource, place, part, outcome, holder: None, key: None, warnings: Vec::new() }
    }

    /// Of a resource that stands for one credential.
    fn of_resource(
        resource: &Resource<'_>,
        read: Result<(Subject, Option<HolderCommitment>), CredentialError>,
    ) -> Self {
        let (outcome, holder) = match read {
            Ok((subject, holder)) => (Ok(subject), holder),
            Err(error) => (Err(error), None),
        };
        let key = resource.id().map(|_| resource.label());
        Self { holder, key, ..Self::new(resource.label(), outcome) }
    }

    /// Of a resource from which nothing is issued, though it was meant to serve for something.
    fn refused(resource: &Resource<'_>, rule: &'static str) -> Self {
        Self::new(resource.label(), Err(CredentialError::invalid(resource.kind, rule)))
    }

    /// Of a resource that was read for another one.
    fn evidence(resource: &Resource<'_>, rule: &'static str) -> Self {
        Self { part: Part::Evidence, ..Self::refused(resource, rule) }
    }
}

/// [`Imported`] in the form that is shown to an issuer.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Type and id, and the qualification if it is one of several.
    pub resource: String,
    /// Whether a credential could be issued.
    pub outcome: Outcome,
    /// What the credential would state, as its `credentialSubject` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Subject>,
    /// Why none could be issued: element and rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What an issuer should look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Whether a credential could be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It could.
    Issuable,
    /// It could not, for the stated reason.
    Refused,
}

impl From<Imported> for Preview {
    fn from(imported: Imported) -> Self {
        let (outcome, claims, reason) = match imported.outcome {
            Ok(subject) => (Outcome::Issuable, Some(subject), None),
            Err(error) => (Outcome::Refused, None, Some(error.to_string())),
        };
        Self { resource: imported.resource, outcome, claims, reason, warnings: imported.warnings }
    }
}

/// What would be issued for a resource or each resource of a Bundle, or why nothing would.
pub fn preview(bytes: &[u8]) -> Vec<Preview> {
    match import(bytes) {
        Ok(imported) => imported.into_iter().map(Preview::from).collect(),
        Err(error) => vec![Preview {
            resource: "unknown".to_owned(),
            outcome: Outcome::Refused,
            claims: None,
            reason: Some(error.to_string()),
            warnings: Vec::new(),
        }],
    }
}

/// Reads a resource, or each resource of a Bundle.
///
/// # Errors
/// If the bytes are not one JSON object with a `resourceType`, or the Bundle's entries are not
/// resources. What is wrong with a single resource stands in its own outcome.
pub fn import(bytes: &[u8]) -> Result<Vec<Imported>, CredentialError> {
    import_value(&json::parse(bytes)?)
}

/// [`import`] of what has been parsed already.
///
/// # Errors
/// Those of [`import`].
pub fn import_value(value: &Value) -> Result<Vec<Imported>, CredentialError> {
    let resources = resources_of(value)?;
    let bundled = Bundled::new(&resources);
    let mut imported = Vec::new();
    let mut consents = Vec::new();
    for resource in &resources {
        let first = imported.len();
        match resource.kind {
            "Practitioner" => imported.extend(practitioner::import(resource, &bundled)),
            "PractitionerRole" => imported.push(practitioner::import_role(resource, &bundled)),
            "Consent" => {
                consents.push((imported.len(), consent::occasion(resource, &bundled)));
                imported.push(consent::import(resource, &bundled));
            }
            "VerificationResult" => {
                let rule = "is evidence for a Practitioner in the same Bundle, not a credential \
                            of its own";
                imported.push(if bundled.is_evidence(resource) {
                    Imported::evidence(resource, rule)
                } else {
                    Imported::refused(resource, rule)
                });
            }
            "ResearchSubject" => imported.push(participation::import(resource, &bundled)),
            _ => imported.push(Imported {
                part: Part::Context,
                ..Imported::refused(resource, "is not a resource from which credentials are issued")
            }),
        }
        for imported in &mut imported[first..] {
            imported.place = resource.place;
        }
    }
    supersede(&mut imported, &consents);
    Ok(imported)
}

/// One resource and its type.
pub(crate) struct Resource<'a> {
    kind: &'a str,
    object: Object<'a>,
    full_url: Option<&'a str>,
    /// Where it stands among the resources of its Bundle, from 0.
    place: usize,
}

impl<'a> Resource<'a> {
    fn id(&self) -> Option<&'a str> {
        self.object.get("id").and_then(|id| id.value.as_str())
    }

    /// `Type/id`, or the type alone.
    fn label(&self) -> String {
        match self.id() {
            Some(id) => format!("{}/{id}", self.kind),
            None => self.kind.to_owned(),
        }
    }
}

fn resources_of(value: &Value) -> Result<Vec<Resource<'_>>, CredentialError> {
    let root = Node::root(value, "").object()?;
    if root.require("resourceType")?.text()? != "Bundle" {
        return Ok(vec![resource(value, None, 0)?]);
    }
    let bundle = Node::root(value, "Bundle").object()?;
    let mut resources = Vec::new();
    for entry in bundle.list("entry")? {
        let entry = entry.object()?;
        if let Some(content) = entry.get("resource") {
            let full_url = entry.get("fullUrl").and_then(|url| url.value.as_str());
            resources.push(resource(content.value, full_url, resources.len())?);
        }
    }
    Ok(resources)
}

fn resource<'a>(
    value: &'a Value,
    full_url: Option<&'a str>,
    place: usize,
) -> Result<Resource<'a>, CredentialError> {
    let kind = Node::root(value, "").object()?.require("resourceType")?.text()?;
    Ok(Resource { kind, object: Node::root(value, kind).object()?, full_url, place })
}

/// Of several consents of one patient on one subject, the latest holds.
fn supersede(imported: &mut [Imported], consents: &[(usize, Option<consent::Occasion>)]) {
    let mut latest: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut older = Vec::new();
    for (position, occasion) in consents {
        let Some(occasion) = occasion else { continue };
        match latest.get(occasion.about.as_str()).copied() {
            Some((when, _)) if when > occasion.when.as_str() => older.push(*position),
            known => {
                older.extend(known.map(|(_, position)| position));
                latest.insert(&occasion.about, (&occasion.when, *position));
            }
        }
    }
    for position in older {
        imported[position].outcome = Err(CredentialError::invalid(
            "Consent.dateTime",
            "is not the latest of this patient on this subject in the Bundle: the latest holds",
        ));
    }
}

#[cfg(test)]
mod tests;
