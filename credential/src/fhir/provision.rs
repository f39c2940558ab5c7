//! Nested provisions, flattened to what the claims carry: permit or deny, masks, a period.
//!
//! Flattening never widens. Inside the limits of the root provision, nested permits are what is
//! permitted; without any, a consent that opts in permits what the root describes. Several
//! permits join only if they differ in one dimension, and share their common period. A deny wins:
//! it takes away along the first dimension that it names. A limit that the claims cannot carry
//! refuses the consent.

use std::collections::BTreeSet;

use super::element::{CODE_SYSTEMS, Coding, coding_in, period, reference, refuse_modifiers};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    schema::{
        ConsentGrant,
        values::{Day, MondoId, Text},
    },
    vocabulary::{
        Action, Code, Coded, ConsentScope, DataClass, Decision, DuoModifier, DuoPermission, Mask,
        Purpose, Sensitivity,
    },
};

const ACTIONS: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
const PURPOSES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const POLICY_RULES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const PARTICIPATIONS: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
const DATA_USE: &str = "http://purl.obolibrary.org/obo/duo.owl";
const DISEASES: &str = "http://purl.obolibrary.org/obo/mondo.owl";

/// The class of data of each resource type that a provision may name.
const CLASS_OF_TYPE: [(&str, &str); 22] = [
    ("Patient", "demographics"),
    ("Encounter", "encounters"),
    ("Condition", "problems"),
    ("Observation", "observations"),
    ("MedicationRequest", "medications"),
    ("MedicationStatement", "medications"),
    ("MedicationAdministration", "medications"),
    ("AllergyIntolerance", "allergies"),
    ("Immunization", "immunisations"),
    ("Procedure", "procedures"),
    ("DiagnosticReport", "reports"),
    ("DocumentReference", "notes"),
    ("Composition", "notes"),
    ("ImagingStudy", "imaging"),
    ("MolecularSequence", "genomics"),
    ("Specimen", "specimens"),
    ("CarePlan", "care-plans"),
    ("Device", "devices"),
    ("FamilyMemberHistory", "family-history"),
    ("QuestionnaireResponse", "questionnaires"),
    ("Claim", "claims"),
    ("ExplanationOfBenefit", "claims"),
];

/// What a provision is about. None means that it does not limit the dimension.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Terms {
    purposes: Option<Mask<Purpose>>,
    actions: Option<Mask<Action>>,
    data: Option<Mask<DataClass>>,
    recipients: Option<BTreeSet<String>>,
    sensitive: Mask<Sensitivity>,
    duo_permission: Option<Code<DuoPermission>>,
    duo_modifiers: Mask<DuoModifier>,
    disease: Option<MondoId>,
    from: Option<Day>,
    to: Option<Day>,
}

impl Terms {
    /// Writes the terms into a grant. An unlimited dimension becomes all of it, except what is
    /// permitted only by name: the actions beyond FHIR's five, sensitive classes, genomics.
    pub(super) fn state(self, grant: &mut ConsentGrant) {
        grant.purposes = self.purposes.unwrap_or_default();
        grant.actions = self.actions.unwrap_or(unnamed_actions());
        grant.data = self.data.unwrap_or(unnamed_data());
        grant.sensitive_allowed = self.sensitive;
        let recipients = self.recipients.unwrap_or_default();
        grant.recipients = recipients.iter().filter_map(|name| name.parse().ok()).collect();
        grant.duo_permission = self.duo_permission;
        grant.duo_modifiers = self.duo_modifiers;
        grant.disease = self.disease;
        grant.data_from = self.from;
        grant.data_to = self.to;
    }
}

/// FHIR's five actions, which a consent that names none permits.
fn unnamed_actions() -> Mask<Action> {
    let five = Action::VOCABULARY.entries().iter().take(5);
    Mask::from_bits(five.fold(0, |bits, (bit, _)| bits | 1 << bit)).unwrap_or_default()
}

/// All classes of data but genomics.
fn unnamed_data() -> Mask<DataClass> {
    Mask::from_words(["genomics"]).map_or(Mask::default(), |named| Mask::full().difference(named))
}

/// The base decision and what is permitted.
pub(super) fn flatten(
    consent: &Object<'_>,
    scope: Code<ConsentScope>,
) -> Result<(Code<Decision>, Terms), CredentialError> {
    let root = consent.require("provision")?.object()?;
    let decision = base_decision(consent, &root)?;
    let limits = read_terms(&root)?;
    let mut permitted: Option<Terms> = None;
    let mut denied = Vec::new();
    for node in root.list("provision")? {
        let nested = node.object()?;
        let terms = read_terms(&nested)?;
        match nested.require("type")?.text()? {
            "deny" => denied.push((nested.path.clone(), terms)),
            "permit" => {
                let terms = within(terms, &limits, &nested.path)?;
                let mut terms = with_purposes(terms, scope);
                for (path, exception) in exceptions(&nested)? {
                    terms = without(terms, exception, &path)?;
                }
                permitted = Some(match permitted {
                    None => terms,
                    Some(known) => join(known, terms, &nested.path)?,
                });
            }
            _ => return Err(CredentialError::invalid(nested.member("type"), WRONG_TYPE)),
        }
    }
    let mut permitted = match permitted {
        Some(permitted) => permitted,
        None if decision.is("permit") => with_purposes(limits, scope),
        None => return Err(CredentialError::invalid(root.path, "permits nothing")),
    };
    for (path, terms) in denied {
        permitted = without(permitted, terms, &path)?;
    }
    Ok((decision, permitted))
}

const WRONG_TYPE: &str = "is neither permit nor deny";

/// The denials inside a permit. What they except in turn stays denied.
fn exceptions(permit: &Object<'_>) -> Result<Vec<(String, Terms)>, CredentialError> {
    let mut exceptions = Vec::new();
    for node in permit.list("provision")? {
        let nested = node.object()?;
        let kind = nested.require("type")?;
        match kind.text()? {
            "deny" => exceptions.push((nested.path.clone(), read_terms(&nested)?)),
            "permit" => return Err(kind.refuse("repeats the permit that it stands in")),
            _ => return Err(kind.refuse(WRONG_TYPE)),
        }
    }
    Ok(exceptions)
}

/// What holds where no provision speaks: `policyRule`, or the root's type; deny if neither.
fn base_decision(
    consent: &Object<'_>,
    root: &Object<'_>,
) -> Result<Code<Decision>, CredentialError> {
    let rule = match consent.get("policyRule") {
        Some(node) => match coding_in(&node, POLICY_RULES)? {
            Some(code) => match code.text()? {
                "OPTIN" => Some("permit"),
                "OPTOUT" => Some("deny"),
                _ => None,
            },
            None => None,
        },
        None => None,
    };
    let kind = root.get("type");
    let stated = kind.as_ref().map(|kind| kind.text()).transpose()?;
    if let (Some(rule), Some(stated), Some(kind)) = (rule, stated, &kind)
        && rule != stated
    {
        return Err(kind.refuse("contradicts policyRule: an exception is a nested provision"));
    }
    let decision = rule.or(stated).unwrap_or("deny");
    decision.parse().map_err(|_: Rule| CredentialError::invalid(root.member("type"), WRONG_TYPE))
}

fn read_terms(provision: &Object<'_>) -> Result<Terms, CredentialError> {
    refuse_modifiers(provision)?;
    for name in ["dataPeriod", "data"] {
        if let Some(node) = provision.get(name) {
            return Err(node.refuse("is a limit that the claims cannot carry"));
        }
    }
    let mut terms = Terms::default();
    (terms.from, terms.to) = period(provision, "period")?;
    for node in provision.list("actor")? {
        let recipient = recipient(&node)?;
        terms.recipients.get_or_insert_default().insert(recipient);
    }
    for node in provision.list("action")? {
        terms.actions = add(terms.actions, action(&node)?);
    }
    for node in provision.list("securityLabel")? {
        terms.sensitive = terms.sensitive.with(sensitivity(&node)?);
    }
    for node in provision.list("purpose")? {
        let coding = Coding::read(&node)?;
        match coding.system {
            PURPOSES => terms.purposes = add(terms.purposes, coding.code.parse()?),
            DATA_USE => data_use(&mut terms, &coding.code)?,
            _ => return Err(node.refuse("is neither of v3-ActReason nor of DUO")),
        }
    }
    for node in provision.list("class")? {
        terms.data = add(terms.data, data_class(&node)?);
    }
    for node in provision.list("code")? {
        let disease = coding_in(&node, DISEASES)?.ok_or_else(|| {
            node.refuse("is not a disease of MONDO, the only code that claims carry")
        })?;
        let disease: MondoId = disease.parse()?;
        if terms.disease.replace(disease).is_some() {
            return Err(node.refuse("is a second disease"));
        }
    }
    Ok(terms)
}

/// Where no purpose is named, research for what is about research, otherwise all.
fn with_purposes(mut terms: Terms, scope: Code<ConsentScope>) -> Terms {
    let all = if scope.is("research") || terms.duo_permission.is_some() {
        Mask::from_words(["HRESCH"]).unwrap_or_default()
    } else {
        Mask::full()
    };
    terms.purposes = Some(terms.purposes.unwrap_or(all).closure());
    terms
}

fn add<V: Coded>(mask: Option<Mask<V>>, code: Code<V>) -> Option<Mask<V>> {
    Some(mask.unwrap_or_default().with(code))
}

fn recipient(node: &Node<'_>) -> Result<String, CredentialError> {
    let actor = node.object()?;
    let role = actor.require("role")?;
    let code = coding_in(&role, PARTICIPATIONS)?;
    if !code.is_some_and(|code| code.value == "IRCP" || code.value == "PRCP") {
        return Err(role.refuse("is not a recipient (IRCP or PRCP): claims carry only recipients"));
    }
    let recipient = actor.require("reference")?;
    let name = reference(&recipient)?;
    let checked: Result<Text, Rule> = name.parse();
    checked.map_err(|rule| rule.at(&recipient.path))?;
    Ok(name)
}

fn action(node: &Node<'_>) -> Result<Code<Action>, CredentialError> {
    let own = format!("{CODE_SYSTEMS}consent-action");
    let code = match coding_in(node, ACTIONS)? {
        Some(code) => Some(code),
        None => coding_in(node, &own)?,
    };
    code.ok_or_else(|| node.refuse("has no coding of an action"))?.parse()
}

fn sensitivity(node: &Node<'_>) -> Result<Code<Sensitivity>, CredentialError> {
    let coding = Coding::read(node)?;
    match coding.system {
        POLICY_RULES | CONFIDENTIALITY => coding.code.parse(),
        _ => Err(node.refuse("is neither of v3-ActCode nor of v3-Confidentiality")),
    }
}

fn data_use(terms: &mut Terms, code: &Node<'_>) -> Result<(), CredentialError> {
    // duo.csv writes `DUO:0000044`, duo.owl `DUO_0000044` and for NPOA `DUO_00000044`.
    let text = code.text()?;
    let digits = text.strip_prefix("DUO:").or_else(|| text.strip_prefix("DUO_"));
    let number: Option<u32> = digits.and_then(|digits| digits.parse().ok());
    let number = number.ok_or_else(|| code.refuse("is not DUO: and a number"))?;
    if let Ok(permission) = Code::from_integer(number) {
        if terms.duo_permission.replace(permission).is_some() {
            return Err(code.refuse("is a second data use permission"));
        }
        return Ok(());
    }
    let modifier = Code::from_integer(number).map_err(|rule| rule.at(&code.path))?;
    terms.duo_modifiers = terms.duo_modifiers.with(modifier);
    Ok(())
}

fn data_class(node: &Node<'_>) -> Result<Code<DataClass>, CredentialError> {
    let coding = Coding::read(node)?;
    if coding.system == format!("{CODE_SYSTEMS}data-class") {
        return coding.code.parse();
    }
    let text = coding.code.text()?;
    let known = CLASS_OF_TYPE.iter().find(|(kind, _)| *kind == text);
    match known {
        Some((_, class)) if coding.system == RESOURCE_TYPES => {
            class.parse().map_err(|rule: Rule| rule.at(&node.path))
        }
        _ => Err(node.refuse("is not a class of data that claims carry")),
    }
}

/// A permit inside the root's limits.
fn within(terms: Terms, limits: &Terms, path: &str) -> Result<Terms, CredentialError> {
    let recipients = match (terms.recipients, &limits.recipients) {
        (Some(named), Some(limit)) => Some(named.intersection(limit).cloned().collect()),
        (named, limit) => named.or(limit.clone()),
    };
    let narrowed = Terms {
        purposes: narrow(terms.purposes.map(Mask::closure), limits.purposes.map(Mask::closure)),
        actions: narrow(terms.actions, limits.actions),
        data: narrow(terms.data, limits.data),
        recipients,
        sensitive: terms.sensitive.union(limits.sensitive),
        duo_permission: terms.duo_permission.or(limits.duo_permission),
        duo_modifiers: terms.duo_modifiers.union(limits.duo_modifiers),
        disease: terms.disease.or(limits.disease),
        from: terms.from.max(limits.from),
        to: earlier(terms.to, limits.to),
    };
    let conflicting = terms
        .duo_permission
        .is_some_and(|named| limits.duo_permission.is_some_and(|limit| limit != named));
    if conflicting {
        return Err(CredentialError::invalid(
            path,
            "has another data use permission than the root",
        ));
    }
    not_empty(narrowed, path)
}

fn narrow<V: Coded>(named: Option<Mask<V>>, limit: Option<Mask<V>>) -> Option<Mask<V>> {
    match (named, limit) {
        (Some(named), Some(limit)) => Some(named.intersection(limit)),
        (named, limit) => named.or(limit),
    }
}

fn earlier(one: Option<Day>, other: Option<Day>) -> Option<Day> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Two permits as one, over their common period.
fn join(one: Terms, other: Terms, path: &str) -> Result<Terms, CredentialError> {
    let differs = [
        one.purposes != other.purposes,
        one.actions != other.actions,
        one.data != other.data,
        one.recipients != other.recipients,
        one.sensitive != other.sensitive,
        one.duo_permission != other.duo_permission
            || one.duo_modifiers != other.duo_modifiers
            || one.disease != other.disease,
    ];
    let data_use_differs = differs[5];
    if data_use_differs || differs.iter().filter(|differs| **differs).count() > 1 {
        return Err(CredentialError::invalid(
            path,
            "differs from an earlier permit in more than one dimension: flattening would widen it",
        ));
    }
    let recipients = match (one.recipients, other.recipients) {
        (Some(one), Some(other)) => Some(one.union(&other).cloned().collect()),
        _ => None,
    };
    let joined = Terms {
        purposes: widen(one.purposes, other.purposes),
        actions: widen(one.actions, other.actions),
        data: widen(one.data, other.data),
        recipients,
        sensitive: one.sensitive.union(other.sensitive),
        from: one.from.max(other.from),
        to: earlier(one.to, other.to),
        ..one
    };
    not_empty(joined, path)
}

fn widen<V: Coded>(one: Option<Mask<V>>, other: Option<Mask<V>>) -> Option<Mask<V>> {
    one.zip(other).map(|(one, other)| one.union(other))
}

/// What a denial leaves: it takes away along the first dimension that it names.
fn without(permitted: Terms, denied: Terms, path: &str) -> Result<Terms, CredentialError> {
    let mut left = permitted;
    if !denied.sensitive.is_empty() {
        left.sensitive = left.sensitive.difference(denied.sensitive);
    } else if let Some(actions) = denied.actions {
        left.actions = Some(left.actions.unwrap_or(unnamed_actions()).difference(actions));
    } else if let Some(data) = denied.data {
        left.data = Some(left.data.unwrap_or(unnamed_data()).difference(data));
    } else if let Some(purposes) = denied.purposes {
        left.purposes = Some(left.purposes.unwrap_or_default().without(purposes));
    } else if let (Some(recipients), Some(known)) = (&denied.recipients, &left.recipients) {
        left.recipients = Some(known.difference(recipients).cloned().collect());
    } else {
        return Err(CredentialError::invalid(
            path,
            "denies what the claims cannot take away: everything, or a recipient among all",
        ));
    }
    not_empty(left, path)
}

fn not_empty(terms: Terms, path: &str) -> Result<Terms, CredentialError> {
    let emptied = terms.purposes.is_some_and(|mask| mask.is_empty())
        || terms.actions.is_some_and(|mask| mask.is_empty())
        || terms.data.is_some_and(|mask| mask.is_empty())
        || terms.recipients.as_ref().is_some_and(BTreeSet::is_empty)
        || terms.from.zip(terms.to).is_some_and(|(from, to)| to < from);
    if emptied {
        return Err(CredentialError::invalid(path, "leaves nothing permitted"));
    }
    Ok(terms)
}
