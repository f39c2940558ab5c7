use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod bundle;

const PRACTITIONER: &str = include_str!("../../../../examples/practitioner.json");
const CONSENT: &str = include_str!("../../../../examples/consent.json");

fn practitioner() -> Value {
    serde_json::from_str(PRACTITIONER).unwrap()
}

fn consent() -> Value {
    serde_json::from_str(CONSENT).unwrap()
}

fn only(value: &Value) -> Preview {
    let mut previews = preview(value.to_string().as_bytes());
    assert_eq!(previews.len(), 1);
    previews.remove(0)
}

fn reason(value: &Value) -> String {
    only(value).reason.expect("a refusal")
}

fn claims(value: &Value) -> Value {
    let preview = only(value);
    assert_eq!(preview.outcome, Outcome::Issuable, "{:?}", preview.reason);
    serde_json::to_value(preview.claims).unwrap()
}

/// Changes the value at a JSON pointer, or removes it if the change is null.
fn change(mut value: Value, pointer: &str, to: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap();
    match (to, parent) {
        (Value::Null, Value::Object(map)) => drop(map.remove(name)),
        (to, Value::Object(map)) => drop(map.insert(name.to_owned(), to)),
        (to, Value::Array(items)) => items[name.parse::<usize>().unwrap()] = to,
        _ => unreachable!(),
    }
    value
}

fn permit(terms: Value) -> Value {
    let mut terms = terms;
    terms["type"] = json!("permit");
    terms
}

#[test]
fn the_bundled_practitioner_is_issuable() {
    let preview = only(&practitioner());
    assert_eq!(preview.resource, "Practitioner/alma-reyes.qualification[0]");
    assert!(preview.warnings.is_empty());
    assert_eq!(
        claims(&practitioner()),
        json!({
            "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456",
            "name": "Alma Reyes", "jurisdiction": "CA", "authority": "single-state",
            "licenceType": "MD", "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01",
            "renewedOn": "2025-07-01", "expiresOn": "2029-06-30", "taxonomy": "207RC0000X"
        })
    );
}

#[test]
fn the_bundled_consent_is_issuable() {
    let claims = claims(&consent());
    assert_eq!(claims["study"], "NCT09000016");
    assert_eq!(claims["formVersion"], "2.1");
    assert_eq!(claims["performer"], "self");
    assert_eq!(claims["defaultDecision"], "deny");
    assert_eq!(claims["purposes"], json!(["CLINTRCH", "CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH"]));
    assert_eq!(claims["actions"], json!(["collect", "access", "use"]));
    assert_eq!(claims["data"], json!(["observations", "reports", "questionnaires"]));
    assert_eq!(claims["recipients"], json!(["Organization/sponsor"]));
    assert_eq!(claims["dataTo"], "2031-01-09");
    assert_eq!(claims["formHash"].as_str().unwrap().len(), 64);
}

#[test]
fn active_is_not_validity() {
    let open = change(practitioner(), "/qualification/0/period/end", Value::Null);
    assert_eq!(
        reason(&open),
        "Practitioner.qualification[0].period.end is required: validity is derived from it, not \
         from a status"
    );
    let inactive = change(practitioner(), "/active", json!(false));
    assert_eq!(reason(&inactive), "Practitioner.active is false: the record is no longer in use");
}

#[test]
fn wrong_identifiers_are_warned_of_and_never_issued() {
    let wrong = change(practitioner(), "/identifier/0/value", json!("9941339100"));
    let preview = only(&wrong);
    let expected = "Practitioner.identifier[0].value is not an NPI: the first digit is neither 1 \
                    nor 2";
    assert_eq!(preview.reason.as_deref(), Some(expected));
    assert_eq!(preview.warnings, [expected]);

    let foreign = change(practitioner(), "/identifier/0/system", json!("urn:oid:1.2.3"));
    let preview = only(&foreign);
    assert_eq!(
        preview.reason.as_deref(),
        Some(
            "Practitioner.identifier has no National Provider Identifier (http://hl7.org/fhir/sid/us-npi)"
        )
    );
    assert_eq!(preview.warnings, ["Practitioner.identifier[0] is not an NPI and is not issued"]);
}

#[test]
fn errors_name_the_element_and_the_rule() {
    let qualification = "/qualification/0";
    let cases = [
        (
            "period/start",
            json!("2015"),
            "Practitioner.qualification[0].period.start is not a full date that fits the calendar",
        ),
        (
            "period/end",
            json!("2014-01-01"),
            "Practitioner.qualification[0].period.end is before start",
        ),
        (
            "code/coding",
            json!([]),
            "Practitioner.qualification[0].code has no coding of a licence (v2-0360 or our licence-type) or a specialty (NUCC)",
        ),
        (
            "identifier",
            Value::Null,
            "Practitioner.qualification[0]: licence_number is required of a licence",
        ),
        (
            "modifierExtension",
            json!([{"url": "x"}]),
            "Practitioner.qualification[0].modifierExtension changes the meaning of the resource and is not understood",
        ),
        (
            "extension/1/url",
            json!("https://attestry.example/fhir/StructureDefinition/colour"),
            "Practitioner.qualification[0].extension[1].url is not an extension of this element",
        ),
        (
            "extension/0/extension/0/valueCode",
            json!("valid"),
            "Practitioner.qualification[0].extension[0].extension[0].valueCode is not a word of the vocabulary qualification-status (version 1)",
        ),
    ];
    for (pointer, to, expected) in cases {
        let changed = change(practitioner(), &format!("{qualification}/{pointer}"), to);
        assert_eq!(reason(&changed), expected);
    }
}

#[test]
fn each_qualification_stands_alone() {
    let mut two = practitioner();
    let certification = json!({
        "code": {"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "207RC0000X"}]},
        "period": {"start": "2019-01-01", "end": "2030-12-31"},
        "extension": [{
            "url": "https://attestry.example/fhir/StructureDefinition/board-status",
            "valueCode": "active"
        }]
    });
    two["qualification"].as_array_mut().unwrap().push(certification);
    two["qualification"].as_array_mut().unwrap().push(json!({"code": {}}));
    let previews = preview(two.to_string().as_bytes());
    let outcomes: Vec<_> = previews.iter().map(|preview| preview.outcome).collect();
    assert_eq!(outcomes, [Outcome::Issuable, Outcome::Issuable, Outcome::Refused]);
    let claims = serde_json::to_value(&previews[1].claims).unwrap();
    assert_eq!(claims["kind"], "board-certification");
    assert_eq!(claims["boardStatus"], "active");
}

fn verification(status: &str) -> Value {
    json!({
        "resourceType": "VerificationResult", "id": "check", "status": status,
        "target": [{"reference": "Practitioner/alma-reyes"}],
        "targetLocation": ["Practitioner.qualifications[0]"],
        "validationProcess": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/validation-process", "code": "primary"
        }]}],
        "nextScheduled": "2026-12-30",
        "primarySource": [{
            "type": [{"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/primary-source-type",
                "code": "lic-board"
            }]}],
            "validationStatus": {"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/validation-status",
                "code": "successful"
            }]},
            "validationDate": "2026-09-01T13:26:22.0314215+00:00"
        }]
    })
}

fn bundle(resources: &[Value]) -> Vec<Preview> {
    let entries: Vec<_> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    preview(json!({"resourceType": "Bundle", "entry": entries}).to_string().as_bytes())
}

#[test]
fn a_verification_in_the_bundle_adds_its_source_and_date() {
    let previews = bundle(&[practitioner(), verification("validated")]);
    let claims = serde_json::to_value(&previews[0].claims).unwrap();
    assert_eq!(claims["psvProcess"], "primary");
    assert_eq!(claims["psvSource"], "lic-board");
    assert_eq!(claims["psvOn"], "2026-09-01");
    assert_eq!(claims["nextCheckOn"], "2026-12-30");
    assert_eq!(
        previews[1].reason.as_deref(),
        Some(
            "VerificationResult is evidence for a Practitioner in the same Bundle, not a credential of its own"
        )
    );
}

#[test]
fn a_failed_verification_refuses_and_an_attested_one_is_not_used() {
    let failed = bundle(&[practitioner(), verification("val-fail")]);
    assert_eq!(
        failed[0].reason.as_deref(),
        Some("VerificationResult.status says that the verification failed")
    );
    let attested = bundle(&[practitioner(), verification("attested")]);
    let claims = serde_json::to_value(&attested[0].claims).unwrap();
    assert!(claims.get("psvOn").is_none());
    assert_eq!(
        attested[0].warnings,
        ["VerificationResult.status is not validated: it is not used"]
    );
}

#[test]
fn a_role_is_a_privilege_of_the_practitioner_that_it_names() {
    let role = json!({
        "resourceType": "PractitionerRole", "id": "cardiology", "active": true,
        "practitioner": {"reference": "Practitioner/alma-reyes"},
        "period": {"start": "2025-01-01", "end": "2026-12-31"},
        "specialty": [{"coding": [{
            "system": "http://nucc.org/provider-taxonomy", "code": "207RC0000X"
        }]}]
    });
    let previews = bundle(&[practitioner(), role.clone()]);
    let claims = serde_json::to_value(&previews[1].claims).unwrap();
    assert_eq!(claims["kind"], "hospital-privilege");
    assert_eq!(claims["npi"], "1234567893");
    assert_eq!(claims["name"], "Alma Reyes");
    assert_eq!(claims["expiresOn"], "2026-12-31");
    assert!(only(&role).reason.unwrap().contains("no National Provider Identifier"));
}

#[test]
fn consents_that_are_not_in_force_or_signed_by_nobody_grant_nothing() {
    let inactive = change(consent(), "/status", json!("inactive"));
    assert_eq!(
        reason(&inactive),
        "Consent.status is not active: what is not in force grants nothing"
    );
    let unsigned = change(consent(), "/performer", Value::Null);
    assert_eq!(reason(&unsigned), "Consent.performer is required: who consented");
    let other = change(consent(), "/performer/0/reference", json!("RelatedPerson/mother"));
    assert_eq!(
        reason(&other),
        "Consent.performer[0] is not the patient and states no signatory-role"
    );
}

#[test]
fn a_parent_consents_with_the_childs_majority() {
    let url = "https://attestry.example/fhir/StructureDefinition/";
    let performer = json!([{
        "reference": "RelatedPerson/mother",
        "extension": [{"url": format!("{url}signatory-role"), "valueCode": "parent-and-child-assent"}]
    }]);
    let mut signed = change(consent(), "/performer", performer);
    assert_eq!(reason(&signed), "Consent: majority_on is required where a parent consents");
    let majority = json!({"url": format!("{url}majority-date"), "valueDate": "2030-04-01"});
    signed["extension"].as_array_mut().unwrap().push(majority);
    assert_eq!(claims(&signed)["majorityOn"], "2030-04-01");
}

#[test]
fn a_deny_wins_over_a_permit() {
    let denied = json!({"type": "deny", "class": [
        {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}
    ]});
    let narrowed = change(consent(), "/provision/provision/1", denied);
    assert_eq!(claims(&narrowed)["data"], json!(["reports", "questionnaires"]));

    let everything = change(consent(), "/provision/provision/1", json!({"type": "deny"}));
    assert_eq!(
        reason(&everything),
        "Consent.provision.provision[1] denies what the claims cannot take away: everything, or \
         a recipient among all"
    );
}

#[test]
fn permits_join_only_where_that_does_not_widen() {
    let action = |code: &str| {
        json!([{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": code
        }]}])
    };
    let class =
        |code: &str| json!([{"system": "http://hl7.org/fhir/resource-types", "code": code}]);
    let with = |one: Value, other: Value| {
        change(consent(), "/provision/provision", json!([permit(one), permit(other)]))
    };
    let joined = with(
        json!({"action": action("use"), "class": class("Observation"),
            "period": {"start": "2026-02-01", "end": "2030-01-01"}}),
        json!({"action": action("use"), "class": class("Specimen"),
            "period": {"start": "2026-01-20", "end": "2028-01-01"}}),
    );
    let claims = claims(&joined);
    assert_eq!(claims["data"], json!(["observations", "specimens"]));
    assert_eq!(claims["dataFrom"], "2026-02-01");
    assert_eq!(claims["dataTo"], "2028-01-01");
    assert_eq!(claims["purposes"].as_array().unwrap().len(), 9);

    let crossed = with(
        json!({"action": action("use"), "class": class("Observation")}),
        json!({"action": action("collect"), "class": class("Specimen")}),
    );
    assert_eq!(
        reason(&crossed),
        "Consent.provision.provision[1] differs from an earlier permit in more than one \
         dimension: flattening would widen it"
    );
}

#[test]
fn limits_that_claims_cannot_carry_refuse_the_consent() {
    let cases = [
        (
            "dataPeriod",
            json!({"start": "2020-01-01"}),
            "Consent.provision.provision[0].dataPeriod is a limit that the claims cannot carry",
        ),
        (
            "class/0",
            json!({"system": "urn:ietf:bcp:13", "code": "application/pdf"}),
            "Consent.provision.provision[0].class[0] is not a class of data that claims carry",
        ),
        (
            "code",
            json!([{"coding": [{"system": "http://loinc.org", "code": "34133-9"}]}]),
            "Consent.provision.provision[0].code[0] is not a disease of MONDO, the only code that claims carry",
        ),
        (
            "purpose/0/system",
            json!("http://example.org"),
            "Consent.provision.provision[0].purpose[0] is neither of v3-ActReason nor of DUO",
        ),
    ];
    for (pointer, to, expected) in cases {
        let changed = change(consent(), &format!("/provision/provision/0/{pointer}"), to);
        assert_eq!(reason(&changed), expected);
    }
}

#[test]
fn data_use_codes_are_read_in_all_their_spellings() {
    let purpose = json!([
        {"system": "http://purl.obolibrary.org/obo/duo.owl", "code": "DUO:0000007"},
        {"system": "http://purl.obolibrary.org/obo/duo.owl", "code": "DUO_00000044"},
        {"system": "http://purl.obolibrary.org/obo/duo.owl", "code": "DUO:0000046"}
    ]);
    let changed = change(consent(), "/provision/provision/0/purpose", purpose);
    let code = json!([{"coding": [{
        "system": "http://purl.obolibrary.org/obo/mondo.owl", "code": "MONDO:0005148"
    }]}]);
    let claims = claims(&change(changed, "/provision/provision/0/code", code));
    assert_eq!(claims["duoPermission"], "DS");
    assert_eq!(claims["duoModifiers"], json!(["NPOA", "NCU"]));
    assert_eq!(claims["disease"], "MONDO:0005148");
    assert_eq!(claims["purposes"].as_array().unwrap().len(), 9);
}

#[test]
fn the_latest_consent_of_a_patient_to_a_study_holds() {
    let earlier = change(consent(), "/dateTime", json!("2025-03-01"));
    let elsewhere = change(consent(), "/patient/reference", json!("Patient/participant-18"));
    let elsewhere = change(elsewhere, "/performer/0/reference", json!("Patient/participant-18"));
    let previews = bundle(&[earlier, consent(), elsewhere]);
    let outcomes: Vec<_> = previews.iter().map(|preview| preview.outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Issuable, Outcome::Issuable]);
}

#[test]
fn the_form_is_hashed_and_must_agree_with_a_stated_hash() {
    let stated = json!([{
        "url": "https://attestry.example/fhir/StructureDefinition/form-sha256",
        "valueString": "00".repeat(32)
    }]);
    let changed = change(consent(), "/sourceAttachment/extension", stated);
    assert_eq!(
        reason(&changed),
        "Consent.sourceAttachment has data whose SHA-256 is not the stated one"
    );
}

#[test]
fn what_is_no_resource_is_refused_as_a_whole() {
    for text in
        ["", "[]", "{}", r#"{"resourceType":1}"#, r#"{"resourceType":"Bundle","entry":[1]}"#]
    {
        let previews = preview(text.as_bytes());
        assert_eq!(previews.len(), 1, "{text}");
        assert_eq!(previews[0].outcome, Outcome::Refused);
    }
}

/// Replaces one place of a JSON value by another.
fn mutate(value: &mut Value, path: &[usize], replacement: &Value) {
    let Some((step, rest)) = path.split_first() else {
        *value = replacement.clone();
        return;
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let index = step % items.len();
            mutate(&mut items[index], rest, replacement);
        }
        Value::Object(map) if !map.is_empty() => {
            let index = step % map.len();
            if let Some((_, inner)) = map.iter_mut().nth(index) {
                mutate(inner, rest, replacement);
            }
        }
        other => *other = replacement.clone(),
    }
}

fn small_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{}])),
        Just(json!("deny")),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_previewed_without_a_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(!preview(&bytes).is_empty());
    }

    #[test]
    fn changed_resources_are_previewed_without_a_panic(
        which in any::<bool>(),
        path in prop::collection::vec(0usize..32, 0..10),
        replacement in small_json(),
    ) {
        let mut value = if which { practitioner() } else { consent() };
        mutate(&mut value, &path, &replacement);
        prop_assert!(!preview(value.to_string().as_bytes()).is_empty());
        let wrapped = json!({"resourceType": "Bundle", "entry": [
            {"resource": value}, {"resource": verification("validated")}
        ]});
        preview(wrapped.to_string().as_bytes());
    }
}
