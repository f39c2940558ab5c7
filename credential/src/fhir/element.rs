//! Elements that several resources share: codings, identifiers, references, dates, extensions.

use attestry_circuits::HolderCommitment;

use crate::{
    error::CredentialError,
    json::{Node, Object},
    schema::values::{Day, Npi, read_holder},
};

/// Base of our own extensions.
pub(super) const EXTENSIONS: &str = "https://attestry.example/fhir/StructureDefinition/";
/// Base of our own code systems.
pub(super) const CODE_SYSTEMS: &str = "https://attestry.example/fhir/CodeSystem/";
/// Our own extension that states the holder commitment.
pub(super) const HOLDER_EXTENSION: &str = "holder-commitment";
const NPI_SYSTEM: &str = "http://hl7.org/fhir/sid/us-npi";

/// One coding.
pub(super) struct Coding<'a> {
    pub(super) system: &'a str,
    pub(super) code: Node<'a>,
}

impl<'a> Coding<'a> {
    /// Reads a `Coding`; system and code are both needed.
    pub(super) fn read(node: &Node<'a>) -> Result<Self, CredentialError> {
        let object = node.object()?;
        Ok(Self { system: object.require("system")?.text()?, code: object.require("code")? })
    }

    /// The codings of a `CodeableConcept`.
    pub(super) fn of_concept(node: &Node<'a>) -> Result<Vec<Self>, CredentialError> {
        let codings = node.object()?.list("coding")?;
        codings.iter().map(Self::read).collect()
    }
}

/// The first coding of a concept in a system.
pub(super) fn coding_in<'a>(
    node: &Node<'a>,
    system: &str,
) -> Result<Option<Node<'a>>, CredentialError> {
    let codings = Coding::of_concept(node)?;
    let found = codings.into_iter().find(|coding| coding.system == system);
    Ok(found.map(|coding| coding.code))
}

/// The day of a `date`, `dateTime` or `instant`, as written; a year or month alone is no day.
pub(super) fn day(node: &Node<'_>) -> Result<Day, CredentialError> {
    let text = node.text()?;
    let date = text.split_once('T').map_or(text, |(date, _)| date);
    date.parse().map_err(|_| node.refuse("is not a full date that fits the calendar"))
}

/// The day of a member, if it is there.
pub(super) fn optional_day(
    object: &Object<'_>,
    name: &str,
) -> Result<Option<Day>, CredentialError> {
    object.get(name).map(|node| day(&node)).transpose()
}

/// Start and end of a `Period` member.
pub(super) fn period(
    object: &Object<'_>,
    name: &str,
) -> Result<(Option<Day>, Option<Day>), CredentialError> {
    match object.get(name) {
        None => Ok((None, None)),
        Some(node) => {
            let period = node.object()?;
            let (start, end) = (optional_day(&period, "start")?, optional_day(&period, "end")?);
            if let (Some(start), Some(end)) = (start, end)
                && end < start
            {
                return Err(CredentialError::invalid(period.member("end"), "is before start"));
            }
            Ok((start, end))
        }
    }
}

/// An element that changes the meaning of others in a way that is not known here.
pub(super) fn refuse_modifiers(object: &Object<'_>) -> Result<(), CredentialError> {
    for name in ["modifierExtension", "implicitRules"] {
        if let Some(node) = object.get(name) {
            return Err(node.refuse("changes the meaning of the resource and is not understood"));
        }
    }
    Ok(())
}

/// The extensions of an element.
pub(super) struct Extensions<'a>(Vec<(&'a str, Object<'a>)>);

impl<'a> Extensions<'a> {
    /// Reads them; of our own, only the `known` ones may be there.
    pub(super) fn read(object: &Object<'a>, known: &[&str]) -> Result<Self, CredentialError> {
        let mut extensions = Vec::new();
        for node in object.list("extension")? {
            let extension = node.object()?;
            let url = extension.require("url")?;
            let text = url.text()?;
            if let Some(name) = text.strip_prefix(EXTENSIONS)
                && !known.contains(&name)
            {
                return Err(url.refuse("is not an extension of this element"));
            }
            extensions.push((text, extension));
        }
        Ok(Self(extensions))
    }

    /// Those with a URL.
    pub(super) fn with_url(&self, url: &str) -> impl Iterator<Item = &Object<'a>> {
        let matching = self.0.iter().filter(move |(known, _)| *known == url);
        matching.map(|(_, extension)| extension)
    }

    /// The values of our own extension, in order.
    pub(super) fn values(&self, name: &str, kind: &str) -> Result<Vec<Node<'a>>, CredentialError> {
        let url = format!("{EXTENSIONS}{name}");
        self.with_url(&url).map(|extension| extension.require(kind)).collect()
    }

    /// The value of our own extension, which may stand once.
    pub(super) fn value(
        &self,
        name: &str,
        kind: &str,
    ) -> Result<Option<Node<'a>>, CredentialError> {
        let mut values = self.values(name, kind)?;
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(values.swap_remove(1).refuse("repeats an extension that may stand once")),
        }
    }

    /// The value of our own extension as a day.
    pub(super) fn day(&self, name: &str) -> Result<Option<Day>, CredentialError> {
        self.value(name, "valueDate")?.map(|node| day(&node)).transpose()
    }

    /// Our own complex extension, which may stand once.
    pub(super) fn complex(&self, name: &str) -> Result<Option<Extensions<'a>>, CredentialError> {
        let url = format!("{EXTENSIONS}{name}");
        let found = self.with_url(&url).next();
        found.map(|extension| Extensions::read(extension, &[])).transpose()
    }

    /// The value of a part of a complex extension.
    pub(super) fn part(&self, url: &str, kind: &str) -> Result<Option<Node<'a>>, CredentialError> {
        let found = self.with_url(url).next();
        found.map(|extension| extension.require(kind)).transpose()
    }
}

/// Whose the credentials of a resource will be, where it says so.
pub(super) fn holder(
    resource: &Object<'_>,
    known: &[&str],
) -> Result<Option<HolderCommitment>, CredentialError> {
    let stated = Extensions::read(resource, known)?.value(HOLDER_EXTENSION, "valueString")?;
    let read = |node: Node<'_>| read_holder(node.text()?).map_err(|rule| rule.at(&node.path));
    stated.map(read).transpose()
}

/// The NPI among identifiers, and warnings about those that are none.
pub(super) fn npi(
    identifiers: &[Node<'_>],
    warnings: &mut Vec<String>,
) -> Result<Option<Npi>, CredentialError> {
    let mut found = None;
    let mut wrong = None;
    for identifier in identifiers {
        let object = identifier.object()?;
        let system = object.get("system").map(|node| node.text()).transpose()?;
        if system != Some(NPI_SYSTEM) {
            warnings.push(format!("{} is not an NPI and is not issued", identifier.path));
            continue;
        }
        match object.require("value").and_then(|value| value.parse::<Npi>()) {
            Ok(npi) => found = found.or(Some(npi)),
            Err(error) => {
                warnings.push(error.to_string());
                wrong = wrong.or(Some(error));
            }
        }
    }
    match (found, wrong) {
        (None, Some(error)) => Err(error),
        (found, _) => Ok(found),
    }
}

/// The refusal of a provider without an NPI.
pub(super) fn no_npi(path: String) -> CredentialError {
    CredentialError::invalid(
        path,
        "has no National Provider Identifier (http://hl7.org/fhir/sid/us-npi)",
    )
}

/// A reference as text: what it points to, or the identifier as `system|value`.
pub(super) fn reference(node: &Node<'_>) -> Result<String, CredentialError> {
    let object = node.object()?;
    if let Some(reference) = object.get("reference") {
        return Ok(reference.text()?.to_owned());
    }
    let Some(identifier) = object.get("identifier") else {
        return Err(node.refuse("has neither a reference nor an identifier"));
    };
    let identifier = identifier.object()?;
    let value = identifier.require("value")?.text()?;
    let system = identifier.get("system").map(|node| node.text()).transpose()?;
    Ok(format!("{}|{value}", system.unwrap_or_default()))
}
