//! Bundles whose resources refer to each other: participations, studies, evidence, holders.

use super::*;

const NCT: &str = "NCT09000016";
const HOLDER: &str = "0x0000000000000000000000000000000000000000000000000000000000000007";

/// The bundled consent without the extension that names its study.
fn consent_without_study() -> Value {
    let mut consent = consent();
    consent["extension"].as_array_mut().unwrap().remove(0);
    consent
}

fn study(identifiers: &[&str]) -> Value {
    let identifiers: Vec<_> = identifiers.iter().map(|value| json!({"value": value})).collect();
    json!({"resourceType": "ResearchStudy", "id": "trial", "status": "active",
        "identifier": identifiers})
}

fn participation(status: &str) -> Value {
    json!({
        "resourceType": "ResearchSubject", "id": "enrolment", "status": status,
        "study": {"reference": "ResearchStudy/trial"},
        "individual": {"reference": "Patient/participant-17"},
        "consent": {"reference": "Consent/study-participation"}
    })
}

fn import_all(resources: &[Value]) -> Vec<Imported> {
    let entries: Vec<_> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    import(json!({"resourceType": "Bundle", "entry": entries}).to_string().as_bytes()).unwrap()
}

#[test]
fn a_participation_gives_its_consent_the_study_that_it_lacks() {
    let resources =
        [consent_without_study(), participation("on-study"), study(&["IRB-2026-4", NCT])];
    let previews = super::bundle(&resources);
    let claims = serde_json::to_value(&previews[0].claims).unwrap();
    assert_eq!(claims["study"], NCT);
    assert_eq!(claims["formVersion"], "2.1");
    assert_eq!(
        previews[1].reason.as_deref(),
        Some(
            "ResearchSubject is evidence for a Consent in the same Bundle, not a credential of \
             its own"
        )
    );
    let parts: Vec<Part> = import_all(&resources).iter().map(|imported| imported.part).collect();
    assert_eq!(parts, [Part::Credential, Part::Evidence, Part::Context]);
}

#[test]
fn a_consent_may_refer_to_the_study_in_its_bundle() {
    let referred = change(
        consent(),
        "/extension/0/valueReference",
        json!({"reference": "ResearchStudy/trial"}),
    );
    let previews = super::bundle(&[referred.clone(), study(&[NCT])]);
    assert_eq!(serde_json::to_value(&previews[0].claims).unwrap()["study"], NCT);
    let unregistered = super::bundle(&[referred, study(&["IRB-2026-4"])]);
    assert_eq!(
        unregistered[0].reason.as_deref(),
        Some(
            "Consent names a study without an identifier of a registry (NCT, ISRCTN, DRKS or CTIS)"
        )
    );
}

#[test]
fn who_has_left_the_study_has_no_consent_to_show() {
    let cases = [
        ("withdrawn", "says that the participant has withdrawn"),
        ("off-study", "says that the participant has left the study"),
        ("ineligible", "says that the person is not eligible for the study"),
        ("not-registered", "says that the person is not registered in the study"),
        ("enrolled", "is not a status of a ResearchSubject (FHIR R4)"),
    ];
    for (status, why) in cases {
        let referring = participation(status);
        let naming_none = change(participation(status), "/consent", Value::Null);
        for participation in [referring, naming_none] {
            let previews = super::bundle(&[consent(), participation, study(&[NCT])]);
            let expected = format!("ResearchSubject.status {why}");
            assert_eq!(previews[0].reason.as_deref(), Some(expected.as_str()));
        }
    }
    for status in ["candidate", "screening", "on-study-intervention", "follow-up"] {
        let previews = super::bundle(&[consent(), participation(status), study(&[NCT])]);
        assert_eq!(previews[0].outcome, Outcome::Issuable, "{status}");
    }
}

#[test]
fn a_participation_in_another_study_or_of_another_patient_does_not_touch_a_consent() {
    let elsewhere = change(participation("withdrawn"), "/consent", Value::Null);
    let previews = super::bundle(&[consent(), elsewhere.clone(), study(&["NCT00000001"])]);
    assert_eq!(previews[0].outcome, Outcome::Issuable);
    let other = change(elsewhere, "/individual/reference", json!("Patient/participant-18"));
    let previews = super::bundle(&[consent(), other, study(&[NCT])]);
    assert_eq!(previews[0].outcome, Outcome::Issuable);
}

#[test]
fn a_participation_that_contradicts_its_consent_refuses_it() {
    let previews = super::bundle(&[consent(), participation("on-study"), study(&["NCT00000001"])]);
    assert_eq!(
        previews[0].reason.as_deref(),
        Some("ResearchSubject.study is another study than that of the Consent")
    );
    let other =
        change(participation("on-study"), "/individual/reference", json!("Patient/stranger"));
    let previews = super::bundle(&[consent(), other, study(&[NCT])]);
    assert_eq!(
        previews[0].reason.as_deref(),
        Some("ResearchSubject.individual is not the patient of the Consent")
    );
    for status in ["withdrawn", "disapproved"] {
        let study = change(study(&[NCT]), "/status", json!(status));
        let previews = super::bundle(&[consent(), participation("on-study"), study]);
        assert!(previews[0].reason.as_deref().unwrap().starts_with("ResearchStudy.status says"));
    }
}

#[test]
fn of_several_registrations_the_consent_says_which() {
    let registrations = study(&[NCT, "CTIS2023-503698"]);
    let silent =
        super::bundle(&[consent_without_study(), participation("on-study"), registrations.clone()]);
    assert_eq!(
        silent[0].reason.as_deref(),
        Some(
            "Consent is tied to a study with several registrations and does not say which \
             (consent-ResearchStudyContext)"
        )
    );
    let stated = super::bundle(&[consent(), participation("on-study"), registrations]);
    assert_eq!(serde_json::to_value(&stated[0].claims).unwrap()["study"], NCT);
    let unregistered = [consent_without_study(), participation("on-study"), study(&[])];
    assert_eq!(
        super::bundle(&unregistered)[0].reason.as_deref(),
        Some(
            "ResearchSubject.study names a study without an identifier of a registry (NCT, \
             ISRCTN, DRKS or CTIS)"
        )
    );
}

#[test]
fn a_participation_alone_grants_nothing() {
    let expected = "ResearchSubject ties a participant to a study: what is issued is the Consent \
                    that it references, in the same Bundle";
    assert_eq!(reason(&participation("on-study")), expected);
    let previews = super::bundle(&[participation("on-study"), study(&[NCT])]);
    assert_eq!(previews[0].reason.as_deref(), Some(expected));
}

#[test]
fn the_latest_consent_holds_where_only_the_participation_names_the_study() {
    let earlier = change(consent_without_study(), "/dateTime", json!("2025-03-01"));
    let earlier = change(earlier, "/id", json!("earlier"));
    let enrolled =
        change(participation("on-study"), "/consent/reference", json!("Consent/earlier"));
    let previews = super::bundle(&[consent(), earlier, enrolled, study(&[NCT])]);
    assert_eq!(previews[0].outcome, Outcome::Issuable);
    assert!(
        previews[1].reason.as_deref().unwrap().starts_with("Consent.dateTime is not the latest")
    );
}

#[test]
fn every_resource_of_a_bundle_finds_its_own() {
    let role = json!({
        "resourceType": "PractitionerRole", "id": "cardiology", "active": true,
        "practitioner": {"reference": "Practitioner/alma-reyes"},
        "period": {"start": "2025-01-01", "end": "2026-12-31"}
    });
    let resources = [
        study(&[NCT]),
        participation("on-study"),
        verification("validated"),
        role,
        consent_without_study(),
        practitioner(),
    ];
    let imported = import_all(&resources);
    let issued: Vec<&str> = imported
        .iter()
        .filter(|imported| imported.outcome.is_ok())
        .map(|imported| imported.resource.as_str())
        .collect();
    assert_eq!(
        issued,
        [
            "PractitionerRole/cardiology",
            "Consent/study-participation",
            "Practitioner/alma-reyes.qualification[0]"
        ]
    );
    let provider = serde_json::to_value(imported[5].outcome.as_ref().unwrap()).unwrap();
    assert_eq!(provider["psvSource"], "lic-board");
    let grant = serde_json::to_value(imported[4].outcome.as_ref().unwrap()).unwrap();
    assert_eq!(grant["study"], NCT);
}

#[test]
fn resources_without_an_id_are_told_apart_by_their_full_urls() {
    let anonymous = change(practitioner(), "/id", Value::Null);
    let mut failed = verification("val-fail");
    failed["target"][0]["reference"] = json!("urn:uuid:2");
    let bundle = json!({"resourceType": "Bundle", "entry": [
        {"fullUrl": "urn:uuid:1", "resource": anonymous},
        {"fullUrl": "urn:uuid:2", "resource": anonymous},
        {"resource": failed}
    ]});
    let imported = import(bundle.to_string().as_bytes()).unwrap();
    assert!(imported[0].outcome.is_ok());
    assert!(imported[1].outcome.is_err());
    assert_eq!(imported[2].part, Part::Evidence);
}

#[test]
fn evidence_for_nothing_in_the_bundle_is_not_taken_for_used() {
    let imported = import_all(&[verification("validated"), participation("on-study")]);
    assert!(imported.iter().all(|imported| imported.part == Part::Credential));
    assert!(imported.iter().all(|imported| imported.outcome.is_err()));
}

#[test]
fn a_resource_may_say_whose_the_credential_will_be_and_its_ids_name_it() {
    let stated = json!({
        "url": "https://attestry.example/fhir/StructureDefinition/holder-commitment",
        "valueString": HOLDER
    });
    let mut provider = practitioner();
    provider["extension"] = json!([stated]);
    provider["qualification"][0]["id"] = json!("licence");
    let mut grant = consent();
    grant["extension"].as_array_mut().unwrap().push(stated.clone());
    let imported = import_all(&[provider, grant, practitioner()]);
    let holders: Vec<_> = imported.iter().map(|imported| imported.holder).collect();
    assert_eq!(holders, [HOLDER.parse().ok(), HOLDER.parse().ok(), None]);
    let keys: Vec<_> = imported.iter().map(|imported| imported.key.as_deref()).collect();
    assert_eq!(
        keys,
        [
            Some("Practitioner/alma-reyes.qualification.licence"),
            Some("Consent/study-participation"),
            None
        ]
    );

    let mut wrong = practitioner();
    wrong["extension"] = json!([change(stated, "/valueString", json!("0x07"))]);
    assert_eq!(
        reason(&wrong),
        "Practitioner.extension[0].valueString is not a holder commitment: 0x and 64 lower-case \
         hexadecimal digits"
    );
}
