//! Consent: status, signatory, study, form, and the flattened provisions.

use base64::Engine;

use super::{
    Imported, Resource,
    bundled::Bundled,
    element::{Extensions, HOLDER_EXTENSION, coding_in, day, holder, reference, refuse_modifiers},
    participation, provision,
};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    schema::{
        ConsentGrant, Subject, read_mask,
        values::{Sha256Digest, StudyId},
    },
    vocabulary::{Code, ConsentScope, Performer},
};

const SCOPES: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const STUDY_EXTENSION: &str =
    "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext";
const OWN_EXTENSIONS: [&str; 8] = [
    HOLDER_EXTENSION,
    "form-version",
    "protocol-version",
    "ethics-approval",
    "majority-date",
    "signature-kind",
    "withdrawal-term",
    "supersedes",
];

/// Whom and what a consent is about, and when it was given: enough to see which is the latest.
pub(super) struct Occasion {
    pub(super) about: String,
    pub(super) when: String,
}

/// None if the consent lacks what it takes; its own outcome says so.
pub(super) fn occasion(resource: &Resource<'_>, bundled: &Bundled<'_, '_>) -> Option<Occasion> {
    let consent = &resource.object;
    let patient = reference(&consent.get("patient")?).ok()?;
    let scope = coding_in(&consent.get("scope")?, SCOPES).ok()??;
    let extensions = Extensions::read(consent, &OWN_EXTENSIONS).ok()?;
    let stated = stated_study(&extensions, bundled).ok()?;
    let study = participation::tied_study(resource, stated, bundled).ok()?;
    let study = study.map(|study| study.to_string()).unwrap_or_default();
    Some(Occasion {
        about: format!("{patient}\n{}\n{study}", scope.text().ok()?),
        when: consent.get("dateTime")?.text().ok()?.to_owned(),
    })
}

pub(super) fn import(resource: &Resource<'_>, bundled: &Bundled<'_, '_>) -> Imported {
    let outcome = holder(&resource.object, &OWN_EXTENSIONS)
        .and_then(|holder| Ok((grant(resource, bundled)?, holder)));
    Imported::of_resource(resource, outcome)
}

fn grant(resource: &Resource<'_>, bundled: &Bundled<'_, '_>) -> Result<Subject, CredentialError> {
    let consent = &resource.object;
    refuse_modifiers(consent)?;
    let status = consent.require("status")?;
    if status.text()? != "active" {
        return Err(status.refuse("is not active: what is not in force grants nothing"));
    }
    let scope = consent.require("scope")?;
    let scope: Code<ConsentScope> = coding_in(&scope, SCOPES)?
        .ok_or_else(|| scope.refuse("has no coding of consentscope"))?
        .parse()?;
    day(&consent.require("dateTime")?)?;
    let performer = performer(consent)?;
    let extensions = Extensions::read(consent, &OWN_EXTENSIONS)?;

    let (default_decision, terms) = provision::flatten(consent, scope)?;
    let mut grant = ConsentGrant::new(scope, default_decision, performer);
    terms.state(&mut grant);
    grant.study = participation::study(resource, stated_study(&extensions, bundled)?, bundled)?;
    let string = |name| extensions.value(name, "valueString");
    grant.form_version = string("form-version")?.map(|node| node.parse()).transpose()?;
    grant.protocol_version = string("protocol-version")?.map(|node| node.parse()).transpose()?;
    grant.form_hash = form_hash(consent)?;
    if let Some(ethics) = extensions.complex("ethics-approval")? {
        let digest = ethics.part("sha256", "valueString")?;
        grant.ethics_hash = digest.map(|node| node.parse()).transpose()?;
        let expires = ethics.part("expires", "valueDate")?;
        grant.ethics_expires_on = expires.map(|node| day(&node)).transpose()?;
    }
    grant.majority_on = extensions.day("majority-date")?;
    let signature = extensions.value("signature-kind", "valueCode")?;
    grant.signature = signature.map(|node| node.parse()).transpose()?;
    grant.withdrawal_terms = read_mask(&extensions.values("withdrawal-term", "valueCode")?)?;
    grant.language = consent
        .get("language")
        .map(|node| {
            let primary = node.text()?.split('-').next().unwrap_or_default();
            primary.parse().map_err(|rule: Rule| rule.at(&node.path))
        })
        .transpose()?;
    if let Some(previous) = extensions.complex("supersedes")? {
        let sequence = previous.part("sequence", "valueUnsignedInt")?;
        grant.sequence = sequence.map_or(Ok(0), |node| node.u32())?;
        let digest = previous.part("sha256", "valueString")?;
        grant.previous = digest.map(|node| node.parse()).transpose()?;
    }

    let subject = Subject::Consent(Box::new(grant));
    match subject.validate() {
        Ok(()) => Ok(subject),
        Err(CredentialError::Invalid { path: claim, rule }) => {
            Err(rule.at(format!("{}: {claim}", consent.path)))
        }
        Err(other) => Err(other),
    }
}

/// Who consented: the patient, or a signatory whose role is stated.
fn performer(consent: &Object<'_>) -> Result<Code<Performer>, CredentialError> {
    let patient = reference(&consent.require("patient")?)?;
    let performers = consent.list("performer")?;
    let Some(first) = performers.first() else {
        return Err(CredentialError::invalid(
            consent.member("performer"),
            "is required: who consented",
        ));
    };
    if let Some(second) = performers.get(1) {
        return Err(second.refuse("is a second signatory: parent and child are one signatory-role"));
    }
    let object = first.object()?;
    let role =
        Extensions::read(&object, &["signatory-role"])?.value("signatory-role", "valueCode")?;
    match role {
        Some(role) => role.parse(),
        None if reference(first)? == patient => {
            "self".parse().map_err(|rule: Rule| rule.at(&first.path))
        }
        None => Err(first.refuse("is not the patient and states no signatory-role")),
    }
}

/// The studies that the consent itself may mean: one, or the several registrations of one that
/// stands in the same Bundle.
fn stated_study(
    extensions: &Extensions<'_>,
    bundled: &Bundled<'_, '_>,
) -> Result<Option<Vec<StudyId>>, CredentialError> {
    let Some(extension) = extensions.with_url(STUDY_EXTENSION).next() else {
        return Ok(None);
    };
    participation::registrations(&extension.require("valueReference")?, bundled).map(Some)
}

/// SHA-256 of the signed form: of its data, or as an extension states it; both must agree.
fn form_hash(consent: &Object<'_>) -> Result<Option<Sha256Digest>, CredentialError> {
    let Some(node) = consent.get("sourceAttachment") else {
        return Ok(None);
    };
    let attachment = node.object()?;
    let stated =
        Extensions::read(&attachment, &["form-sha256"])?.value("form-sha256", "valueString")?;
    let stated: Option<Sha256Digest> = stated.map(|node| node.parse()).transpose()?;
    let computed = attachment.get("data").map(|data| digest_of(&data)).transpose()?;
    if let (Some(stated), Some(computed)) = (stated, computed)
        && stated != computed
    {
        return Err(node.refuse("has data whose SHA-256 is not the stated one"));
    }
    Ok(computed.or(stated))
}

fn digest_of(data: &Node<'_>) -> Result<Sha256Digest, CredentialError> {
    let text: String = data.text()?.split_ascii_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    let bytes = bytes.map_err(|_| data.refuse("is not base64"))?;
    Ok(Sha256Digest::of(&bytes))
}
