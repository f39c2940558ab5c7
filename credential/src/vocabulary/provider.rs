//! Registries of provider credentials.

use super::vocabulary;

vocabulary! {
    /// The 62 two-letter codes of the US Postal Service: states, DC, territories, freely associated
    /// states and military addresses.
    State, "us-state", 1, [
        (1, "AL"),
        (2, "AK"),
        (3, "AZ"),
        (4, "AR"),
        (5, "CA"),
        (6, "CO"),
        (7, "CT"),
        (8, "DE"),
        (9, "DC"),
        (10, "FL"),
        (11, "GA"),
        (12, "HI"),
        (13, "ID"),
        (14, "IL"),
        (15, "IN"),
        (16, "IA"),
        (17, "KS"),
        (18, "KY"),
        (19, "LA"),
        (20, "ME"),
        (21, "MD"),
        (22, "MA"),
        (23, "MI"),
        (24, "MN"),
        (25, "MS"),
        (26, "MO"),
        (27, "MT"),
        (28, "NE"),
        (29, "NV"),
        (30, "NH"),
        (31, "NJ"),
        (32, "NM"),
        (33, "NY"),
        (34, "NC"),
        (35, "ND"),
        (36, "OH"),
        (37, "OK"),
        (38, "OR"),
        (39, "PA"),
        (40, "RI"),
        (41, "SC"),
        (42, "SD"),
        (43, "TN"),
        (44, "TX"),
        (45, "UT"),
        (46, "VT"),
        (47, "VA"),
        (48, "WA"),
        (49, "WV"),
        (50, "WI"),
        (51, "WY"),
        (52, "AS"),
        (53, "GU"),
        (54, "MP"),
        (55, "PR"),
        (56, "VI"),
        (57, "FM"),
        (58, "MH"),
        (59, "PW"),
        (60, "AA"),
        (61, "AE"),
        (62, "AP"),
    ]
}

vocabulary! {
    /// What a ProviderCredential attests.
    CredentialKind, "credential-kind", 1, [
        (1, "licence"),
        (2, "compact-privilege"),
        (3, "board-certification"),
        (4, "dea-registration"),
        (5, "exclusion-clear"),
        (6, "malpractice-cover"),
        (7, "education"),
        (8, "hospital-privilege"),
    ]
}

vocabulary! {
    /// On what authority a licence permits practice.
    Authority, "authority", 1, [
        (1, "single-state"),
        (2, "nlc-multistate"),
        (3, "purchased-compact-privilege"),
        (4, "imlc-full-licence"),
        (5, "temporary"),
        (6, "telehealth-registration"),
        (7, "federal"),
    ]
}

vocabulary! {
    /// The interstate compact that a licence or privilege belongs to.
    Compact, "compact", 1, [
        (1, "nlc"),
        (2, "imlc"),
        (3, "pt-compact"),
        (4, "psypact"),
        (5, "emsc"),
        (6, "aslp-ic"),
        (7, "ot-compact"),
        (8, "counseling-compact"),
        (9, "pa-compact"),
        (10, "aprn-compact"),
        (11, "social-work-compact"),
        (12, "dietitian-compact"),
        (13, "dental-compact"),
    ]
}

vocabulary! {
    /// Licence types. `NP`, `CNS`, `CRNA` and `CNM` are the four advanced practice registered nurse
    /// roles; `LPN` also stands for the licensed vocational nurse.
    LicenceType, "licence-type", 1, [
        (1, "MD"),
        (2, "DO"),
        (3, "RN"),
        (4, "LPN"),
        (5, "NP"),
        (6, "CNS"),
        (7, "CRNA"),
        (8, "CNM"),
        (9, "PA"),
        (10, "PharmD"),
        (11, "DDS"),
        (12, "DMD"),
        (13, "DPM"),
        (14, "OD"),
        (15, "DC"),
        (16, "PSY"),
        (17, "LCSW"),
        (18, "LPC"),
        (19, "LMFT"),
        (20, "PT"),
        (21, "PTA"),
        (22, "OT"),
        (23, "OTA"),
        (24, "RRT"),
        (25, "SLP"),
        (26, "AUD"),
        (27, "RD"),
        (28, "EMT"),
        (29, "AEMT"),
        (30, "PARAMEDIC"),
        (31, "RDH"),
        (32, "LAc"),
        (33, "ND"),
    ]
}

vocabulary! {
    /// Status of a qualification (FHIR R6 ballot).
    Status, "qualification-status", 1, [
        (1, "active"),
        (2, "inactive"),
        (3, "in-progress"),
        (4, "pending"),
        (5, "temporary"),
        (6, "conditional"),
        (7, "suspended"),
        (8, "revoked"),
    ]
}

vocabulary! {
    /// Encumbrances of a licence, a bit each (CompactConnect, derived from the National Practitioner
    /// Data Bank), and an open investigation.
    Standing, "standing", 1, [
        (0, "fine"),
        (1, "reprimand"),
        (2, "required-supervision"),
        (3, "completion-of-continuing-education"),
        (4, "public-reprimand"),
        (5, "probation"),
        (6, "injunctive-action"),
        (7, "suspension"),
        (8, "revocation"),
        (9, "denial"),
        (10, "surrender-of-licence"),
        (11, "modification-extension"),
        (12, "modification-reduction"),
        (13, "other-monitoring"),
        (14, "other-adjudicated-action"),
        (15, "under-investigation"),
    ]
}

vocabulary! {
    /// Status of a specialty board's certification.
    BoardStatus, "board-status", 1, [
        (1, "active"),
        (2, "expired"),
        (3, "inactive"),
        (4, "probation"),
        (5, "suspended"),
        (6, "revoked"),
        (7, "retired"),
        (8, "not-participating"),
    ]
}

vocabulary! {
    /// Schedules of a controlled-substance registration, a bit each. `IIN` and `IIIN` are the
    /// non-narcotic halves of II and III.
    DeaSchedule, "dea-schedule", 1, [
        (0, "II"),
        (1, "IIN"),
        (2, "III"),
        (3, "IIIN"),
        (4, "IV"),
        (5, "V"),
    ]
}

vocabulary! {
    /// How a fact was verified (`http://terminology.hl7.org/CodeSystem/validation-process`).
    PsvProcess, "validation-process", 1, [
        (1, "edit-check"),
        (2, "valueset"),
        (3, "primary"),
        (4, "multi"),
        (5, "standalone"),
        (6, "in-context"),
    ]
}

vocabulary! {
    /// Where a fact was verified (`http://terminology.hl7.org/CodeSystem/primary-source-type`).
    PsvSource, "primary-source-type", 1, [
        (1, "lic-board"),
        (2, "prim"),
        (3, "cont-ed"),
        (4, "post-serv"),
        (5, "rel-own"),
        (6, "reg-auth"),
        (7, "legal"),
        (8, "issuer"),
        (9, "auth-source"),
    ]
}
