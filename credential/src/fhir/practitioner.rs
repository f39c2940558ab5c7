//! Practitioner.qualification and PractitionerRole.

use attestry_circuits::HolderCommitment;

use super::{
    Imported, Resource,
    bundled::Bundled,
    element::{
        CODE_SYSTEMS, Coding, Extensions, HOLDER_EXTENSION, coding_in, holder, no_npi, npi, period,
        reference, refuse_modifiers,
    },
    verification,
};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    schema::{
        ProviderCredential, Subject, read_mask, read_standing,
        values::{Npi, TaxonomyCode, Text},
    },
    vocabulary::{Code, CredentialKind, LicenceType, State},
};

const DEGREES: &str = "http://terminology.hl7.org/CodeSystem/v2-0360";
const TAXONOMY: &str = "http://nucc.org/provider-taxonomy";
const STATES: &str = "https://www.usps.com/";
const DEA_NUMBERS: [&str; 2] =
    ["http://terminology.hl7.org/NamingSystem/USDEANumber", "urn:oid:2.16.840.1.113883.4.814"];
const SCOPE_EXTENSIONS: [&str; 2] = [
    "http://hl7.org/fhir/us/ndh/StructureDefinition/base-ext-practitioner-qualification-scope",
    "http://hl7.org/fhir/us/ndh/StructureDefinition/base-ext-practitioner-qualification",
];
const ROLE_EXTENSION: &str =
    "http://hl7.org/fhir/us/ndh/StructureDefinition/base-ext-qualification";

/// Licence types among the degrees of HL7 table 0360.
const LICENCES_IN_DEGREES: [(&str, &str); 9] = [
    ("MD", "MD"),
    ("DO", "DO"),
    ("RN", "RN"),
    ("PA", "PA"),
    ("NP", "NP"),
    ("CNP", "NP"),
    ("CNM", "CNM"),
    ("CNS", "CNS"),
    ("PharmD", "PharmD"),
];

const OWN_EXTENSIONS: [&str; 10] = [
    "credential-kind",
    "authority",
    "home-state",
    "compact",
    "standing",
    "renewed-on",
    "board-status",
    "dea-schedule",
    "exclusion-checked-on",
    "decided-on",
];

/// Who a practitioner is.
struct Identity {
    npi: Npi,
    name: Text,
}

pub(super) fn import(resource: &Resource<'_>, bundled: &Bundled<'_, '_>) -> Vec<Imported> {
    let mut warnings = Vec::new();
    let read = read_practitioner(resource, &mut warnings);
    let (identity, holder, qualifications) = match read {
        Ok(read) => read,
        Err(error) => {
            return vec![Imported { warnings, ..Imported::new(resource.label(), Err(error)) }];
        }
    };
    let numbered = qualifications.iter().enumerate();
    numbered
        .map(|(index, node)| {
            let mut warnings = warnings.clone();
            let outcome = qualification(&identity, node).and_then(|mut provider| {
                verification::add(&mut provider, resource, index, bundled, &mut warnings)?;
                finish(provider, &node.path)
            });
            // A position changes when another qualification comes or goes; an id does not.
            let key = node.value["id"].as_str().zip(resource.id());
            Imported {
                holder,
                key: key.map(|(id, _)| format!("{}.qualification.{id}", resource.label())),
                warnings,
                ..Imported::new(format!("{}.qualification[{index}]", resource.label()), outcome)
            }
        })
        .collect()
}

fn read_practitioner<'a>(
    resource: &Resource<'a>,
    warnings: &mut Vec<String>,
) -> Result<(Identity, Option<HolderCommitment>, Vec<Node<'a>>), CredentialError> {
    let practitioner = &resource.object;
    refuse_modifiers(practitioner)?;
    let holder = holder(practitioner, &[HOLDER_EXTENSION])?;
    let identity = identity(practitioner, warnings)?;
    if let Some(active) = practitioner.get("active")
        && !active.boolean()?
    {
        return Err(active.refuse("is false: the record is no longer in use"));
    }
    let qualifications = practitioner.list("qualification")?;
    if qualifications.is_empty() {
        return Err(practitioner.missing("qualification"));
    }
    Ok((identity, holder, qualifications))
}

fn identity(
    practitioner: &Object<'_>,
    warnings: &mut Vec<String>,
) -> Result<Identity, CredentialError> {
    let npi = npi(&practitioner.list("identifier")?, warnings)?;
    let npi = npi.ok_or_else(|| no_npi(practitioner.member("identifier")))?;
    let names = practitioner.list("name")?;
    let official = names.iter().find(|name| name.value["use"] == "official");
    let name = official.or(names.first());
    let name = name.ok_or_else(|| practitioner.missing("name"))?;
    Ok(Identity { npi, name: human_name(name)? })
}

/// Given names and family name, or the text.
fn human_name(node: &Node<'_>) -> Result<Text, CredentialError> {
    let name = node.object()?;
    let Some(family) = name.get("family") else {
        return name.require("text")?.parse();
    };
    let mut parts = Vec::new();
    for given in name.list("given")? {
        parts.push(given.text()?);
    }
    parts.push(family.text()?);
    let whole = parts.join(" ");
    whole.parse().map_err(|rule: Rule| rule.at(&node.path))
}

fn qualification(
    identity: &Identity,
    node: &Node<'_>,
) -> Result<ProviderCredential, CredentialError> {
    let object = node.object()?;
    refuse_modifiers(&object)?;
    let extensions = Extensions::read(&object, &OWN_EXTENSIONS)?;
    let code = object.require("code")?;
    let licence_type = licence_type(&code)?;
    let taxonomy: Option<TaxonomyCode> =
        coding_in(&code, TAXONOMY)?.map(|code| code.parse()).transpose()?;
    let kind: Code<CredentialKind> = match extensions.value("credential-kind", "valueCode")? {
        Some(stated) => stated.parse()?,
        None => derived_kind(&code, licence_type.is_some(), taxonomy.is_some())?,
    };

    let mut provider = ProviderCredential::new(kind, identity.npi, identity.name.clone());
    provider.licence_type = licence_type;
    provider.taxonomy = taxonomy;
    provider.licence_number = licence_number(&object)?;
    (provider.issued_on, provider.expires_on) = period(&object, "period")?;
    if provider.expires_on.is_none() && !matches!(kind.word(), "education" | "exclusion-clear") {
        return Err(CredentialError::invalid(
            object.member("period.end"),
            "is required: validity is derived from it, not from a status",
        ));
    }
    read_scope(&mut provider, &extensions)?;
    read_own_extensions(&mut provider, &extensions)?;
    Ok(provider)
}

fn licence_type(code: &Node<'_>) -> Result<Option<Code<LicenceType>>, CredentialError> {
    if let Some(own) = coding_in(code, &format!("{CODE_SYSTEMS}licence-type"))? {
        return own.parse().map(Some);
    }
    let Some(degree) = coding_in(code, DEGREES)? else {
        return Ok(None);
    };
    let text = degree.text()?;
    let known = LICENCES_IN_DEGREES.iter().find(|(code, _)| *code == text);
    known
        .map(|(_, licence)| licence.parse().map_err(|rule: Rule| rule.at(&degree.path)))
        .transpose()
}

fn derived_kind(
    code: &Node<'_>,
    is_licence: bool,
    is_specialty: bool,
) -> Result<Code<CredentialKind>, CredentialError> {
    let word = if is_licence {
        "licence"
    } else if is_specialty {
        "board-certification"
    } else if Coding::of_concept(code)?.iter().any(|coding| coding.system.starts_with(DEGREES)) {
        "education"
    } else {
        return Err(code.refuse(
            "has no coding of a licence (v2-0360 or our licence-type) or a specialty (NUCC)",
        ));
    };
    word.parse().map_err(|rule: Rule| rule.at(&code.path))
}

fn licence_number(qualification: &Object<'_>) -> Result<Option<Text>, CredentialError> {
    let identifiers = qualification.list("identifier")?;
    let is_dea = |node: &&Node<'_>| {
        let system = node.value["system"].as_str();
        system.is_some_and(|system| DEA_NUMBERS.contains(&system))
    };
    let chosen = identifiers.iter().find(is_dea).or(identifiers.first());
    chosen.map(|node| node.object()?.require("value")?.parse()).transpose()
}

/// Status and place, from the National Directory's extension.
fn read_scope(
    provider: &mut ProviderCredential,
    extensions: &Extensions<'_>,
) -> Result<(), CredentialError> {
    let mut scopes = SCOPE_EXTENSIONS.iter().flat_map(|url| extensions.with_url(url));
    let Some(scope) = scopes.next() else {
        return Ok(());
    };
    let parts = Extensions::read(scope, &[])?;
    let places: Vec<&Object<'_>> = parts.with_url("whereValid").collect();
    if let Some(second) = places.get(1) {
        return Err(CredentialError::invalid(
            second.path.clone(),
            "names a second place: one qualification each",
        ));
    }
    if let Some(place) = places.first() {
        let concept = place.require("valueCodeableConcept")?;
        let state = coding_in(&concept, STATES)?
            .ok_or_else(|| concept.refuse("has no coding of a state (https://www.usps.com/)"))?;
        let state: Code<State> = state.parse()?;
        if provider.kind.is("dea-registration") {
            provider.dea_state = Some(state);
        } else {
            provider.jurisdiction = Some(state);
        }
    }
    if let Some(status) = parts.part("status", "valueCode")? {
        if provider.kind.is("board-certification") {
            provider.board_status = Some(status.parse()?);
        } else {
            provider.status = Some(status.parse()?);
        }
    }
    Ok(())
}

fn read_own_extensions(
    provider: &mut ProviderCredential,
    extensions: &Extensions<'_>,
) -> Result<(), CredentialError> {
    let code = |name| extensions.value(name, "valueCode");
    provider.authority = code("authority")?.map(|node| node.parse()).transpose()?;
    provider.home_state = code("home-state")?.map(|node| node.parse()).transpose()?;
    provider.compact = code("compact")?.map(|node| node.parse()).transpose()?;
    if let Some(status) = code("board-status")? {
        provider.board_status = Some(status.parse()?);
    }
    provider.standing = read_standing(&extensions.values("standing", "valueCode")?)?;
    provider.dea_schedules = read_mask(&extensions.values("dea-schedule", "valueCode")?)?;
    provider.renewed_on = extensions.day("renewed-on")?;
    provider.exclusion_checked_on = extensions.day("exclusion-checked-on")?;
    provider.decided_on = extensions.day("decided-on")?;
    Ok(())
}

/// Checks the whole, naming the claim at fault under the element's path.
fn finish(provider: ProviderCredential, path: &str) -> Result<Subject, CredentialError> {
    let subject = Subject::Provider(Box::new(provider));
    match subject.validate() {
        Ok(()) => Ok(subject),
        Err(CredentialError::Invalid { path: claim, rule }) => {
            Err(rule.at(format!("{path}: {claim}")))
        }
        Err(other) => Err(other),
    }
}

pub(super) fn import_role(resource: &Resource<'_>, bundled: &Bundled<'_, '_>) -> Imported {
    let mut warnings = Vec::new();
    let outcome = holder(&resource.object, &[HOLDER_EXTENSION])
        .and_then(|holder| Ok((role(resource, bundled, &mut warnings)?, holder)));
    Imported { warnings, ..Imported::of_resource(resource, outcome) }
}

fn role(
    resource: &Resource<'_>,
    bundled: &Bundled<'_, '_>,
    warnings: &mut Vec<String>,
) -> Result<Subject, CredentialError> {
    let role = &resource.object;
    refuse_modifiers(role)?;
    let identity = role_identity(role, bundled, warnings)?;
    let active = role.require("active")?;
    if !active.boolean()? {
        return Err(active.refuse("is false: the role is no longer held"));
    }
    let word = |text: &str| text.parse().map_err(|rule: Rule| rule.at(&role.path));
    let mut provider =
        ProviderCredential::new(word("hospital-privilege")?, identity.npi, identity.name);
    (provider.issued_on, provider.expires_on) = period(role, "period")?;
    if provider.expires_on.is_none() {
        return Err(CredentialError::invalid(
            role.member("period.end"),
            "is required: validity is derived from it, not from a status",
        ));
    }
    for specialty in role.list("specialty")? {
        if let Some(code) = coding_in(&specialty, TAXONOMY)? {
            provider.taxonomy = Some(code.parse()?);
            break;
        }
    }
    let extensions = Extensions::read(role, &[HOLDER_EXTENSION])?;
    let status = match extensions.with_url(ROLE_EXTENSION).next() {
        Some(qualification) => Extensions::read(qualification, &[])?.part("status", "valueCode")?,
        None => None,
    };
    provider.status = Some(match status {
        Some(status) => status.parse()?,
        None => "active".parse().map_err(|rule: Rule| rule.at(&active.path))?,
    });
    finish(provider, &role.path)
}

/// The practitioner of a role: from the Bundle, or by the NPI that the role itself states.
fn role_identity(
    role: &Object<'_>,
    bundled: &Bundled<'_, '_>,
    warnings: &mut Vec<String>,
) -> Result<Identity, CredentialError> {
    let node = role.require("practitioner")?;
    let practitioner = node.object()?;
    if let Some(target) = practitioner.get("reference")
        && let Some(found) = bundled.find(&reference(&node)?)
    {
        if found.kind != "Practitioner" {
            return Err(target.refuse("points to a resource that is not a Practitioner"));
        }
        return identity(&found.object, warnings);
    }
    let mut identifiers = role.list("identifier")?;
    identifiers.extend(practitioner.get("identifier"));
    let npi = npi(&identifiers, warnings)?;
    Ok(Identity {
        npi: npi.ok_or_else(|| no_npi(role.member("identifier")))?,
        name: practitioner.require("display")?.parse()?,
    })
}
