//! VerificationResult: primary source verification of qualifications in the same Bundle.

use super::{
    Resource,
    bundled::Bundled,
    element::{coding_in, day, optional_day, refuse_modifiers},
};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    schema::{ProviderCredential, values::Day},
    vocabulary::{Code, PsvProcess, PsvSource},
};

const PROCESSES: &str = "http://terminology.hl7.org/CodeSystem/validation-process";
const SOURCES: &str = "http://terminology.hl7.org/CodeSystem/primary-source-type";
const OUTCOMES: &str = "http://terminology.hl7.org/CodeSystem/validation-status";

/// Adds the latest verification that targets a qualification. A failed one refuses it.
pub(super) fn add(
    provider: &mut ProviderCredential,
    practitioner: &Resource<'_>,
    index: usize,
    bundled: &Bundled<'_, '_>,
    warnings: &mut Vec<String>,
) -> Result<(), CredentialError> {
    for resource in bundled.evidence_for(practitioner, "VerificationResult") {
        let result = &resource.object;
        if !targets(result, index)? {
            continue;
        }
        refuse_modifiers(result)?;
        let status = result.require("status")?;
        match status.text()? {
            "validated" => {}
            "val-fail" | "reval-fail" => {
                return Err(status.refuse("says that the verification failed"));
            }
            _ => {
                warnings.push(format!("{} is not validated: it is not used", status.path));
                continue;
            }
        }
        let found = Verification::read(result)?;
        if provider.psv_on.is_none_or(|known| known < found.on) {
            provider.psv_process = Some(found.process);
            provider.psv_source = Some(found.source);
            provider.psv_on = Some(found.on);
            provider.next_check_on = optional_day(result, "nextScheduled")?;
        }
    }
    Ok(())
}

/// Whether a result about a practitioner is about a qualification: about all of the practitioner,
/// all qualifications or this one.
fn targets(result: &Object<'_>, index: usize) -> Result<bool, CredentialError> {
    let locations = result.list("targetLocation")?;
    if locations.is_empty() {
        return Ok(true);
    }
    for location in locations {
        // Published examples also write the plural.
        let text = location.text()?.replace("qualifications", "qualification");
        if text == "Practitioner.qualification"
            || text == format!("Practitioner.qualification[{index}]")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Verification {
    process: Code<PsvProcess>,
    source: Code<PsvSource>,
    on: Day,
}

impl Verification {
    fn read(result: &Object<'_>) -> Result<Self, CredentialError> {
        let process = first_code(result, "validationProcess", PROCESSES)?.parse()?;
        for node in result.list("primarySource")? {
            let source = node.object()?;
            if let Some(outcome) = source.get("validationStatus")
                && coding_in(&outcome, OUTCOMES)?.is_some_and(|code| code.value != "successful")
            {
                continue;
            }
            let dates = [
                source.get("validationDate"),
                result.get("lastPerformed"),
                result.get("statusDate"),
            ];
            let date = dates.into_iter().flatten().next();
            return Ok(Self {
                process,
                source: first_code(&source, "type", SOURCES)?.parse()?,
                on: day(&date.ok_or_else(|| source.missing("validationDate"))?)?,
            });
        }
        Err(CredentialError::invalid(
            result.member("primarySource"),
            "has no source that was verified successfully",
        ))
    }
}

/// The first code of a system among the concepts of a member, which may be one or several.
fn first_code<'a>(
    object: &Object<'a>,
    name: &str,
    system: &str,
) -> Result<Node<'a>, CredentialError> {
    let member = object.require(name)?;
    let concepts = if member.value.is_array() { member.items()? } else { vec![member] };
    for concept in &concepts {
        if let Some(code) = coding_in(concept, system)? {
            return Ok(code);
        }
    }
    Err(CredentialError::invalid(object.member(name), "has no coding of its HL7 code system"))
}
