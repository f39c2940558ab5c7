//! ResearchSubject: ties a patient, a ResearchStudy and a Consent of the same Bundle.
//!
//! It grants nothing itself. To the Consent that it references it adds the study, where the
//! Consent names none, and the standing of the participant: who has withdrawn, or is not in the
//! study, has no consent to show. One that references no Consent is held against the consents of
//! its patient to its study.

use super::{
    Imported, Resource,
    bundled::Bundled,
    element::{period, reference, refuse_modifiers},
};
use crate::{
    error::{CredentialError, Rule},
    json::Node,
    schema::values::StudyId,
};

const ALONE: &str = "ties a participant to a study: what is issued is the Consent that \
                                it references, in the same Bundle";

/// Statuses (research-subject-status of R4) under which a consent stands.
const STANDING: [&str; 9] = [
    "candidate",
    "eligible",
    "follow-up",
    "on-study",
    "on-study-intervention",
    "on-study-observation",
    "pending-on-study",
    "potential-candidate",
    "screening",
];

/// Statuses under which no consent stands, and why.
const ENDED: [(&str, &str); 4] = [
    ("withdrawn", "says that the participant has withdrawn"),
    ("off-study", "says that the participant has left the study"),
    ("ineligible", "says that the person is not eligible for the study"),
    ("not-registered", "says that the person is not registered in the study"),
];

pub(super) fn import(resource: &Resource<'_>, bundled: &Bundled<'_, '_>) -> Imported {
    let consent = resource.object.get("consent").and_then(|node| reference(&node).ok());
    let found = consent.and_then(|consent| bundled.find(&consent));
    match found {
        Some(found) if found.kind == "Consent" => Imported::evidence(
            resource,
            "is evidence for a Consent in the same Bundle, not a credential of its own",
        ),
        _ => Imported::refused(resource, ALONE),
    }
}

/// The study of a consent, and whether the participant still takes part in it.
///
/// `stated` are the registrations of the study that the consent itself names.
pub(super) fn study(
    consent: &Resource<'_>,
    stated: Option<Vec<StudyId>>,
    bundled: &Bundled<'_, '_>,
) -> Result<Option<StudyId>, CredentialError> {
    let mut tied = Tied::of(consent, stated, bundled)?;
    for participation in &tied.participations {
        check_standing(participation)?;
    }
    match tied.studies.as_deref() {
        None | Some([]) => Ok(None),
        Some([_]) => Ok(tied.studies.take().and_then(|mut studies| studies.pop())),
        Some(_) => Err(CredentialError::invalid(
            &consent.object.path,
            "is tied to a study with several registrations and does not say which \
             (consent-ResearchStudyContext)",
        )),
    }
}

/// The study of a consent, whatever the participant's standing.
pub(super) fn tied_study(
    consent: &Resource<'_>,
    stated: Option<Vec<StudyId>>,
    bundled: &Bundled<'_, '_>,
) -> Result<Option<StudyId>, CredentialError> {
    let tied = Tied::of(consent, stated, bundled)?;
    Ok(tied.studies.and_then(|studies| studies.into_iter().next()))
}

/// The registrations of a study that is referred to: of the ResearchStudy in the Bundle, or of
/// the reference's own identifier.
pub(super) fn registrations(
    node: &Node<'_>,
    bundled: &Bundled<'_, '_>,
) -> Result<Vec<StudyId>, CredentialError> {
    let object = node.object()?;
    if let Some(target) = object.get("reference")
        && let Some(found) = bundled.find(target.text()?)
    {
        if found.kind != "ResearchStudy" {
            return Err(target.refuse("points to a resource that is not a ResearchStudy"));
        }
        return registrations_of(found);
    }
    let identifier = object.require("identifier")?.object()?;
    Ok(vec![identifier.require("value")?.parse()?])
}

fn registrations_of(study: &Resource<'_>) -> Result<Vec<StudyId>, CredentialError> {
    refuse_modifiers(&study.object)?;
    let status = study.object.require("status")?;
    match status.text()? {
        "disapproved" => return Err(status.refuse("says that the study was not approved")),
        "withdrawn" => return Err(status.refuse("says that the study was withdrawn")),
        _ => {}
    }
    let mut registrations = Vec::new();
    for identifier in study.object.list("identifier")? {
        let value = identifier.object()?.get("value");
        // Studies also have identifiers of their sponsor and of their ethics committee.
        if let Some(Ok(registered)) = value.map(|value| value.parse::<StudyId>())
            && !registrations.contains(&registered)
        {
            registrations.push(registered);
        }
    }
    Ok(registrations)
}

/// What the ResearchSubjects of a Bundle make of one consent.
struct Tied<'a, 'r> {
    studies: Option<Vec<StudyId>>,
    participations: Vec<&'r Resource<'a>>,
}

impl<'a, 'r> Tied<'a, 'r> {
    fn of(
        consent: &Resource<'_>,
        stated: Option<Vec<StudyId>>,
        bundled: &Bundled<'a, 'r>,
    ) -> Result<Self, CredentialError> {
        if let Some([]) = stated.as_deref() {
            return Err(unregistered(&consent.object.path));
        }
        let patient = reference(&consent.object.require("patient")?)?;
        let mut tied = Self { studies: stated, participations: Vec::new() };
        for participation in bundled.evidence_for(consent, "ResearchSubject") {
            let individual = participation.object.require("individual")?;
            if !bundled.same(&reference(&individual)?, &patient) {
                return Err(individual.refuse("is not the patient of the Consent"));
            }
            let study = participation.object.require("study")?;
            tied.narrow(registrations(&study, bundled)?, &study)?;
            tied.participations.push(participation);
        }
        for participation in bundled.participations_of(&patient) {
            let study = participation.object.require("study")?;
            let of_it = registrations(&study, bundled)?;
            if tied.studies.iter().flatten().any(|study| of_it.contains(study)) {
                tied.participations.push(participation);
            }
        }
        Ok(tied)
    }

    /// Keeps what a participation also names. A study without a registration says nothing beside
    /// a Consent that names its own.
    fn narrow(&mut self, named: Vec<StudyId>, study: &Node<'_>) -> Result<(), CredentialError> {
        match (&mut self.studies, named.is_empty()) {
            (None, true) => return Err(unregistered(&study.path)),
            (Some(_), true) => {}
            (None, false) => self.studies = Some(named),
            (Some(studies), false) => {
                studies.retain(|study| named.contains(study));
                if studies.is_empty() {
                    return Err(study.refuse("is another study than that of the Consent"));
                }
            }
        }
        Ok(())
    }
}

fn unregistered(path: &str) -> CredentialError {
    let rule = "names a study without an identifier of a registry (NCT, ISRCTN, DRKS or CTIS)";
    Rule::new(rule).at(path)
}

fn check_standing(participation: &Resource<'_>) -> Result<(), CredentialError> {
    refuse_modifiers(&participation.object)?;
    period(&participation.object, "period")?;
    let status = participation.object.require("status")?;
    let text = status.text()?;
    if let Some((_, why)) = ENDED.iter().find(|(ended, _)| *ended == text) {
        return Err(status.refuse(why));
    }
    if STANDING.contains(&text) {
        Ok(())
    } else {
        Err(status.refuse("is not a status of a ResearchSubject (FHIR R4)"))
    }
}
