//! Registries of consent grants.

use super::vocabulary;

vocabulary! {
    /// What a consent is about (`http://terminology.hl7.org/CodeSystem/consentscope`).
    ConsentScope, "consent-scope", 1, [
        (1, "adr"),
        (2, "research"),
        (3, "patient-privacy"),
        (4, "treatment"),
    ]
}

vocabulary! {
    /// What holds where no provision speaks.
    Decision, "decision", 1, [
        (0, "deny"),
        (1, "permit"),
    ]
}

vocabulary! {
    /// Registries of studies.
    StudyRegistry, "study-registry", 1, [
        (1, "NCT"),
        (2, "CTIS"),
        (3, "ISRCTN"),
        (4, "DRKS"),
    ]
}

vocabulary! {
    /// GA4GH Data Use Ontology, permissions. An integer is the ontology's number.
    DuoPermission, "duo-permission", 1, [
        (4, "NRES"),
        (6, "HMB"),
        (7, "DS"),
        (11, "POA"),
        (42, "GRU"),
    ]
}

vocabulary! {
    /// GA4GH Data Use Ontology, modifiers. A bit is the ontology's number.
    DuoModifier, "duo-modifier", 1, [
        (12, "RS"),
        (15, "NMDS"),
        (16, "GSO"),
        (18, "NPUNCU"),
        (19, "PUB"),
        (20, "COL"),
        (21, "IRB"),
        (22, "GS"),
        (24, "MOR"),
        (25, "TS"),
        (26, "US"),
        (27, "PS"),
        (28, "IS"),
        (29, "RTN"),
        (43, "CC"),
        (44, "NPOA"),
        (45, "NPU"),
        (46, "NCU"),
    ]
}

vocabulary! {
    /// What may be done, a bit each: the five of
    /// `http://terminology.hl7.org/CodeSystem/consentaction`, then those that research consents name
    /// one by one.
    Action, "consent-action", 1, [
        (0, "collect"),
        (1, "access"),
        (2, "use"),
        (3, "disclose"),
        (4, "correct"),
        (5, "recontact"),
        (6, "biobank"),
        (7, "genetic-test"),
        (8, "future-use"),
        (9, "transfer-third-country"),
        (10, "commercial"),
    ]
}

vocabulary! {
    /// Sensitive classes, a bit each: those of the v3 ActCode confidentiality codes that IHE's Privacy
    /// Consent on FHIR names, 42 CFR Part 2, genetic and reproductive health data.
    Sensitivity, "sensitivity", 1, [
        (0, "ETH"),
        (1, "ETHUD"),
        (2, "OPIOIDUD"),
        (3, "PSY"),
        (4, "SDV"),
        (5, "HIV"),
        (6, "R"),
        (7, "PART2"),
        (8, "GENETIC"),
        (9, "REPRO"),
    ]
}

vocabulary! {
    /// Classes of data, a bit each. A class is a set of FHIR resource types: see
    /// [`fhir`](crate::fhir).
    DataClass, "data-class", 1, [
        (0, "demographics"),
        (1, "encounters"),
        (2, "problems"),
        (3, "observations"),
        (4, "medications"),
        (5, "allergies"),
        (6, "immunisations"),
        (7, "procedures"),
        (8, "reports"),
        (9, "notes"),
        (10, "imaging"),
        (11, "genomics"),
        (12, "specimens"),
        (13, "care-plans"),
        (14, "devices"),
        (15, "family-history"),
        (16, "questionnaires"),
        (17, "claims"),
    ]
}

vocabulary! {
    /// Who gave the consent.
    Performer, "consent-performer", 1, [
        (1, "self"),
        (2, "parent"),
        (3, "guardian"),
        (4, "authorised-representative"),
        (5, "power-of-attorney"),
        (6, "parent-and-child-assent"),
    ]
}

vocabulary! {
    /// How the consent was signed.
    SignatureKind, "signature-kind", 1, [
        (1, "ink-scan"),
        (2, "part-11"),
        (3, "qualified"),
        (4, "witnessed-verbal"),
        (5, "registry-opt-out"),
    ]
}

vocabulary! {
    /// What a withdrawal can ask for under the consent's terms, a bit each.
    WithdrawalTerm, "withdrawal-term", 1, [
        (0, "stop-intervention"),
        (1, "stop-follow-up"),
        (2, "stop-future-use"),
        (3, "destroy-samples"),
        (4, "delete-identifiers"),
    ]
}
